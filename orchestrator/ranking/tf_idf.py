"""tf-idf: how alike texts are by their terms, where rare ones weigh more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator.ports import SparseVector

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def tf_idf_cosines(vectors: Sequence[SparseVector]) -> NDArray[np.float32]:
    """Cosines of the tf-idf vectors of n term vectors, shape (n, n), at least 0."""
    import numpy as np

    n = len(vectors)
    row = np.repeat(np.arange(n), [len(vector.indices) for vector in vectors])
    terms = np.array([term for vector in vectors for term in vector.indices], dtype=np.int64)
    values = np.array([value for vector in vectors for value in vector.values], dtype=np.float64)
    _, column, counts = np.unique(terms, return_inverse=True, return_counts=True)
    weights = values * np.log(1.0 + n / (counts + 0.5))[column]
    lengths = np.sqrt(np.bincount(row, weights=weights * weights, minlength=n))
    # A term of one sentence alone only adds to that sentence's length; it needs no column.
    shared = counts > 1
    kept = shared[column]
    row, place = row[kept], (np.cumsum(shared) - 1)[column[kept]]
    scaled = (weights[kept] / lengths[row]).astype(np.float32)
    by_term = np.zeros((int(shared.sum()), n), dtype=np.float32)
    by_term[place, row] = scaled
    # A row at a time: sentences are short, and one large product would wake all threads of the
    # linear algebra library, which on a busy machine wait for each other 80 times as long.
    ends = np.cumsum(np.bincount(row, minlength=n))
    found = np.zeros((n, n), dtype=np.float32)
    begin = 0
    for number, end in enumerate(ends):
        found[number] = scaled[begin:end] @ by_term[place[begin:end]]
        begin = end
    np.fill_diagonal(found, lengths > 0)
    return np.clip(found, 0.0, 1.0)
