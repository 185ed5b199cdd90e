"""MinHash of character trigrams: names that are spelled alike, without comparing each with each.

Sources: Broder, "On the resemblance and containment of documents", 1997; banding as in Leskovec, Rajaraman
and Ullman, "Mining of Massive Datasets", chapter 3.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Rows of a band, and bands: names of a Jaccard similarity of .5 meet with a chance of .88.
ROWS, BANDS = 3, 16
#: Names of one block that are compared with one another, at most.
LARGEST = 200
_PRIME = (1 << 31) - 1


def trigrams(text: str) -> frozenset[str]:
    """The runs of three characters of a text, its ends marked."""
    padded = f"  {text} "
    return frozenset(padded[at : at + 3] for at in range(len(padded) - 2))


def jaccard(left: frozenset[str], right: frozenset[str]) -> float:
    """The share of what two sets have in common, 0 to 1."""
    together = len(left | right)
    return len(left & right) / together if together else 1.0


def signatures(texts: Sequence[str]) -> NDArray[np.int64]:
    """The MinHash of each text, shape (texts, ROWS · BANDS); the same in every process."""
    import numpy as np

    grams = [[crc32(each.encode("utf-8", "surrogatepass")) for each in trigrams(text)] for text in texts]
    starts = np.cumsum([0, *map(len, grams)])[:-1]
    hashes = np.array([each for group in grams for each in group], dtype=np.int64) % _PRIME
    random = np.random.default_rng(7)
    factors = random.integers(1, _PRIME, ROWS * BANDS, dtype=np.int64)
    offsets = random.integers(0, _PRIME, ROWS * BANDS, dtype=np.int64)
    found = np.empty((len(texts), ROWS * BANDS), dtype=np.int64)
    for column, (factor, offset) in enumerate(zip(factors, offsets, strict=True)):
        found[:, column] = np.minimum.reduceat((hashes * factor + offset) % _PRIME, starts)
    return found


class NameBlocks:
    """Names by their bands: those that share one may be spelled alike."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._blocks: dict[tuple[int, bytes], list[int]] = defaultdict(list)
        if self.names:
            for row, signature in enumerate(signatures(self.names)):
                for band in self._bands(signature):
                    self._blocks[band].append(row)

    def near(self, text: str, *, at_least: float) -> list[tuple[str, float]]:
        """Names whose trigrams resemble those of a text so much, the most alike first."""
        if not self.names:
            return []
        rows = {row for band in self._bands(signatures([text])[0]) for row in self._blocks.get(band, ())}
        mine = trigrams(text)
        found = [(self.names[row], jaccard(mine, trigrams(self.names[row]))) for row in rows]
        return sorted([each for each in found if each[1] >= at_least], key=lambda each: (-each[1], each[0]))

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Pairs of names that share a block, each once; blocks of too many say nothing and are left out."""
        seen: set[tuple[int, int]] = set()
        for rows in self._blocks.values():
            if len(rows) > LARGEST:
                continue
            for place, left in enumerate(rows):
                for right in rows[place + 1 :]:
                    if (left, right) not in seen:
                        seen.add((left, right))
                        yield self.names[left], self.names[right]

    @staticmethod
    def _bands(signature: NDArray[np.int64]) -> Iterator[tuple[int, bytes]]:
        for band in range(BANDS):
            yield band, signature[band * ROWS : (band + 1) * ROWS].tobytes()
