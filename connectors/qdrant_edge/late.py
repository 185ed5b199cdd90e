"""Late interaction in a shard: a vector a token, compared by MaxSim in the engine, and one vector for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qdrant_edge import (
    Distance,
    EdgeVectorParams,
    HnswIndexConfig,
    Memory,
    MultiVectorComparator,
    MultiVectorConfig,
    Prefetch,
    Query,
    QueryRequest,
    VectorStorageDatatype,
)

from connectors.qdrant_edge.points import ENCODED, TOKENS, query_matrix
from orchestrator.errors import IndexMismatch
from orchestrator.ports import IndexFormat, Late
from orchestrator.ranking.late_interaction import stored_encoder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


#: Under which a query has its `FirstStage`.
FIRST = "first"
#: Tokens of a long passage.
_LONG = 300


def late_fields(dimensions: int) -> dict[str, EdgeVectorParams]:
    """The two vectors more that a point has. Tokens are compared one by one, without a graph."""
    no_graph = HnswIndexConfig(0, 100, 10_000, memory=Memory.Cached)
    return {
        TOKENS: EdgeVectorParams(
            size=dimensions,
            distance=Distance.Dot,
            multivector_config=MultiVectorConfig(MultiVectorComparator.MaxSim),
            datatype=VectorStorageDatatype.Float16,
            hnsw_config=no_graph,
            memory=Memory.Cached,
        ),
        ENCODED: EdgeVectorParams(
            size=stored_encoder(dimensions).size,
            distance=Distance.Dot,
            datatype=VectorStorageDatatype.Float16,
            memory=Memory.Cached,
        ),
    }


def late_numbers(dimensions: int) -> int:
    """How many numbers more a point of a long passage has, for the room that a shard needs."""
    return _LONG * dimensions + stored_encoder(dimensions).size if dimensions else 0


def late_vectors(tokens: Sequence[NDArray[np.float32]] | None, row: int) -> dict[str, Any]:
    """The two vectors of one passage; none if the index keeps none."""
    if tokens is None:
        return {}
    matrix = tokens[row]
    return {TOKENS: matrix.tolist(), ENCODED: stored_encoder(matrix.shape[1]).passage(matrix).tolist()}


def late_query(
    search: Late, index: str, format: IndexFormat, permitted: Any, limit: int
) -> dict[str, Any] | None:
    """The arguments of the engine's request; None for a query without a vector that says anything.

    The first stage has the same filter as the second: what may not be read takes no candidate's place.
    """
    if not format.tokens:
        raise IndexMismatch(
            f"The index {index!r} keeps no token vectors, which a late-interaction search compares.",
            hint=f"Set late_interaction = true, and: `orchestrator index rebuild --index {index}`.",
        )
    matrix = query_matrix(search.vectors, format.token_dimensions)
    if not matrix.any():
        return None
    exact = {"query": Query.Nearest(matrix.tolist(), using=TOKENS)}
    if search.first is None:
        return exact
    encoded = stored_encoder(format.token_dimensions).query(matrix)
    return {
        FIRST: FirstStage(
            Query.Nearest(encoded.tolist(), using=ENCODED), max(search.first, limit), permitted
        ),
        **exact,
    }


@dataclass(frozen=True, slots=True)
class FirstStage:
    """What the first stage of a late-interaction search asks for, before a shard is known."""

    query: Any
    limit: int
    permitted: Any

    def at(self, reach: int, dead: int) -> Prefetch:
        """The request to a shard that has `dead` points, and is asked for `reach`: these take no place."""
        limit = max(self.limit + min(dead, self.limit), reach)
        return Prefetch(query=self.query, limit=limit, filter=self.permitted)


def request(query: dict[str, Any], permitted: Any, reach: int, dead: int) -> QueryRequest:
    """The request of a query to a shard."""
    if FIRST not in query:
        return QueryRequest(limit=reach, filter=permitted, **query)
    rest = {name: value for name, value in query.items() if name != FIRST}
    prefetches = [query[FIRST].at(reach, dead)]
    return QueryRequest(limit=reach, filter=permitted, prefetches=prefetches, **rest)
