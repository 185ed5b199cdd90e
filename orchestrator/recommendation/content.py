"""What can be read about items, as vectors: attributes and title words weighted by how rare they are.

Items that nobody had yet are known by this alone (M2TRec, arXiv 2209.11824, takes metadata for ids
throughout); where there are interactions it is one more signal.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from orchestrator.recommendation.items import Item, Items
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


def weighted_terms(items: Items, *, title: bool = True) -> Any:
    """A CSR matrix (items, terms), float32: IDF of each term of an item, rows of length one.

    A term of a single item joins it to no other, and is left out.
    """
    import numpy as np

    sparse = library("scipy.sparse")

    counted = [terms(item, title=title) for item in items.rows]
    spread: Counter[str] = Counter(term for counts in counted for term in counts)
    columns = {term: at for at, term in enumerate(sorted(term for term, df in spread.items() if df > 1))}
    offsets = np.zeros(len(items) + 1, dtype=np.int64)
    places: list[int] = []
    for row, counts in enumerate(counted):
        places.extend(sorted(columns[term] for term in counts if term in columns))
        offsets[row + 1] = len(places)
    indices = np.asarray(places, dtype=np.int32)
    df = np.bincount(indices, minlength=len(columns)) if len(columns) else np.zeros(0)
    idf = np.log((1.0 + len(items)) / (1.0 + df)) + 1.0 if len(columns) else df
    matrix = sparse.csr_matrix(
        (idf[indices].astype(np.float32), indices, offsets), shape=(len(items), len(columns))
    )
    return unit_rows(matrix)


def content_vectors(items: Items, dimensions: int = 128, *, seed: int = 0) -> NDArray[np.float32]:
    """Dense vectors (items, dimensions) of what can be read, by truncated SVD; unit length or all zero."""
    import numpy as np

    matrix = weighted_terms(items)
    left, right = leading(matrix, dimensions, seed=seed)
    # U · Σ: the roots of the values on both sides, multiplied onto one.
    vectors = left * np.linalg.norm(right, axis=0)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 1e-6)


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
