"""The journal of changes by hand: merges, splits and new names of entities, each of which can be undone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, func, insert, select, update

from connectors.sql.knowledge_access import Reader
from connectors.sql.knowledge_groups import groups, known
from connectors.sql.knowledge_reading import hexadecimal, numbers
from connectors.sql.statements import chunks
from connectors.sql.tables import documents, entity_changes, entity_edits, entity_names, facts
from orchestrator.errors import BadInput
from orchestrator.ports import Edit, EditKind
from orchestrator.text.entity_names import content_number

#: The columns by which names and facts point to entities.
_ENDS: tuple[tuple[Table, str], ...] = ((entity_names, "entity"), (facts, "head"), (facts, "tail"))
_LIST = "`orchestrator graph journal` lists the entries."


def edit(
    connection: Connection,
    reader: Reader,
    kind: EditKind,
    entities: Sequence[str],
    *,
    named: Sequence[str],
    name: str,
    by: str,
    at: float,
) -> Edit:
    """Write an entry and what holds of it. `named` are documents, by the names that their authors know."""
    ids = _existing(connection, reader, entities, at_least=2 if kind == "merge" else 1)
    number = _next(connection, reader)
    holding: list[dict[str, Any]] = []
    split_documents: list[str] = []
    if kind == "merge":
        holding = [{"entity": ids[0], "other": other} for other in ids[1:]]
    elif kind == "rename":
        if not name.strip():
            raise BadInput("The new name of an entity is empty.", hint="Give it a name.")
        holding = [{"entity": ids[0], "name": name.strip()}]
    else:
        split_documents = _documents(connection, reader, ids[0], named)
        new = content_number("split", hexadecimal(ids[0]), *split_documents)
        holding = [{"entity": ids[0], "other": new, "document": each} for each in split_documents]
        ids = [ids[0], new]
        _point(connection, reader, ids[0], new, split_documents)
    content = {
        "entities": [hexadecimal(one) for one in ids],
        "documents": split_documents,
        "name": name.strip(),
    }
    place = {"index_id": reader.index_id, "tenant": reader.tenant, "number": number}
    connection.execute(insert(entity_edits).values(**place, kind=kind, content=content, by=by, at=at))
    empty = {"other": 0, "document": "", "name": "", "kind": kind}
    connection.execute(insert(entity_changes), [{**empty, **place, **row} for row in holding])
    return _edit_of(number, kind, content, by, at, None)


def undo(connection: Connection, reader: Reader, number: int, *, at: float) -> Edit:
    """Take back what an entry changed, whatever came after it."""
    mine = (
        entity_edits.c.index_id == reader.index_id,
        entity_edits.c.tenant == reader.tenant,
        entity_edits.c.number == number,
    )
    row = connection.execute(select(entity_edits).where(*mine)).first()
    if row is None:
        raise BadInput(f"The journal has no entry {number}.", hint=_LIST)
    if row.undone is not None:
        raise BadInput(f"The entry {number} of the journal is undone already.", hint=_LIST)
    if row.kind == "split":
        old, new = (int(one, 16) for one in row.content["entities"])
        _point(connection, reader, new, old, row.content["documents"])
    connection.execute(
        delete(entity_changes).where(
            entity_changes.c.index_id == reader.index_id,
            entity_changes.c.tenant == reader.tenant,
            entity_changes.c.number == number,
        )
    )
    connection.execute(update(entity_edits).where(*mine).values(undone=at))
    return _edit_of(row.number, row.kind, row.content, row.by, row.at, at)


def journal(connection: Connection, reader: Reader) -> tuple[Edit, ...]:
    """The entries whose entities the reader may all read, the oldest first."""
    query = select(entity_edits).where(
        entity_edits.c.index_id == reader.index_id, entity_edits.c.tenant == reader.tenant
    )
    rows: Sequence[Row[Any]] = connection.execute(query.order_by(entity_edits.c.number)).all()
    ids = {int(one, 16) for row in rows for one in _named_in(row)}
    alive = known(connection, reader, ids)
    return tuple(
        _edit_of(row.number, row.kind, row.content, row.by, row.at, row.undone)
        for row in rows
        if all(int(one, 16) in alive for one in _named_in(row))
    )


def _named_in(row: Row[Any]) -> Sequence[str]:
    """The entities that must be there for an entry to be shown; what a split made may be gone."""
    given: list[str] = row.content["entities"]
    return given[:1] if row.kind == "split" else given


def _existing(connection: Connection, reader: Reader, entities: Sequence[str], *, at_least: int) -> list[int]:
    by_id = numbers(entities)
    ids = [by_id[one] for one in dict.fromkeys(entities) if one in by_id]
    alive = known(connection, reader, ids)
    for one in entities:
        if by_id.get(one) not in alive:
            raise BadInput(f"There is no entity {one!r}.", hint="`orchestrator graph show NAME` shows ids.")
    if len(ids) < at_least:
        raise BadInput("A merge needs two entities or more.", hint="Name the one to keep, then the others.")
    return ids


def _documents(connection: Connection, reader: Reader, entity: int, named: Sequence[str]) -> list[str]:
    """The ids of documents that say something of the entity, by the names that their authors know."""
    if len(next(iter(groups(connection, reader, [entity]).values()))) > 1:
        raise BadInput(
            f"The entity {hexadecimal(entity)} is merged with others.", hint="Undo the merge, then split it."
        )
    query = (
        select(documents.c.id, documents.c.document)
        .join(
            entity_names,
            (entity_names.c.index_id == documents.c.index_id) & (entity_names.c.document == documents.c.id),
        )
        .where(documents.c.tenant == reader.tenant, entity_names.c.entity == entity)
        .distinct()
    )
    found: dict[str, list[str]] = {}
    for condition in reader.conditions(entity_names):
        for row in connection.execute(query.where(condition)):
            found.setdefault(row.document, []).append(row.id)
    wanted = [one for one in dict.fromkeys(named) if one in found]
    if len(wanted) < len(set(named)) or not wanted:
        lacking = next((one for one in named if one not in found), "")
        raise BadInput(
            f"No document {lacking!r} names the entity {hexadecimal(entity)}."
            if lacking
            else "A split needs the documents that name the other entity.",
            hint=f"Documents that do: {', '.join(sorted(found)[:10]) or 'none'}.",
        )
    if len(wanted) == len(found):
        raise BadInput(
            f"All documents that name the entity {hexadecimal(entity)} were given.",
            hint="A split takes some of them; to call it otherwise, rename it.",
        )
    return sorted(each for one in wanted for each in found[one])


def _point(connection: Connection, reader: Reader, old: int, new: int, within: Sequence[str]) -> None:
    """Let what documents say of one entity be said of another."""
    for part in chunks(within):
        for table, column in _ENDS:
            mine = (table.c.index_id == reader.index_id, table.c[column] == old, table.c.document.in_(part))
            connection.execute(update(table).where(*mine).values({column: new}))


def _next(connection: Connection, reader: Reader) -> int:
    last = select(func.max(entity_edits.c.number)).where(
        entity_edits.c.index_id == reader.index_id, entity_edits.c.tenant == reader.tenant
    )
    return (connection.execute(last).scalar() or 0) + 1


def _edit_of(number: int, kind: EditKind, content: Any, by: str, at: float, undone: float | None) -> Edit:
    return Edit(
        number,
        kind,
        tuple(content["entities"]),
        tuple(content["documents"]),
        content["name"],
        by,
        at,
        undone,
    )
