"""Imports of statements: what they say, and the documents whose titles are names of their entities."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from connectors.sql.access import label_set, store_label_sets
from connectors.sql.knowledge_rows import Rows, Source, import_number, insert_new
from connectors.sql.statements import chunks
from connectors.sql.tables import documents, entity_names, facts, knowledge_imports, passages
from orchestrator.ports import DocumentRow, Import, Statements
from orchestrator.text.entity_names import content_number, folded


def put_import(
    connection: Connection,
    index_id: int,
    given: Import,
    said: Statements,
    by_passage: Mapping[str, Statements],
) -> None:
    """Put an import in the place of the one of its name."""
    number = import_number(given.tenant, given.name)
    remove_import(connection, index_id, number)
    store_label_sets(connection, [given.labels])
    values = {"index_id": index_id, "id": number, "tenant": given.tenant, "name": given.name}
    connection.execute(insert(knowledge_imports).values(**values, labels=label_set(given.labels)))
    rows = Rows(connection, index_id)
    rows.add(Source(index_id, given.tenant, import_id=number), said)
    for part in chunks(by_passage):
        for row in connection.execute(_living(index_id).where(passages.c.id.in_(part))):
            if row.tenant == given.tenant:
                source = Source(index_id, row.tenant, row.document_id, row.id, number)
                rows.add(source, by_passage[row.id])
    rows.write()
    _link_titles(connection, index_id, given.tenant, number)


def remove_import(connection: Connection, index_id: int, number: int) -> bool:
    """Remove an import and what it says; whether there was one."""
    for table in (entity_names, facts):
        connection.execute(delete(table).where(table.c.index_id == index_id, table.c.import_id == number))
    mine = (knowledge_imports.c.index_id == index_id, knowledge_imports.c.id == number)
    return connection.execute(delete(knowledge_imports).where(*mine)).rowcount > 0


def _living(index_id: int) -> Any:
    """The query of passages that are part of an index, with their documents."""
    return (
        select(passages.c.id, passages.c.document_id, documents.c.tenant, documents.c.title)
        .select_from(passages.join(documents))
        .where(passages.c.index_id == index_id, passages.c.retired.is_(None), documents.c.retired.is_(None))
    )


def _link_titles(connection: Connection, index_id: int, tenant: str, number: int) -> None:
    """Link the documents there are to the entities of an import that their titles name."""
    mine = (entity_names.c.import_id == number, entity_names.c.passage == "")
    query = select(entity_names).where(entity_names.c.index_id == index_id, *mine)
    named: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(query):
        named[row.folded].append(row)
    if not named:
        return
    linked: list[dict[str, Any]] = []
    for row in connection.execute(_living(index_id).where(documents.c.tenant == tenant)):
        linked += (
            _link(each, row.title, row.document_id, row.id) for each in named.get(folded(row.title), ())
        )
    insert_new(connection, entity_names, linked)


def link_new_documents(connection: Connection, index_id: int, rows: Iterable[DocumentRow]) -> None:
    """Link new documents to the entities of imports of their tenant that their titles name."""
    there = select(knowledge_imports.c.id, knowledge_imports.c.tenant)
    tenants = {
        row.id: row.tenant
        for row in connection.execute(there.where(knowledge_imports.c.index_id == index_id))
    }
    if not tenants:
        return
    by_title: dict[str, list[DocumentRow]] = defaultdict(list)
    for row in rows:
        if title := folded(row.title):
            by_title[title].append(row)
    linked: list[dict[str, Any]] = []
    for part in chunks(by_title):
        query = select(entity_names).where(
            entity_names.c.index_id == index_id,
            entity_names.c.folded.in_(part),
            entity_names.c.import_id != 0,
            entity_names.c.passage == "",
        )
        for each in connection.execute(query):
            for row in by_title[each.folded]:
                if tenants.get(each.import_id) == row.tenant:
                    linked += (_link(each, row.title, row.id, passage.id) for passage in row.passages)
    insert_new(connection, entity_names, linked)


def _link(named: Row[Any], title: str, document: str, passage: str) -> dict[str, Any]:
    """The row that says that a passage is about the entity of a name, since its title is one."""
    place = (passage, str(named.import_id))
    return {
        "index_id": named.index_id,
        "id": content_number("title", f"{named.entity:016x}", title, *place),
        "entity": named.entity,
        "folded": named.folded,
        "name": title.strip(),
        "alias": True,
        "type": "",
        "definition": "",
        "weight": named.weight,
        "document": document,
        "passage": passage,
        "import_id": named.import_id,
    }
