"""EASE: the linear autoencoder without self-similarity, in closed form.

Source: Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019. B = I − P · diag(1 / P),
P = (XᵀX + λI)⁻¹. The inverse is of all items by all items: a catalogue above `LARGEST` items is ranked
among the most popular ones alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestrator.ports.recommend import Training
from orchestrator.recommendation.libraries import library
from orchestrator.recommendation.rankers.item_to_item import ItemToItem, strongest
from orchestrator.recommendation.rankers.popularity import by_popularity
from orchestrator.recommendation.rankers.tuning import Constants, coordinate_search

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orchestrator.interactions.sequences import Sequences

#: Items that the inverse is taken of: 20,000 need 1.6 GB and about two minutes on two cores.
LARGEST = 20_000
#: Items that λ is chosen with: the inverse of the most popular ones is a sixtieth of the work.
PROBE = 3_000
NEIGHBOURS = 300
GRID = {"strength": (100.0, 250.0, 500.0, 1000.0), "decay": (0.0, 0.5, 1.0)}


def solve_ease(train: Sequences, items: int, constants: Constants) -> ItemToItem:
    """The ranker of these constants."""
    whole = _popular(train, items, LARGEST)
    matrix = weights(train, items, whole, constants["strength"])
    return ItemToItem("ease", matrix, constants["decay"], ties=by_popularity(train, items))


def learn_ease(training: Training) -> tuple[ItemToItem, Constants]:
    """The ranker, with λ and the decay of the history chosen on the popular items, and both constants."""
    items = len(training.items)
    probe = _popular(training.train, items, PROBE)
    matrices: dict[float, Any] = {}
    ties = by_popularity(training.train, items)

    def probed(strength: float, decay: float) -> ItemToItem:
        if strength not in matrices:
            matrices[strength] = weights(training.train, items, probe, strength)
        return ItemToItem("ease", matrices[strength], decay, ties=ties)

    best = coordinate_search(
        lambda values: probed(values["strength"], values["decay"]),
        {"strength": 250.0, "decay": 0.5},
        GRID,
        training,
    )
    matrices.clear()
    return solve_ease(training.train, items, best), best


def _popular(train: Sequences, items: int, count: int) -> NDArray[np.int64]:
    """The numbers of the most popular items, ascending."""
    import numpy as np

    counts = np.bincount(train.items, minlength=items)
    return np.sort(np.lexsort((np.arange(items), -counts))[:count])


def weights(train: Sequences, items: int, chosen: NDArray[np.int64], strength: float) -> Any:
    """The strongest weights of B among the chosen items, as a CSR matrix (items, items)."""
    import numpy as np

    sparse = library("scipy.sparse")
    lapack = library("scipy.linalg.lapack")

    had = sparse.csr_matrix(
        (np.ones(len(train.items), dtype=np.float32), train.items, train.offsets), shape=(len(train), items)
    )[:, chosen]
    had.data[:] = 1.0
    gram = np.asfortranarray((had.T @ had).toarray(), dtype=np.float32)
    gram[np.diag_indices_from(gram)] += strength
    # Cholesky in place: symmetric, positive, and half the work and memory of a general inverse.
    factor, failed = lapack.spotrf(gram, lower=1, overwrite_a=1)
    assert not failed, "a Gram matrix with a ridge is positive"
    inverse, failed = lapack.spotri(factor, lower=1, overwrite_c=1)
    assert not failed
    diagonal = inverse.diagonal().copy()
    rows: list[Any] = []
    columns: list[Any] = []
    values: list[Any] = []
    for begin in range(0, len(chosen), 512):
        stop = min(begin + 512, len(chosen))
        # Only the lower triangle is filled: the rest of these rows are columns below them.
        block = inverse[begin:stop].copy()
        block[:, begin:] = 0.0
        square = np.tril(inverse[begin:stop, begin:stop])
        block[:, begin:stop] = square + np.tril(square, -1).T
        block[:, stop:] = inverse[stop:, begin:stop].T
        block = -block / diagonal[None, :]
        block[np.arange(stop - begin), np.arange(begin, stop)] = 0.0
        width = min(NEIGHBOURS, len(chosen))
        best = np.argpartition(-block, width - 1, axis=1)[:, :width]
        rows.append(np.repeat(np.arange(begin, stop), width))
        columns.append(best.ravel())
        values.append(np.take_along_axis(block, best, axis=1).ravel())
    row, column, value = (np.concatenate(parts) for parts in (rows, columns, values))
    positive = value > 0
    matrix = sparse.csr_matrix(
        (value[positive], (chosen[row[positive]], chosen[column[positive]])),
        shape=(items, items),
        dtype=np.float32,
    )
    return strongest(matrix, NEIGHBOURS)
