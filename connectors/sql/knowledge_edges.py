"""The knowledge graph of one reader as arrays, from SQL: as if what he may not read were not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import Connection, select

from connectors.sql.knowledge_access import Reader
from connectors.sql.knowledge_groups import groups
from connectors.sql.knowledge_reading import hexadecimal
from connectors.sql.tables import entity_names, facts
from orchestrator.ports import KnowledgeEdges

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

#: Rows that are read at once.
_ROWS = 10_000


def edges_of(connection: Connection | None, reader: Reader | None) -> KnowledgeEdges:
    """The names and facts that a reader may read; none without one."""
    naming: list[tuple[str, int]] = []
    entities: set[int] = set()
    joined: list[tuple[int, int]] = []
    stands: dict[int, int] = {}
    if connection is not None and reader is not None:
        streaming = connection.execution_options(yield_per=_ROWS)
        for condition in reader.conditions(entity_names):
            query = select(entity_names.c.entity, entity_names.c.passage).distinct().where(condition)
            for row in streaming.execute(query):
                entities.add(row.entity)
                if row.passage:
                    naming.append((row.passage, row.entity))
        for condition in reader.conditions(facts):
            query = select(facts.c.head, facts.c.tail).where(condition)
            joined += ((row.head, row.tail) for row in streaming.execute(query))
        if reader.changed:
            stands = {one: each[0] for one, each in groups(connection, reader, entities).items()}
    living = sorted({stands.get(one, one) for one in entities})
    passages = sorted({passage for passage, _ in naming})
    place = {one: number for number, one in enumerate(living)}
    of_passage = {one: number for number, one in enumerate(passages)}
    names = _columns({(of_passage[passage], place[stands.get(one, one)]) for passage, one in naming})
    ends = _columns(_ends(joined, stands, place))
    return KnowledgeEdges(
        [hexadecimal(one) for one in living], passages, names[:, 0], names[:, 1], ends[:, 0], ends[:, 1]
    )


def _ends(
    joined: Iterable[tuple[int, int]], stands: Mapping[int, int], place: Mapping[int, int]
) -> Iterable[tuple[int, int]]:
    for head, tail in joined:
        yield place[stands.get(head, head)], place[stands.get(tail, tail)]


def _columns(pairs: Iterable[tuple[int, int]]) -> NDArray[np.int32]:
    """Two columns, in the order of what they hold: no order of rows in a database decides."""
    return np.array(sorted(pairs), np.int32).reshape(-1, 2)
