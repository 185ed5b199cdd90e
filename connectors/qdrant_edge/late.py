"""Late interaction in a shard: a vector a token, compared by MaxSim in the engine, and one vector for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qdrant_edge import (
    Distance,
    EdgeVectorParams,
    HnswIndexConfig,
    Memory,
    MultiVectorComparator,
    MultiVectorConfig,
    Query,
    VectorStorageDatatype,
)

from connectors.qdrant_edge.points import ENCODED, TOKENS
from orchestrator.ports import IndexFormat, Late
from orchestrator.ranking.late_interaction import stored_encoder
from orchestrator.vector_stores.query_vectors import query_matrix

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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


def late_query(search: Late, index: str, format: IndexFormat) -> dict[str, Any] | None:
    """The query that compares tokens; None for one without a vector that says anything."""
    matrix = query_matrix(search, index, format)
    return {"query": Query.Nearest(matrix.tolist(), using=TOKENS)} if matrix.any() else None


def first_stage(search: Late, index: str, format: IndexFormat) -> dict[str, Any] | None:
    """The query that finds the passages to be compared; None if all that may be read are."""
    matrix = query_matrix(search, index, format)
    if search.first is None or not matrix.any():
        return None
    encoded = stored_encoder(format.token_dimensions).query(matrix)
    return {"query": Query.Nearest(encoded.tolist(), using=ENCODED)}
