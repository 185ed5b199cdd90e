"""Ports of what documents are called, and of the mention graph: which passage names which document."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from orchestrator.types import Filter, Principal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class NamedDocument:
    """A document that has a name: the name's words, joined by spaces, and the passage that it leads to.

    `document` and `source` are those of the passage, and tell whether two passages are of one document.
    """

    words: str
    kind: str
    passage: str
    document: str
    source: str


@dataclass(frozen=True, slots=True)
class MentionCounts:
    """How far a mention graph is: documents with their names read, and passages searched for all names."""

    documents: int
    named_documents: int
    passages: int
    searched_passages: int
    mentions: int

    @property
    def complete(self) -> bool:
        """Whether all that is there was read and searched."""
        return self.documents == self.named_documents and self.passages == self.searched_passages


@dataclass(frozen=True, slots=True, eq=False)
class MentionEdges:
    """The mention graph of one reader: of what he may read, and of nothing else.

    `passages` are ids, rising; `documents[i]` is the number of the document that passage i is of, and
    `titles` are the documents' titles by that number. Edge j goes from passage `sources[j]` to passage
    `targets[j]`, which is the one that the name `names[labels[j]]` leads to.
    """

    passages: Sequence[str]
    documents: NDArray[np.int32]
    titles: Sequence[str]
    sources: NDArray[np.int32]
    targets: NDArray[np.int32]
    labels: NDArray[np.int32]
    names: Sequence[str]


@runtime_checkable
class DocumentNames(Protocol):
    """What the documents of one index are called, and the mentions of these names in its passages.

    Names follow the documents in the transaction that publishes them; mentions are found by `search`.
    What a principal may not read changes nothing that he is given, counts included.
    """

    async def spelled(
        self,
        spellings: Collection[int],
        *,
        principal: Principal,
        filters: Sequence[Filter] = (),
        most: int = 5,
    ) -> list[NamedDocument]:
        """Readable documents that match every filter and have one of these names, by `spelling_key`.

        A name that more than `most` documents have is none, whether they match or not. By name and passage.
        """
        ...

    async def folded(
        self, keys: Collection[int], *, principal: Principal, filters: Sequence[Filter] = (), most: int = 5
    ) -> list[NamedDocument]:
        """The same by `folded_key`, whatever the case of the name."""
        ...

    async def frequencies(
        self, terms: Collection[int], *, principal: Principal
    ) -> tuple[int, Mapping[int, int]]:
        """How many passages the principal may read, and how many of them have each of these terms.

        A term is a dimension of the index's sparse encoder; one that is in no passage is left out.
        """
        ...

    def read_names(self, *, most: int = 500) -> int:
        """Read the names of up to `most` documents of which none are stored; how many documents are left.

        They are those of an index that was made before names were kept.
        """
        ...

    def search(self, *, most: int = 2_000) -> int:
        """Search up to `most` passages for names that they were not searched for; how many are left.

        In one transaction, so that a search that was stopped goes on where it was.
        """
        ...

    def counts(self) -> MentionCounts:
        """How far the search is."""
        ...

    async def edges(self, *, principal: Principal, most: int = 5) -> MentionEdges:
        """The mentions in readable passages of names of other readable documents, the longest name first.

        A name that more than `most` readable documents have is none.
        """
        ...
