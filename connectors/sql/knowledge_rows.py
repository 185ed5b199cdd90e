"""Rows of names and facts, from what a source says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, select
from sqlalchemy.dialects import postgresql, sqlite

from connectors.sql.statements import chunks
from connectors.sql.tables import entity_changes, entity_names, facts
from orchestrator.ports import Name, Statements
from orchestrator.text.entity_names import content_number, entity_id, folded

#: Rows of one call of the database.
_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Source:
    """Who says something: a document's passage, an import, or a passage as an import reads it."""

    index_id: int
    tenant: str
    document: str = ""
    passage: str = ""
    import_id: int = 0


def import_number(tenant: str, name: str) -> int:
    """The id of an import."""
    return content_number("import", tenant, name)


class Rows:
    """Collects rows of an index, each once, and writes them."""

    def __init__(self, connection: Connection, index_id: int) -> None:
        self._connection = connection
        self._splits = _splits(connection, index_id)
        self._names: dict[int, dict[str, Any]] = {}
        self._facts: dict[int, dict[str, Any]] = {}

    def add(self, source: Source, said: Statements) -> None:
        """Add what a source says; a name without a character is left out, with its facts."""
        for name in said.names:
            self._name(source, name)
        for triple in said.triples:
            head, tail = self._name(source, triple.head), self._name(source, triple.tail)
            if head is None or tail is None or not triple.relation.strip():
                continue
            values: dict[str, Any] = {
                "head_name": triple.head.name.strip(),
                "relation": triple.relation.strip(),
                "tail_name": triple.tail.name.strip(),
                "valid_from": triple.valid_from,
                "valid_until": triple.valid_until,
            }
            ends = [entity_id(source.tenant, end.key) for end in (triple.head, triple.tail)]
            number = content_number("fact", *ends, *values.values(), *_place(source))
            self._facts[number] = {
                "index_id": source.index_id,
                "id": number,
                "head": head,
                "tail": tail,
                **values,
                "weight": triple.weight,
                **_columns(source),
            }
        if len(self._names) + len(self._facts) >= 10 * _ROWS:
            self.write()

    def write(self) -> None:
        """Write what was added; a row that is there already stays."""
        for table, rows in ((entity_names, self._names), (facts, self._facts)):
            insert_new(self._connection, table, rows.values())
            rows.clear()

    def _name(self, source: Source, name: Name) -> int | None:
        """The entity of a name, as a number."""
        lookup = folded(name.name)
        if not lookup or not name.key:
            return None
        identifier = entity_id(source.tenant, name.key)
        written = name.name.strip()
        number = content_number(
            "name", identifier, written, str(name.alias), name.type, name.definition, *_place(source)
        )
        entity = int(identifier, 16)
        # What was split off stays so, however often its document is read again.
        entity = self._splits.get((entity, source.document), entity)
        self._names[number] = {
            "index_id": source.index_id,
            "id": number,
            "entity": entity,
            "folded": lookup,
            "name": written,
            "alias": name.alias,
            "type": name.type.strip(),
            "definition": name.definition.strip(),
            "weight": name.weight,
            **_columns(source),
        }
        return entity


def insert_new(connection: Connection, table: Table, rows: Any) -> None:
    """Insert rows, but for those whose key is there."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table).on_conflict_do_nothing()
    for part in chunks(rows, _ROWS):
        connection.execute(statement, part)


def _place(source: Source) -> Iterator[str]:
    yield from (source.passage, str(source.import_id))


def _columns(source: Source) -> dict[str, Any]:
    return {"document": source.document, "passage": source.passage, "import_id": source.import_id}


def _splits(connection: Connection, index_id: int) -> Mapping[tuple[int, str], int]:
    query = select(entity_changes.c.entity, entity_changes.c.document, entity_changes.c.other).where(
        entity_changes.c.index_id == index_id, entity_changes.c.kind == "split"
    )
    return {(row.entity, row.document): row.other for row in connection.execute(query)}
