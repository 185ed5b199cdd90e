"""How a passage lies in a shard: its vectors, who may read it, and what filters match."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from qdrant_edge import FieldCondition, HasIdCondition, MatchAny
from qdrant_edge import Filter as EdgeFilter

from orchestrator.errors import BadInput
from orchestrator.ports import DocumentRow
from orchestrator.types import Filter, Principal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Names of the vectors of a point.
DENSE, TERMS = "dense", "bm25"
#: Where an index keeps them: a vector a token, and one vector for all of them.
TOKENS, ENCODED = "tokens", "encoded"
#: Payload fields. `ACCESS` holds a token for each label, which names the tenant as well: one condition
#: on one indexed field decides who may read a passage. `METADATA` holds a token for each field and
#: value, so that filters are looked up as well, whatever the fields are called.
ACCESS, TENANT, LABELS, METADATA = "access", "tenant", "labels", "metadata"
INDEXED = (ACCESS, METADATA)
#: Longer tokens are kept as their hash.
_LONGEST = 200


def payload_of(document: DocumentRow) -> dict[str, Any]:
    """What searches can filter the passages of a document by."""
    labels = sorted(set(document.labels))
    return {
        ACCESS: [_token(document.tenant, label) for label in labels],
        TENANT: document.tenant,
        LABELS: labels,
        METADATA: [
            _token(name, value)
            for name, given in sorted(document.metadata.items())
            for value in _values(given)
        ],
    }


def allowed(principal: Principal, filters: Sequence[Filter]) -> EdgeFilter | None:
    """Passages that the principal may read and that match every filter.

    None if no passage can be: without grants nothing is readable.
    """
    if not principal.grants or not all(given.values for given in filters):
        return None
    tokens = sorted(_token(principal.tenant, label) for label in principal.grants)
    must: list[Any] = [FieldCondition(ACCESS, match=MatchAny(tokens))]
    for given in filters:
        wanted = sorted({_token(given.field, value) for value in given.values})
        must.append(FieldCondition(METADATA, match=MatchAny(wanted)))
    return EdgeFilter(must=must)


def among(permitted: EdgeFilter, ids: Sequence[str]) -> EdgeFilter:
    """Those of these passages that a filter allows."""
    return EdgeFilter(must=[*(permitted.must or ()), HasIdCondition(set(ids))])


def readable(payload: dict[str, Any], principal: Principal) -> bool:
    """Whether the principal may read the point that has this payload."""
    return payload[TENANT] == principal.tenant and not principal.grants.isdisjoint(payload[LABELS])


def query_vector(values: Iterable[float], dimensions: int) -> list[float]:
    """A query's dense vector; BadInput if it cannot be compared with those of the index."""
    vector = [float(value) for value in values]
    # The engine takes what is not finite, and answers nothing.
    if len(vector) != dimensions or not math.isfinite(sum(vector)):
        raise BadInput(
            f"A query vector has {len(vector)} numbers, all of which must be finite; "
            f"the index has vectors of {dimensions}.",
            hint="Embed the query with the embedder of the index.",
        )
    return vector


def query_matrix(vectors: NDArray[np.float32], dimensions: int) -> NDArray[np.float32]:
    """A query's token vectors, scaled so that MaxSim is from -1 to 1; BadInput if they cannot be compared."""
    import numpy as np

    total = float(np.linalg.norm(vectors, axis=1).sum()) if vectors.ndim == 2 else 0.0
    if vectors.ndim != 2 or vectors.shape[1] != dimensions or not math.isfinite(total):
        raise BadInput(
            f"A query has token vectors of shape {vectors.shape}, all of which must be finite; the index has "
            f"vectors of {dimensions}.",
            hint="Embed the query with the token embedder of the index.",
        )
    return vectors / (total or 1.0)


def _token(*parts: Any) -> str:
    # JSON, since no choice of names and values can make two of them the same text.
    text = json.dumps(parts)
    return text if len(text) <= _LONGEST else hashlib.sha256(text.encode()).hexdigest()


def _values(given: Any) -> list[Any]:
    """What a filter can ask a metadata field for: words, whole numbers, yes and no, or any of a list."""
    several: list[Any] = list(given) if isinstance(given, (list, tuple)) else [given]  # pyright: ignore[reportUnknownArgumentType]
    return [value for value in several if isinstance(value, (str, int, bool))]
