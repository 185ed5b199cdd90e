"""Merged entities: the group that an entity is of for a reader, and the one that stands for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from connectors.sql.knowledge_access import Reader
from connectors.sql.statements import chunks
from connectors.sql.tables import entity_changes, entity_names


def known(connection: Connection, reader: Reader, ids: Collection[int]) -> set[int]:
    """Those of the entities that have a name which the reader may read."""
    found: set[int] = set()
    for part in chunks(sorted(ids)):
        for condition in reader.conditions(entity_names):
            query = select(entity_names.c.entity).distinct()
            found.update(
                connection.execute(query.where(entity_names.c.entity.in_(part), condition)).scalars()
            )
    return found


def groups(connection: Connection, reader: Reader, ids: Iterable[int]) -> dict[int, tuple[int, ...]]:
    """The entities that each is merged with, itself among them; the one that stands for them is the first.

    Merges of entities that the reader may not read are none: what they join stays apart.
    """
    wanted = set(ids)
    if not reader.changed:
        return {one: (one,) for one in wanted}
    seen: set[int] = set()
    alive: set[int] = set()
    merges: set[tuple[int, int]] = set()
    new = wanted
    while new:
        alive |= known(connection, reader, new)
        seen |= new
        rows = [(row.entity, row.other) for row in _merges(connection, reader, new)]
        merges.update(rows)
        new = {end for pair in rows for end in pair} - seen
    return {one: each for one, each in _joined(merges, alive).items() if one in wanted} | {
        one: (one,) for one in wanted - alive
    }


def _merges(connection: Connection, reader: Reader, ids: Collection[int]) -> Iterable[Row[Any, Any]]:
    for part in chunks(sorted(ids)):
        yield from connection.execute(
            select(entity_changes.c.entity, entity_changes.c.other).where(
                entity_changes.c.index_id == reader.index_id,
                entity_changes.c.tenant == reader.tenant,
                entity_changes.c.kind == "merge",
                or_(entity_changes.c.entity.in_(part), entity_changes.c.other.in_(part)),
            )
        )


def _joined(merges: Collection[tuple[int, int]], alive: Collection[int]) -> dict[int, tuple[int, ...]]:
    """Connected components of what is alive; first the one that was merged into none, with the lowest id."""
    beside: Mapping[int, set[int]] = defaultdict(set)
    merged: set[int] = set()
    for kept, other in merges:
        if kept in alive and other in alive:
            beside[kept].add(other)
            beside[other].add(kept)
            merged.add(other)
    found: dict[int, tuple[int, ...]] = {}
    for start in alive:
        if start in found:
            continue
        group, left = {start}, [start]
        while left:
            for other in beside[left.pop()] - group:
                group.add(other)
                left.append(other)
        ordered = tuple(sorted(group, key=lambda one: (one in merged, one)))
        found.update(dict.fromkeys(group, ordered))
    return found
