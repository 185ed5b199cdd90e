"""How a passage lies in a shard: its vectors, who may read it, and what filters match."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from qdrant_edge import FieldCondition, HasIdCondition, MatchAny, MatchValue
from qdrant_edge import Filter as EdgeFilter

from orchestrator.errors import BadInput
from orchestrator.ports import DocumentRow
from orchestrator.types import Filter, Principal

#: Names of the two vectors of a point.
DENSE, TERMS = "dense", "bm25"
#: Payload fields. `ACCESS` holds a token for each label, which names the tenant as well: one condition
#: on one indexed field decides who may read a passage.
ACCESS, TENANT, LABELS, METADATA = "access", "tenant", "labels", "metadata"
#: Metadata of these types can be filtered by; other values are not stored with the vectors.
_FILTERABLE = (str, int, bool)


def payload_of(document: DocumentRow) -> dict[str, Any]:
    """What searches can filter the passages of a document by."""
    labels = sorted(set(document.labels))
    return {
        ACCESS: [_token(document.tenant, label) for label in labels],
        TENANT: document.tenant,
        LABELS: labels,
        METADATA: {name: value for name, value in document.metadata.items() if _filterable(value)},
    }


def allowed(
    principal: Principal, filters: Sequence[Filter], dead: HasIdCondition | None = None
) -> EdgeFilter | None:
    """Passages that the principal may read, that match every filter and are not `dead`.

    None if no passage can be: without grants nothing is readable.
    """
    if not principal.grants or not all(given.values for given in filters):
        return None
    tokens = sorted(_token(principal.tenant, label) for label in principal.grants)
    must: list[Any] = [FieldCondition(ACCESS, match=MatchAny(tokens))]
    must += [_matching(given) for given in filters]
    return EdgeFilter(must=must, must_not=[dead] if dead else None)


def readable(payload: dict[str, Any], principal: Principal) -> bool:
    """Whether the principal may read the point that has this payload."""
    return payload[TENANT] == principal.tenant and not principal.grants.isdisjoint(payload[LABELS])


def condition_of(ids: Collection[str]) -> HasIdCondition | None:
    """The condition that a point is one of these; None if there are none."""
    return HasIdCondition(set(ids)) if ids else None


def query_vector(values: Iterable[float], dimensions: int) -> list[float]:
    """A query's dense vector; BadInput if it cannot be compared with those of the index."""
    vector = [float(value) for value in values]
    # The engine takes what is not finite, and answers nothing.
    if len(vector) != dimensions or not math.isfinite(sum(vector)):
        raise BadInput(
            f"a query vector has {len(vector)} numbers, all of which must be finite; "
            f"the index has vectors of {dimensions}.",
            hint="Embed the query with the embedder of the index.",
        )
    return vector


def _token(tenant: str, label: str) -> str:
    # JSON, since no choice of names can make two pairs the same text.
    return json.dumps([tenant, label])


def _filterable(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(isinstance(one, _FILTERABLE) for one in value)  # pyright: ignore[reportUnknownVariableType]
    return isinstance(value, _FILTERABLE)


def _matching(given: Filter) -> Any:
    if '"' in given.field or not given.field:
        raise BadInput(
            f"no metadata field can be named {given.field!r}.", hint="Name a field without quotes."
        )
    path = f'{METADATA}."{given.field}"'
    words = [value for value in given.values if isinstance(value, str)]
    flags = [value for value in given.values if isinstance(value, bool)]
    numbers = [value for value in given.values if isinstance(value, int) and not isinstance(value, bool)]
    if any(abs(number) >= 1 << 63 for number in numbers):
        raise BadInput(
            f"a filter on {given.field!r} has a number beyond 64 bits.", hint="Give a smaller one."
        )
    conditions: list[Any] = [FieldCondition(path, match=MatchAny(part)) for part in (words, numbers) if part]
    conditions += [FieldCondition(path, match=MatchValue(flag)) for flag in flags]
    return conditions[0] if len(conditions) == 1 else EdgeFilter(should=conditions)
