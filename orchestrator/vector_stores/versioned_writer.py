"""Writes indexes into a store that is changed in place: the `IndexWriter` of tables and servers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from orchestrator.errors import LeaseLost, StoreError
from orchestrator.ports import (
    DamagedPlace,
    DocumentRow,
    IndexChange,
    IndexRegistry,
    IndexVersion,
    PassageVectors,
    Publish,
    StoreCheck,
    StoredPassage,
)
from orchestrator.vector_stores.versioned_rows import RowWriter, Space, VersionedRows


class VersionedIndexWriter:
    """A change is written for the version after the current one, and is unseen until that is published.

    Searches ask for the rows of the version that the registry names. What was written for a version that
    never came is undone by the next writer. `lock` keeps other writers of an index out of a store whose
    `writing` does not, as `StoreLock.held` does.
    """

    def __init__(
        self,
        rows: VersionedRows,
        registry: IndexRegistry,
        *,
        lock: Callable[[str], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self.rows = rows
        self._registry = registry
        self._lock = lock

    def apply(
        self, index: str, name: str, change: IndexChange, vectors: PassageVectors | None, publish: Publish
    ) -> IndexVersion:
        """Rows for the change's passages, and an end for those of the same documents."""
        gone = [*change.removed_documents, *(row.id for row in change.documents)]
        with self._next(index) as (writer, version, number):
            if vectors is not None:
                writer.insert(Space.of(version), name, change.documents, vectors, born=number)
            self._check_unchanged(version)
            writer.end(gone, died=number)
            return self._published(publish, change, number)

    def relabel(
        self, version: IndexVersion, name: str, change: IndexChange, publish: Publish
    ) -> IndexVersion:
        """Copies of the rows, for other readers."""
        with self._next(version.index) as (writer, current, number):
            writer.copy(Space.of(current), name, change.documents, born=number)
            self._check_unchanged(current)
            writer.end([row.id for row in change.documents], died=number)
            return self._published(publish, change, number)

    def stage(
        self, index: str, name: str, documents: Sequence[DocumentRow], vectors: PassageVectors
    ) -> Mapping[str, Any]:
        """Rows that are part of no version yet."""
        tokens = vectors.tokens[0].shape[1] if vectors.tokens else 0
        space = Space(index, int(vectors.dense.shape[1]), int(tokens))
        with self.rows.writing(index) as writer:
            writer.insert(space, name, documents, vectors, born=None)
        return {"name": name}

    def switch(
        self, index: str, change: IndexChange, staged: Sequence[Mapping[str, Any]], publish: Publish
    ) -> IndexVersion:
        """Let the staged rows begin where all others end."""
        with self._next(index) as (writer, _, number):
            writer.end_all(died=number)
            writer.begin([each["name"] for each in staged], born=number)
            return self._published(publish, change, number)

    def delete(self, index: str) -> None:
        """Delete all rows."""
        with self._lock(index), self.rows.writing(index) as writer:
            writer.delete()

    def merges(self, version: IndexVersion) -> Sequence[Mapping[str, Any]]:
        """Nothing: the store looks after its own files."""
        return ()

    def merge(
        self, version: IndexVersion, name: str, merge: Mapping[str, Any], publish: Publish
    ) -> IndexVersion:
        """Never asked for."""
        raise StoreError(f"The vector store {self.rows.name} has nothing to merge.")

    def collect(self, index: str, *, seconds: float) -> Sequence[str]:
        """Delete the rows that no search can be asking for any more."""
        current = self._registry.current(index)
        with self._lock(index), self.rows.writing(index) as writer:
            return writer.collect(current.number if current else 0, seconds=seconds)

    def damaged(self, version: IndexVersion) -> Sequence[DamagedPlace]:
        """The store itself, if it has fewer rows than the version has passages."""
        lost = version.passages - self.rows.count(Space.of(version), version.number)
        return [DamagedPlace(self.rows.name, lost)] if lost > 0 else []

    def damaged_documents(
        self, index: str, places: Collection[str], *, after: str = "", limit: int = 500
    ) -> Sequence[DocumentRow]:
        """Documents of which the store lacks a passage."""
        version = self._registry.current(index)
        found: list[DocumentRow] = []
        while version and places and len(found) < limit:
            page = self._registry.documents(index, after=after, limit=limit)
            if not page:
                break
            wanted = [passage.id for row in page for passage in row.passages]
            held = self.rows.among(Space.of(version), version.number, wanted)
            found += [row for row in page if not held.issuperset(one.id for one in row.passages)]
            after = page[-1].id
        return found[:limit]

    def parts(self, version: IndexVersion) -> Mapping[str, int]:
        """What the store tells."""
        return self.rows.parts(Space.of(version))

    def check(self, version: IndexVersion) -> StoreCheck:
        """Count the rows of a version, and read who may read them."""
        space = Space.of(version)
        found: dict[str, list[StoredPassage]] = defaultdict(list)
        for passage, stored in self.rows.stored(space, version.number):
            found[passage].append(stored)
        counted, read = self.rows.count(space, version.number), sum(map(len, found.values()))
        told = f"The vector store {self.rows.name} counts {counted:,} passages, and gives {read:,}."
        return StoreCheck(found, [("counts", told)] if counted != read else ())

    @contextmanager
    def _next(self, index: str) -> Generator[tuple[RowWriter, IndexVersion, int]]:
        """What writes the next version of an index; what was meant for one that never came goes."""
        with self._lock(index), self.rows.writing(index) as writer:
            version = self._registry.current(index)
            if version is None:
                raise StoreError(f"There is no index {index!r}.", hint="Add something to it first.")
            writer.undo(version.number)
            yield writer, version, version.number + 1

    def _check_unchanged(self, version: IndexVersion) -> None:
        """Before anything ends: LeaseLost if another writer published a version since this one began.

        Its rows would end with that version, which is searched.
        """
        current = self._registry.current(version.index)
        if current is None or current.number != version.number:
            raise LeaseLost(
                f"The index {version.index!r} was changed by another writer while this one stalled.",
                hint="What this one wrote is never seen, and is deleted by the next.",
            )

    def _published(self, publish: Publish, change: IndexChange, number: int) -> IndexVersion:
        version = publish(change)
        if version.number != number:
            raise StoreError(
                f"The index {version.index!r} went to version {version.number} while version {number} was "
                f"written to {self.rows.name}.",
                hint=f"Check it with `orchestrator index verify --index {version.index}`.",
            )
        return version
