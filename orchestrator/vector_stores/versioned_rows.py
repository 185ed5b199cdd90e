"""Rows of a store that is changed in place while it is searched: each knows the versions it is part of."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from orchestrator.ports import DocumentRow, IndexVersion, PassageVectors, StoredPassage


@dataclass(frozen=True, slots=True)
class Space:
    """Vectors of one size: an index that is rebuilt by a model of another size has two for a while."""

    index: str
    dimensions: int
    token_dimensions: int = 0

    @classmethod
    def of(cls, version: IndexVersion) -> Space:
        """The space in which the rows of a version lie."""
        return cls(version.index, version.format.dimensions, version.format.token_dimensions)


class RowWriter(Protocol):
    """Writes the rows of one index. Nobody else does meanwhile, but for what is staged.

    A row is part of the versions from `born` until before `died`. What is staged has no `born` yet. Every
    method may be cut short and called again: what it did before does no harm.
    """

    def undo(self, number: int) -> None:
        """Take back what was meant for versions after `number`, which never came.

        Rows that were born later go, except that staged ones are staged again; those that died later live.
        """
        ...

    def insert(
        self,
        space: Space,
        name: str,
        documents: Sequence[DocumentRow],
        vectors: PassageVectors,
        *,
        born: int | None,
    ) -> None:
        """Write all passages of `documents`, row i of all vectors being passage i; `born` is None if staged.

        StoreError if the store does not confirm that it has them all. `name` is of this attempt alone.
        """
        ...

    def copy(self, space: Space, name: str, documents: Sequence[DocumentRow], *, born: int) -> None:
        """Write rows with the vectors of those alive before `born`, for the readers of `documents`.

        StoreError if it has not all of their passages.
        """
        ...

    def end(self, documents: Sequence[str], *, died: int) -> None:
        """Let the rows of these documents that were born before `died` end with that version."""
        ...

    def end_all(self, *, died: int) -> None:
        """Let all rows that were born before `died` end with that version."""
        ...

    def begin(self, names: Collection[str], *, born: int) -> None:
        """Let what was staged under these names begin with a version."""
        ...

    def collect(self, number: int, *, seconds: float) -> list[str]:
        """Delete what ended with a version up to `number`, `seconds` ago, and what is staged.

        The names of what was staged.
        """
        ...

    def delete(self) -> None:
        """Delete everything of the index."""
        ...


class VersionedRows(Protocol):
    """The rows of all indexes in a store, seen by those who write them and who check them."""

    @property
    def name(self) -> str:
        """How messages name the store, without a password."""
        ...

    def writing(self, index: str) -> AbstractContextManager[RowWriter]:
        """Keep other writers of an index out, if the store can; IndexBusy if one stays too long."""
        ...

    def count(self, space: Space, number: int) -> int:
        """How many rows are part of a version."""
        ...

    def stored(self, space: Space, number: int) -> Iterator[tuple[str, StoredPassage]]:
        """All rows of a version, by passage."""
        ...

    def among(self, space: Space, number: int, passages: Sequence[str]) -> set[str]:
        """Those of some passages that a version has."""
        ...

    def parts(self, space: Space) -> Mapping[str, int]:
        """What a version consists of in the store, as `IndexWriter.parts`."""
        ...
