"""Labels as the store keeps them, and the condition under which a principal may read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator

from sqlalchemy import ColumnElement, Connection, Select, and_, select

from connectors.sql.statements import CHUNK, chunks, insert_missing
from connectors.sql.tables import documents, label_sets
from orchestrator.types import Principal


def label_set(labels: Iterable[str]) -> str:
    """The id of a set of labels: a hash of its members."""
    members = json.dumps(sorted(set(labels)), separators=(",", ":"))
    return hashlib.sha256(members.encode()).hexdigest()[:32]


def store_label_sets(connection: Connection, sets: Iterable[Iterable[str]]) -> None:
    """Make these sets of labels known. Whoever holds one of its labels reads what carries a set."""
    distinct = {frozenset(labels) for labels in sets}
    rows = [
        {"id": label_set(labels), "label": label}
        for labels in sorted(distinct, key=sorted)
        for label in sorted(labels)
    ]
    for part in chunks(rows):
        insert_missing(connection, label_sets, part)


def labels_of(connection: Connection, ids: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The labels of each set, sorted."""
    found: dict[str, list[str]] = {identifier: [] for identifier in ids}
    for part in chunks(sorted(ids)):
        query = select(label_sets.c.id, label_sets.c.label).where(label_sets.c.id.in_(part))
        for identifier, label in connection.execute(query.order_by(label_sets.c.id, label_sets.c.label)):
            found[identifier].append(label)
    return {identifier: tuple(labels) for identifier, labels in found.items()}


def carrying(labels: Collection[str]) -> Select[str]:
    """The ids of the sets that hold one of these labels, which are at most `CHUNK`."""
    return select(label_sets.c.id).distinct().where(label_sets.c.label.in_(sorted(labels)))


def readable(connection: Connection, principal: Principal) -> Iterator[ColumnElement[bool]]:
    """Conditions on documents; the principal may read what meets one of them. None for no grants.

    There is one, unless there are more grants than a statement should name: then these are looked up
    first, since far fewer sets of labels are stored.
    """
    mine = documents.c.tenant == principal.tenant
    if 0 < len(principal.grants) <= CHUNK:
        yield and_(mine, documents.c.labels.in_(carrying(principal.grants)))
        return
    sets: set[str] = set()
    for part in chunks(sorted(principal.grants)):
        sets.update(connection.execute(carrying(part)).scalars())
    for part in chunks(sorted(sets)):
        yield and_(mine, documents.c.labels.in_(part))
