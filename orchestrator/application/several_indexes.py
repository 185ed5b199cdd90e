"""Passages of several indexes by their ids, for nodes that read what others have found.

The first of several indexes is the one whose ports a node was given: searches stay in it, and it is asked
first. The id of a passage holds its index, so that no two indexes have the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from orchestrator.ports import (
    Documents,
    Embedder,
    FeatureKind,
    Featureless,
    Features,
    Search,
    VectorStore,
    counts_usage,
)
from orchestrator.types import Filter, Hits, Passage, Principal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class DocumentsOfIndexes:
    """The `Documents` port on several indexes; each decides which of its passages a principal may read."""

    each: Sequence[Documents]

    async def passages(self, ids: Sequence[str], *, principal: Principal) -> dict[str, Passage]:
        """Those that exist and that the principal may read, in the order of `ids`."""
        found: dict[str, Passage] = {}
        for documents in self.each:
            if lacking := _lacking(ids, found):
                found |= await documents.passages(lacking, principal=principal)
        return {one: found[one] for one in ids if one in found}


@dataclass(frozen=True, eq=False)
class FeaturesOfIndexes:
    """The `Features` port on several indexes; they are made for the first alone."""

    each: Sequence[Features]

    async def read(self, ids: Sequence[str], kind: FeatureKind, *, principal: Principal) -> dict[str, str]:
        """The features there are, of the passages that the principal may read, in the order of `ids`."""
        found: dict[str, str] = {}
        for features in self.each:
            if lacking := _lacking(ids, found):
                found |= await features.read(lacking, kind, principal=principal)
        return {one: found[one] for one in ids if one in found}

    async def missing(self, kind: FeatureKind, *, after: str = "", limit: int = 500) -> list[Featureless]:
        """Passages of the first index without such a feature; see the port."""
        return await self.each[0].missing(kind, after=after, limit=limit)

    async def keep(self, kind: FeatureKind, made: Mapping[str, str]) -> int:
        """Store features of passages of the first index; how many were stored."""
        return await self.each[0].keep(kind, made)


@dataclass(frozen=True, slots=True)
class IndexVectors:
    """Vectors of one index, and the texts that they are of; `model` names its embedder."""

    store: VectorStore
    documents: Documents
    model: str


@dataclass(frozen=True, eq=False)
class VectorsOfIndexes:
    """The `VectorStore` port of the first of several indexes, with the vectors of all their passages.

    Vectors of different embedders cannot be compared. What lies in an index of another embedder is
    embedded by that of the first when it is asked for, once for each run.
    """

    each: Sequence[IndexVectors]
    embedder: Callable[[], Embedder]
    _embedded: dict[str, NDArray[np.float32]] = field(default_factory=dict[str, Any])

    @property
    def version(self) -> str:
        """The versions of all: what rests on a passage of any of them falls when that changes."""
        first, *others = [one.store.version for one in self.each]
        return " ".join((first, *sorted(others)))

    async def search(
        self,
        searches: Sequence[Search],
        *,
        principal: Principal,
        filters: Sequence[Filter] = (),
        limit: int = 10,
    ) -> list[Hits]:
        """One ranking a search, of passages of the first index; see the port."""
        return await self.each[0].store.search(searches, principal=principal, filters=filters, limit=limit)

    async def vectors(self, ids: Sequence[str], *, principal: Principal) -> dict[str, NDArray[np.float32]]:
        """Vectors in the space of the first index, of the passages that the principal may read."""
        found: dict[str, NDArray[np.float32]] = {}
        for one in self.each:
            lacking = _lacking(ids, found)
            if not lacking:
                break
            if one.model == self.each[0].model:
                found |= await one.store.vectors(lacking, principal=principal)
            else:
                found |= await self._translated(one, lacking, principal)
        return {identifier: found[identifier] for identifier in ids if identifier in found}

    async def _translated(
        self, one: IndexVectors, ids: Sequence[str], principal: Principal
    ) -> dict[str, NDArray[np.float32]]:
        """Vectors of texts that another embedder has embedded."""
        # Read each time: who may read a passage can change.
        passages = await one.documents.passages(ids, principal=principal)
        new = [each for each in passages.values() if each.id not in self._embedded]
        if new:
            vectors = await self.embedder().embed([_indexed(each) for each in new], kind="passage")
            self._embedded.update(zip((each.id for each in new), vectors, strict=True))
        return {identifier: self._embedded[identifier] for identifier in passages}

    @property
    def counts_usage(self) -> bool:
        """Whether vectors may cost something: calls of the embedder, where it is a server's."""
        return any(one.model != self.each[0].model for one in self.each) and counts_usage(self.embedder())

    def embedding_with(self, wrap: Callable[[Embedder], Embedder]) -> VectorsOfIndexes:
        """The same with something around the embedder, such as a count of its calls."""
        return replace(self, embedder=lambda: wrap(self.embedder()))


def _indexed(passage: Passage) -> str:
    """A passage as it is embedded for an index, with its title."""
    return f"{passage.title}\n{passage.text}" if passage.title else passage.text


def _lacking(ids: Sequence[str], found: Mapping[str, object]) -> list[str]:
    return [one for one in ids if one not in found]
