"""How a passage lies in a shard: its vectors, who may read it, and what filters match."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qdrant_edge import FieldCondition, HasIdCondition, MatchAny
from qdrant_edge import Filter as EdgeFilter

from orchestrator.ports import DocumentRow
from orchestrator.types import Filter, Principal
from orchestrator.vector_stores.access_tokens import access_tokens, metadata_tokens, permitted

#: Names of the vectors of a point.
DENSE, TERMS = "dense", "bm25"
#: Where an index keeps them: a vector a token, and one vector for all of them.
TOKENS, ENCODED = "tokens", "encoded"
#: Payload fields; `ACCESS` and `METADATA` hold tokens, which are indexed.
ACCESS, TENANT, LABELS, METADATA = "access", "tenant", "labels", "metadata"
INDEXED = (ACCESS, METADATA)


def payload_of(document: DocumentRow) -> dict[str, Any]:
    """What searches can filter the passages of a document by."""
    return {
        ACCESS: access_tokens(document),
        TENANT: document.tenant,
        LABELS: sorted(set(document.labels)),
        METADATA: metadata_tokens(document),
    }


def allowed(principal: Principal, filters: Sequence[Filter]) -> EdgeFilter | None:
    """Passages that the principal may read and that match every filter.

    None if no passage can be: without grants nothing is readable.
    """
    found = permitted(principal, filters)
    if found is None:
        return None
    must: list[Any] = [FieldCondition(ACCESS, match=MatchAny(list(found.access)))]
    must += [FieldCondition(METADATA, match=MatchAny(list(wanted))) for wanted in found.filters]
    return EdgeFilter(must=must)


def among(permitted: EdgeFilter, ids: Sequence[str]) -> EdgeFilter:
    """Those of these passages that a filter allows."""
    return EdgeFilter(must=[*(permitted.must or ()), HasIdCondition(set(ids))])
