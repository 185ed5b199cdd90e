"""Sparse dimensions as they are stored: packed, and counted into document frequencies."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import ItemsView, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from orchestrator.errors import StoreError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LIMIT = 1 << 32


def packed(dimensions: Iterable[int]) -> bytes:
    """The distinct dimensions, rising, as little-endian uint32."""
    distinct = sorted(set(dimensions))
    if distinct and not (distinct[0] >= 0 and distinct[-1] < _LIMIT):
        raise StoreError(f"Sparse dimensions must lie in 0 … 2**32 - 1, not {distinct[0]} … {distinct[-1]}.")
    return array("I", distinct).tobytes()


class Frequencies(Mapping[int, int]):
    """Counts by dimension, as two arrays of one length: `dimensions` rising, `counts` positive.

    Loading is two views on bytes; a look-up is a binary search.
    """

    __slots__ = ("_sorted", "counts", "dimensions")

    def __init__(self, dimensions: NDArray[np.uint32], counts: NDArray[np.uint32]) -> None:
        self.dimensions = dimensions
        self.counts = counts
        # numpy would convert the whole array to compare it with one Python integer.
        self._sorted = dimensions.data

    @classmethod
    def loaded(cls, dimensions: bytes, counts: bytes) -> Frequencies:
        """From what `dumped` gave."""
        import numpy as np

        try:
            return cls(np.frombuffer(dimensions, dtype="<u4"), np.frombuffer(counts, dtype="<u4"))
        except ValueError as error:
            raise StoreError(f"The database is damaged: term statistics are cut ({error}).") from error

    def dumped(self) -> tuple[bytes, bytes]:
        """Dimensions and counts as little-endian uint32."""
        return self.dimensions.astype("<u4").tobytes(), self.counts.astype("<u4").tobytes()

    def changed(self, added: Iterable[bytes], removed: Iterable[bytes]) -> Frequencies:
        """With the packed terms of new passages counted in and those of old ones out."""
        import numpy as np

        plus, minus = (np.frombuffer(b"".join(blobs), dtype="<u4") for blobs in (added, removed))
        if not len(plus) and not len(minus):
            return self
        sides = [(self.dimensions, self.counts.astype(np.int64))]
        for terms, sign in ((plus, 1), (minus, -1)):
            found, count = np.unique(terms, return_counts=True)
            sides.append((found, count.astype(np.int64) * sign))
        dimensions, place = np.unique(np.concatenate([side[0] for side in sides]), return_inverse=True)
        counts = np.zeros(len(dimensions), dtype=np.int64)
        np.add.at(counts, place, np.concatenate([side[1] for side in sides]))
        if len(counts) and counts.min() < 0:
            raise StoreError(
                "Term statistics count fewer passages than were removed.",
                hint="Run `orchestrator index rebuild`.",
            )
        kept = counts > 0
        return Frequencies(dimensions[kept].astype(np.uint32), counts[kept].astype(np.uint32))

    @classmethod
    def summed(cls, parts: Sequence[Frequencies]) -> Frequencies:
        """Of the passages of all of them together, none of which is in two."""
        import numpy as np

        if len(parts) < 2:
            return parts[0] if parts else nothing()
        # One number for both: numpy sorts that far faster than the order of one array is found.
        pairs = np.concatenate([part.dimensions for part in parts]).astype(np.uint64) << np.uint64(32)
        pairs |= np.concatenate([part.counts for part in parts]).astype(np.uint64)
        if not len(pairs):
            return nothing()
        pairs.sort()
        dimensions = (pairs >> np.uint64(32)).astype(np.uint32)
        counts = (pairs & np.uint64(_LIMIT - 1)).astype(np.int64)
        first = np.flatnonzero(np.concatenate([[True], dimensions[1:] != dimensions[:-1]]))
        return cls(dimensions[first], np.add.reduceat(counts, first).astype(np.uint32))

    def __getitem__(self, dimension: int) -> int:
        place = bisect_left(self._sorted, dimension)
        if place == len(self._sorted) or self._sorted[place] != dimension:
            raise KeyError(dimension)
        return int(self.counts[place])

    def __iter__(self) -> Iterator[int]:
        return iter(self.dimensions.tolist())

    def __len__(self) -> int:
        return len(self.dimensions)

    def items(self) -> ItemsView[int, int]:
        """All pairs, of a plain dict: much faster than one look-up each."""
        return dict(zip(self.dimensions.tolist(), self.counts.tolist(), strict=True)).items()

    def __repr__(self) -> str:
        return f"<Frequencies of {len(self)} dimensions>"


def nothing() -> Frequencies:
    """Of no passages."""
    return Frequencies.loaded(b"", b"")
