"""Which of many texts share a run of letters with another, found by the hashes of windows of letters."""

# numpy types the concatenation of arrays and their parts as unknown.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Of the rolling polynomial (Karp and Rabin, IBM Journal of Research and Development 31, 1987), mod 2⁶⁴.
_BASE = 0x9E3779B97F4A7C15
#: Letters that are turned into numbers at once: memory is bounded by it.
_AT_ONCE = 1 << 20


class Windows:
    """Texts by their windows of `width` letters, which begin at every `step` letters of each text.

    A text that shares width + step − 1 letters in a row with another is found, since such a run holds one of
    its windows whole, and so is one that shares its first `width`. Hashes that are equal by chance may
    find a text too many, never one too few. A window takes 12 bytes.
    """

    def __init__(self, width: int, step: int) -> None:
        self._width, self._step = width, step
        # Sorted runs of (hashes, numbers of texts), each more than twice as long as the one after it.
        self._runs: list[tuple[NDArray[np.uint64], NDArray[np.uint32]]] = []

    def add(self, texts: Sequence[tuple[int, str]]) -> None:
        """Texts with their numbers. Those shorter than a window have none, and are never found."""
        part: list[tuple[int, str]] = []
        letters = 0
        for number, text in texts:
            part.append((number, text))
            letters += len(text)
            if letters >= _AT_ONCE:
                self._add(part)
                part, letters = [], 0
        if part:
            self._add(part)

    def _add(self, texts: Sequence[tuple[int, str]]) -> None:
        import numpy as np

        sizes = np.array([len(text) for _, text in texts], dtype=np.int64)
        counts = np.maximum(0, (sizes - self._width) // self._step + 1)
        if not counts.any():
            return
        letters = _codes("".join(text for _, text in texts))
        firsts = np.repeat(np.cumsum(sizes) - sizes, counts)
        within = np.arange(len(firsts)) - np.repeat(np.cumsum(counts) - counts, counts)
        starts = firsts + self._step * within
        hashes = _hashed(letters[starts + at] for at in range(self._width))
        numbers = np.repeat(np.array([number for number, _ in texts], dtype=np.uint32), counts)
        self._runs.append(_sorted(hashes, numbers))
        # As in a merge sort that goes on: however few texts come at a time, each window moves a few times.
        while len(self._runs) > 1 and 2 * len(self._runs[-1][0]) >= len(self._runs[-2][0]):
            (later, theirs), (earlier, ours) = self._runs.pop(), self._runs.pop()
            self._runs.append(_sorted(np.concatenate([earlier, later]), np.concatenate([ours, theirs])))

    def shared_with(self, text: str) -> set[int]:
        """The numbers of the texts of which `text` holds a window, wherever it stands there."""
        import numpy as np

        letters = _codes(text)
        size = len(letters) - self._width + 1
        if size <= 0 or not self._runs:
            return set()
        sought = np.unique(_hashed(letters[at : at + size] for at in range(self._width)))
        found: list[NDArray[np.uint32]] = []
        for hashes, numbers in self._runs:
            starts, ends = np.searchsorted(hashes, sought), np.searchsorted(hashes, sought, side="right")
            there = np.flatnonzero(ends > starts)
            found += [
                numbers[start:end]
                for start, end in zip(starts[there].tolist(), ends[there].tolist(), strict=True)
            ]
        return set(np.unique(np.concatenate(found)).tolist()) if found else set()


def _codes(text: str) -> NDArray[np.uint32]:
    import numpy as np

    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def _hashed(columns: Iterable[NDArray[np.uint32]]) -> NDArray[np.uint64]:
    """A hash of each window, given the first letters of all, then the second, and so on."""
    import numpy as np

    first, *rest = columns
    hashes = first.astype(np.uint64)
    for column in rest:
        hashes *= np.uint64(_BASE)
        hashes += column
    return hashes


def _sorted(
    hashes: NDArray[np.uint64], numbers: NDArray[np.uint32]
) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
    import numpy as np

    order = np.argsort(hashes)
    return hashes[order], numbers[order]
