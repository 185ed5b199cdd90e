"""Vectors of a query, checked against those of an index."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from orchestrator.errors import BadInput, IndexMismatch
from orchestrator.ports import IndexFormat, Late

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def query_vector(values: Iterable[float], dimensions: int) -> list[float]:
    """A query's dense vector; BadInput if it cannot be compared with those of the index."""
    vector = [float(value) for value in values]
    # Engines take what is not finite, and answer nothing.
    if len(vector) != dimensions or not math.isfinite(sum(vector)):
        raise BadInput(
            f"A query vector has {len(vector)} numbers, all of which must be finite; "
            f"the index has vectors of {dimensions}.",
            hint="Embed the query with the embedder of the index.",
        )
    return vector


def query_matrix(search: Late, index: str, format: IndexFormat) -> NDArray[np.float32]:
    """A query's token vectors, scaled so that MaxSim is from -1 to 1.

    BadInput if they cannot be compared; IndexMismatch if the index keeps no token vectors.
    """
    import numpy as np

    if not format.tokens:
        raise IndexMismatch(
            f"The index {index!r} keeps no token vectors, which a late-interaction search compares.",
            hint=f"Set late_interaction = true, and: `orchestrator index rebuild --index {index}`.",
        )
    vectors, dimensions = search.vectors, format.token_dimensions
    total = float(np.linalg.norm(vectors, axis=1).sum()) if vectors.ndim == 2 else 0.0
    if vectors.ndim != 2 or vectors.shape[1] != dimensions or not math.isfinite(total):
        raise BadInput(
            f"A query has token vectors of shape {vectors.shape}, all of which must be finite; the index has "
            f"vectors of {dimensions}.",
            hint="Embed the query with the token embedder of the index.",
        )
    return vectors / (total or 1.0)


def is_passage_id(identifier: str) -> bool:
    """Whether an id is one that passages have: a UUID, as stores return it.

    Hits may name what is no passage, as items of a registry; engines refuse such ids.
    """
    try:
        return str(UUID(identifier)) == identifier
    except ValueError:
        return False
