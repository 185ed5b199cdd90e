"""Writing a vector store: shards on disk, points on a server, rows of a table."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from orchestrator.ports.indexes import DocumentRow, IndexChange, IndexVersion
from orchestrator.ports.vectors import SparseVector

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Publishes a change and ends its job, in one transaction; LeaseLost if another has the job by now.
Publish = Callable[[IndexChange], IndexVersion]


@dataclass(frozen=True, slots=True, eq=False)
class PassageVectors:
    """Vectors of passages, row i of all being passage i.

    `dense` has the shape (passages, dimensions), `sparse` one vector of terms each; `tokens` are matrices
    (tokens, token dimensions), where the index keeps them.
    """

    dense: NDArray[np.float32]
    sparse: Sequence[SparseVector]
    tokens: Sequence[NDArray[np.float32]] | None = None


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage as the store holds it: for whom, and in which `place`, in words, such as `the shard 7-1`."""

    tenant: str
    labels: tuple[str, ...]
    place: str = "the store"


@dataclass(frozen=True, slots=True)
class DamagedPlace:
    """A place of a store of which something is gone, by its name there; it held so many passages, at most."""

    name: str
    passages: int


@dataclass(frozen=True, slots=True)
class StoreCheck:
    """What a store was found to hold of a version, and what is wrong with the store itself.

    `passages` are those that searches find, by id, with every place that they are found in. `faults` are a
    kind and a sentence each. `accept` is called when the store and the registry agree; it tells what it did.
    """

    passages: Mapping[str, Sequence[StoredPassage]]
    faults: Sequence[tuple[str, str]] = ()
    accept: Callable[[], Sequence[str]] = field(default=tuple[str, ...])


@runtime_checkable
class IndexWriter(Protocol):
    """Writes the passages of indexes into a vector store, for the jobs that change them.

    A job has the write lock of its index, or is part of one that has it: several workers may call at once. It
    may be killed at any moment, and is then done again under another `name`. Searches see a change once
    `publish` has returned, or nothing of it: what is written before must be unseen, and what is deleted after
    must not come back when that is cut short; `collect` ends it. Only for a process that serves nobody: a
    call may be slow, and hold the interpreter.
    """

    def apply(
        self,
        index: str,
        name: str,
        change: IndexChange,
        vectors: PassageVectors | None,
        publish: Publish,
    ) -> IndexVersion:
        """Write a change of documents, and publish it with what the store adds to it.

        `vectors` are those of all passages of `change.documents`, in order; None if these have no passages.
        `name` is of this attempt only.
        """
        ...

    def relabel(
        self, version: IndexVersion, name: str, change: IndexChange, publish: Publish
    ) -> IndexVersion:
        """Publish documents of a version under other labels or metadata; their vectors stay as they are."""
        ...

    def stage(
        self, index: str, name: str, documents: Sequence[DocumentRow], vectors: PassageVectors
    ) -> Mapping[str, Any]:
        """Write passages for a rebuild, unseen until `switch` is given what this returns: JSON values."""
        ...

    def switch(
        self, index: str, change: IndexChange, staged: Sequence[Mapping[str, Any]], publish: Publish
    ) -> IndexVersion:
        """Put what was staged in the place of all that there was, and publish it; `change` has the format."""
        ...

    def delete(self, index: str) -> None:
        """Delete everything of an index that the registry has dropped; nothing if there is nothing."""
        ...

    def merges(self, version: IndexVersion) -> Sequence[Mapping[str, Any]]:
        """What should be merged for faster searches, as JSON values for a job each; often nothing.

        `passages` among the values says how many it writes, at most.
        """
        ...

    def merge(
        self, version: IndexVersion, name: str, merge: Mapping[str, Any], publish: Publish
    ) -> IndexVersion:
        """Do one of the `merges`, and publish it."""
        ...

    def collect(self, index: str, *, seconds: float) -> Sequence[str]:
        """Delete what no search needs since `seconds`; the names of what was deleted.

        Searches need the grace: one that has just read the older version has yet to open what it consists of.
        """
        ...

    def damaged(self, version: IndexVersion) -> Sequence[DamagedPlace]:
        """The places of which something is gone: shards, segments, or all that the store had of the index.

        Asked before every change, so that it reads no vectors.
        """
        ...

    def damaged_documents(
        self, index: str, places: Collection[str], *, after: str = "", limit: int = 500
    ) -> Sequence[DocumentRow]:
        """Documents that may lie in damaged places, by rising id from after `after`, to be embedded again.

        When all of them have been applied again, nothing in these places is alive any more.
        """
        ...

    def parts(self, version: IndexVersion) -> Mapping[str, int]:
        """What a version consists of in the store, for people: numbers by a plural, as `{"shards": 3}`.

        Nothing, if there is nothing to tell.
        """
        ...

    def check(self, version: IndexVersion) -> StoreCheck:
        """Read everything that the store has of a version."""
        ...
