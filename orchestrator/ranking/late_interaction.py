"""Late interaction: texts as one vector per token, compared by MaxSim.

MaxSim (Chamfer similarity) of a query and a passage: for each vector of the query the highest dot product
with any vector of the passage, summed. Source: Khattab and Zaharia, "ColBERT", SIGIR 2020.

A fixed-dimensional encoding makes one vector of many, whose dot products approximate MaxSim, so that any
store of single vectors can find candidates. Source: Dhulipala et al., "MUVERA: Multi-vector retrieval
via fixed dimensional encodings" (arXiv 2405.19504).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def max_sim(query: NDArray[np.float32], passages: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """MaxSim of a query, shape (tokens, dimensions), with each passage, shape (n,).

    It is divided by the sum of the lengths of the query's vectors, so that with passage vectors of
    length one it is from -1 to 1, whatever the query's length. A passage without vectors has 0.
    """
    import numpy as np

    scores = np.zeros(len(passages), np.float32)
    there = [row for row, passage in enumerate(passages) if len(passage)]
    total = float(np.linalg.norm(query, axis=1).sum())
    if not there or total == 0.0:
        return scores
    starts = np.cumsum([0, *(len(passages[row]) for row in there[:-1])])
    # One product for all, and the highest within each passage's columns.
    products = query @ np.concatenate([passages[row] for row in there]).T
    scores[there] = np.maximum.reduceat(products, starts, axis=1).sum(axis=0) / total
    return scores


@lru_cache(maxsize=8)
def stored_encoder(dimensions: int) -> FixedDimensionalEncoder:
    """The encoder of indexes that keep token vectors of so many dimensions."""
    return FixedDimensionalEncoder(dimensions, repetitions=20, planes=4, projected=16)


@dataclass(frozen=True)
class FixedDimensionalEncoder:
    """One vector of `repetitions` × 2^`planes` × `projected` numbers for many of `dimensions` (MUVERA).

    Each repetition cuts the space by `planes` random hyperplanes (SimHash). In each part, a query's
    vectors are summed and a passage's averaged; a part without a vector of the passage gets the nearest
    one, by the number of planes between. Within a part, vectors are projected to `projected` numbers
    by random signs (or kept whole, with None), and at the end all to `final` numbers by a count sketch,
    if that is given. Without projection the product is never above the sum of MaxSim. All chance
    comes from `seed`, so that equal settings give equal encodings anywhere.
    """

    dimensions: int
    repetitions: int = 20
    planes: int = 4
    projected: int | None = 16
    final: int | None = None
    seed: int = 0

    @property
    def size(self) -> int:
        """How many numbers an encoding has."""
        return self.final or self._whole

    @property
    def name(self) -> str:
        """Names everything that an encoding depends on."""
        last = f"-f{self.final}" if self.final else ""
        return f"muvera-r{self.repetitions}-k{self.planes}-p{self.projected or 0}{last}-s{self.seed}"

    @property
    def _width(self) -> int:
        return self.projected or self.dimensions

    @property
    def _whole(self) -> int:
        return self.repetitions * 2**self.planes * self._width

    def query(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """The encoding of a query's vectors, shape (tokens, dimensions) to (size,)."""
        parts, projected = self._placed(vectors)
        return self._sketched((self._members(parts) @ projected).reshape(-1))

    def passage(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """The encoding of a passage's vectors, shape (tokens, dimensions) to (size,)."""
        import numpy as np

        parts, projected = self._placed(vectors)
        members = self._members(parts)
        sizes = members.sum(axis=2)
        blocks = (members @ projected) / np.maximum(1.0, sizes)[:, :, None]
        if len(vectors):
            # Of several vectors that are as near to an empty part, the first counts.
            repetitions, empty = np.nonzero(sizes == 0)
            nearest = self._between[empty[:, None], parts[repetitions]].argmin(axis=1)
            blocks[repetitions, empty] = projected[repetitions, nearest]
        return self._sketched(blocks.reshape(-1))

    def _placed(self, vectors: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The part of each vector, (repetitions, tokens), and its projection, one axis more."""
        import numpy as np

        normals, signs = self._random
        shape = (len(vectors), self.repetitions)
        above = (vectors @ normals).reshape(*shape, self.planes) > 0
        parts = (above * (1 << np.arange(self.planes))).sum(axis=2)
        return parts.T, (vectors @ signs).reshape(*shape, self._width).transpose(1, 0, 2)

    def _members(self, parts: NDArray[np.int64]) -> NDArray[np.float32]:
        """1 where a vector is in a part, shape (repetitions, parts, tokens)."""
        import numpy as np

        numbers: NDArray[np.int64] = np.arange(2**self.planes, dtype=np.int64)
        members: NDArray[np.bool_] = parts[:, None, :] == numbers[None, :, None]
        return members.astype(np.float32)

    @cached_property
    def _random(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Normals of all planes, and all projections, side by side: a column each."""
        import numpy as np

        draw = np.random.default_rng(self.seed)
        normals = draw.standard_normal((self.dimensions, self.repetitions * self.planes)).astype(np.float32)
        # Random signs keep dot products on average; the scale keeps them for all repetitions together.
        if self.projected is None:
            signs = np.tile(np.eye(self.dimensions), (1, self.repetitions)) * self.repetitions**-0.5
        else:
            signs = draw.choice([-1.0, 1.0], (self.dimensions, self.repetitions * self.projected))
            signs = signs * (self.projected * self.repetitions) ** -0.5
        return normals, signs.astype(np.float32)

    @cached_property
    def _between(self) -> NDArray[np.int64]:
        """How many planes lie between two parts, shape (parts, parts)."""
        import numpy as np

        numbers: NDArray[np.int64] = np.arange(2**self.planes, dtype=np.int64)
        apart: NDArray[np.int64] = numbers[:, None] ^ numbers[None, :]
        between = np.zeros_like(apart)
        for bit in range(self.planes):
            between += (apart >> bit) & 1
        return between

    @cached_property
    def _sketch(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        import numpy as np

        draw = np.random.default_rng(self.seed + 1)
        return (
            draw.integers(0, self.final or 1, self._whole),
            draw.choice([-1.0, 1.0], self._whole).astype(np.float32),
        )

    def _sketched(self, flat: NDArray[np.float32]) -> NDArray[np.float32]:
        import numpy as np

        if self.final is None:
            return flat
        places, signs = self._sketch
        return np.bincount(places, weights=flat * signs, minlength=self.final).astype(np.float32)
