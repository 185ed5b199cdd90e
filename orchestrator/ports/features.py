"""Query-independent features of passages, extracted offline: keyphrases, entities, summaries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from orchestrator.types import DEFAULT_TENANT, Principal

#: `triples` are given with a data set, not made: JSON, a list of [subject, predicate, object].
FeatureKind = Literal["keyphrases", "entities", "summary", "triples"]


@dataclass(frozen=True, slots=True)
class Featureless:
    """A passage without a feature of some kind, and its tenant."""

    id: str
    title: str
    text: str
    tenant: str = DEFAULT_TENANT


@runtime_checkable
class Features(Protocol):
    """Stored features of the passages of one index: keyphrases, entities or a summary, as text.

    The id of a passage holds the hash of its content, so that a feature never outlives what it is of;
    it goes with the passage. Whoever may read a passage may read its features, and nobody else.
    """

    async def read(self, ids: Sequence[str], kind: FeatureKind, *, principal: Principal) -> dict[str, str]:
        """The features there are, of the passages that the principal may read, in the order of `ids`."""
        ...

    async def missing(self, kind: FeatureKind, *, after: str = "", limit: int = 500) -> list[Featureless]:
        """Passages without such a feature, by rising id from after the id `after`; to whoever makes them."""
        ...

    async def keep(self, kind: FeatureKind, made: Mapping[str, str]) -> int:
        """Store features by passage id; those of passages that are gone are dropped. How many were stored."""
        ...
