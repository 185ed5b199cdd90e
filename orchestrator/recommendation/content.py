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
    rank = min(dimensions, int(min(matrix.shape)) - 1)
    vectors = np.zeros((len(items), dimensions), dtype=np.float32)
    if rank > 0 and matrix.nnz:
        vectors[:, :rank] = _leading(matrix, rank, np.random.default_rng(seed))
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 1e-6)


def _leading(matrix: Any, rank: int, random: np.random.Generator) -> NDArray[np.float32]:
    """Left singular vectors times singular values of a sparse matrix, the largest first.

    Randomised range finder with power iterations: Halko, Martinsson and Tropp, SIAM Review 2011.
    """
    import numpy as np

    width = min(rank + 16, int(min(matrix.shape)))
    basis = matrix @ random.standard_normal((int(matrix.shape[1]), width)).astype(np.float32)
    for _ in range(4):
        basis = np.linalg.qr(basis)[0]
        basis = matrix @ np.linalg.qr(matrix.T @ basis)[0]
    basis = np.linalg.qr(basis)[0]
    left, values, _ = np.linalg.svd((matrix.T @ basis).T, full_matrices=False)
    left = basis @ left[:, :rank]
    # The sign of a singular vector is arbitrary: fix it, so that equal tables give equal vectors.
    signs = np.sign(left[np.abs(left).argmax(axis=0), np.arange(rank)])
    return (left * signs * values[:rank]).astype(np.float32)


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
