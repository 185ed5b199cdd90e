"""Labels as the store keeps them, and the condition under which a principal may read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable

from sqlalchemy import ColumnElement, Connection, and_, select

from connectors.sql.schema import documents, label_sets
from connectors.sql.statements import chunks, insert_missing
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


def readable(tenant: str, grants: Collection[str]) -> ColumnElement[bool]:
    """Documents of this tenant that carry one of these labels; nothing for no grants."""
    granted = select(label_sets.c.id).where(label_sets.c.label.in_(sorted(grants)))
    return and_(documents.c.tenant == tenant, documents.c.labels.in_(granted))


def grants_in_parts(principal: Principal) -> Iterable[list[str]]:
    """A principal's grants, so few at a time that a statement may name them all."""
    return chunks(sorted(principal.grants), 10_000)
