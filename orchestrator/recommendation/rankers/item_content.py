"""TF-IDF vectors of items from attributes and title words.

Items that nobody had yet are known by this alone (M2TRec, arXiv 2209.11824, takes metadata for ids
throughout); where there are interactions it is one more signal.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.interactions.items import Item, Items
from orchestrator.recommendation.libraries import library

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def terms(item: Item, *, title: bool = True) -> Counter[str]:
    """An item's attributes, each whole, and the words of its title."""
    counts: Counter[str] = Counter(f"{field}={value.casefold()}" for field, value in item.attributes)
    if title:
        counts.update(set(words(item.title)))
    return counts


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The terms of a catalogue, each with its column, and `idf` by column."""

    columns: dict[str, int]
    idf: NDArray[np.float64]

    @classmethod
    def of(cls, counted: Sequence[Counter[str]]) -> Vocabulary:
        """Of the terms of items. A term of a single item joins it to no other, and is left out."""
        import numpy as np

        spread: Counter[str] = Counter(term for counts in counted for term in counts)
        shared = sorted(term for term, df in spread.items() if df > 1)
        df = np.asarray([spread[term] for term in shared], dtype=np.float64)
        idf = np.log((1.0 + len(counted)) / (1.0 + df)) + 1.0
        return cls({term: at for at, term in enumerate(shared)}, idf)

    def rows(self, counted: Sequence[Counter[str]]) -> Any:
        """A CSR matrix (items, terms), float32: IDF of each term of an item, rows of length one."""
        import numpy as np

        sparse = library("scipy.sparse")
        offsets = np.zeros(len(counted) + 1, dtype=np.int64)
        places: list[int] = []
        for row, counts in enumerate(counted):
            places.extend(sorted(self.columns[term] for term in counts if term in self.columns))
            offsets[row + 1] = len(places)
        indices = np.asarray(places, dtype=np.int32)
        matrix = sparse.csr_matrix(
            (self.idf[indices].astype(np.float32), indices, offsets), shape=(len(counted), len(self.columns))
        )
        return unit_rows(matrix)


def weighted_terms(items: Items, *, title: bool = True) -> Any:
    """A CSR matrix (items, terms), float32: IDF of each term of an item, rows of length one."""
    counted = [terms(item, title=title) for item in items.rows]
    return Vocabulary.of(counted).rows(counted)


@dataclass(frozen=True, eq=False)
class Reading:
    """How items become dense vectors: their terms, along `directions` (terms, dimensions).

    Kept, it reads items that come later as it read those that it was made of.
    """

    vocabulary: Vocabulary
    directions: NDArray[np.float32]

    def vectors(self, items: Items) -> NDArray[np.float32]:
        """Vectors (items, dimensions), of unit length or all zero."""
        return _unit(self.vocabulary.rows([terms(item) for item in items.rows]) @ self.directions)

    def save(self, folder: Path) -> None:
        """Write terms and directions."""
        import numpy as np

        columns = list(self.vocabulary.columns)
        (folder / "terms.json").write_text(json.dumps(columns), encoding="utf-8")
        np.savez(folder / "directions.npz", idf=self.vocabulary.idf, directions=self.directions)

    @classmethod
    def load(cls, folder: Path) -> Reading:
        """What `save` wrote. FileNotFoundError if it did not."""
        import numpy as np

        columns = json.loads((folder / "terms.json").read_text(encoding="utf-8"))
        with np.load(folder / "directions.npz", allow_pickle=False) as stored:
            vocabulary = Vocabulary({term: at for at, term in enumerate(columns)}, stored["idf"])
            return cls(vocabulary, stored["directions"])


def content_vectors(items: Items, dimensions: int = 128, *, seed: int = 0) -> NDArray[np.float32]:
    """Dense vectors (items, dimensions) of what can be read, by truncated SVD; unit length or all zero."""
    return read_content(items, dimensions, seed=seed)[0]


def read_content(
    items: Items, dimensions: int = 128, *, seed: int = 0
) -> tuple[NDArray[np.float32], Reading]:
    """The content vectors of items, and how later items are read in the same way."""
    import numpy as np

    counted = [terms(item) for item in items.rows]
    vocabulary = Vocabulary.of(counted)
    left, right = leading(vocabulary.rows(counted), dimensions, seed=seed)
    # U · Σ: the roots of the values on both sides, multiplied onto one.
    return _unit(left * np.linalg.norm(right, axis=0)), Reading(vocabulary, _unit(right.T).T)


def leading(matrix: Any, dimensions: int, *, seed: int = 0) -> tuple[Any, Any]:
    """Left and right singular vectors of a sparse matrix, each times the root of its value.

    The largest come first, and their products approximate the matrix; columns beyond its rank are 0.
    Randomised range finder with power iterations: Halko, Martinsson and Tropp, SIAM Review 2011.
    """
    import numpy as np

    rows, columns = (int(size) for size in matrix.shape)
    left = np.zeros((rows, dimensions), dtype=np.float32)
    right = np.zeros((columns, dimensions), dtype=np.float32)
    rank = min(dimensions, min(rows, columns) - 1)
    if rank <= 0 or not matrix.nnz:
        return left, right
    random = np.random.default_rng(seed)
    basis = matrix @ random.standard_normal((columns, min(rank + 16, rows, columns))).astype(np.float32)
    for _ in range(4):
        basis = np.linalg.qr(basis)[0]
        basis = matrix @ np.linalg.qr(matrix.T @ basis)[0]
    basis = np.linalg.qr(basis)[0]
    turned, values, across = np.linalg.svd((matrix.T @ basis).T, full_matrices=False)
    u, v = basis @ turned[:, :rank], across[:rank].T
    # The sign of a singular vector is arbitrary: fix it, so that equal tables give equal vectors.
    signs = np.sign(u[np.abs(u).argmax(axis=0), np.arange(rank)])
    scale = signs * np.sqrt(values[:rank])
    left[:, :rank], right[:, :rank] = u * scale, v * scale
    return left, right


def unit_sums(matrix: Any) -> Any:
    """The rows of a sparse matrix of non-negative entries, each divided by its sum; empty ones stay empty."""
    import numpy as np

    sparse = library("scipy.sparse")
    sums = np.asarray(matrix.sum(axis=1)).ravel()
    scale = np.divide(1.0, sums, out=np.zeros_like(sums, dtype=np.float64), where=sums > 0)
    return sparse.csr_matrix(sparse.diags(scale.astype(np.float32)) @ matrix, dtype=np.float32)


def unit_rows(matrix: Any) -> Any:
    """The rows of a sparse matrix, each divided by its length; empty ones stay empty."""
    import numpy as np

    sparse = library("scipy.sparse")

    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    scale = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return sparse.csr_matrix(sparse.diags(scale.astype(np.float32)) @ matrix, dtype=np.float32)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows divided by their length; what is next to nothing becomes 0."""
    import numpy as np

    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 1e-6)


def words(text: str) -> list[str]:
    """Runs of letters and digits, case folded."""
    found: list[str] = []
    word: list[str] = []
    for character in f"{text.casefold()} ":
        if character.isalnum():
            word.append(character)
        elif word:
            found.append("".join(word))
            word = []
    return found
