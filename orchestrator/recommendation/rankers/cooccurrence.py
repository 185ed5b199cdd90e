"""Item co-occurrence: directed sequential rules, and item-based nearest neighbours.

One family: item i speaks for item j by how often j came at distance d behind i (or before it, counted
`back`), each pair counted d ** -gap, and divided by (how often i speaks) ** source and (how often j is
spoken for) ** target. Rules are directed and fade with distance (sequential rules, Ludewig and Jannach,
UMUAI 2018); neighbours are symmetric and do not (item-based cosine: Sarwar et al., WWW 2001).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
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

#: Entries kept of each row: what is below them moves no top 10.
NEIGHBOURS = 300
#: Pairs held at once, 12 bytes each and as much again while they are summed up.
_AT_ONCE = 16_000_000


@dataclass(frozen=True, slots=True)
class Counting:
    """How pairs are counted and scaled."""

    window: int = 20
    gap: float = 1.0
    back: float = 0.0
    source: float = 0.5
    target: float = 0.25
    decay: float = 1.0


#: Where the search begins, and what it may try, one constant after the other.
RULES = Counting(back=0.25)
RULES_GRID = {
    "target": (0.0, 0.15, 0.25, 0.4),
    "source": (0.25, 0.5, 0.75),
    "decay": (0.5, 0.75, 1.0, 1.5),
    "back": (0.0, 0.25, 0.5),
    "gap": (0.5, 1.0),
}
NEIGHBOURS_START = Counting(window=50, gap=0.0, back=1.0)
NEIGHBOURS_GRID = {
    "target": (0.0, 0.15, 0.25, 0.4, 0.5),
    "source": (0.25, 0.5, 0.75),
    "decay": (0.5, 1.0, 1.5),
}


def pair_counts(sequences: Sequences, items: int, how: Counting) -> Any:
    """A CSR matrix (items, items) of weighted counts, without a diagonal.

    Pairs are summed up `_AT_ONCE` at a time: of long histories there are far more than different ones.
    """
    import numpy as np

    sparse = library("scipy.sparse")

    flat, rows = sequences.items, sequences.rows
    sources: list[Any] = []
    targets: list[Any] = []
    weights: list[Any] = []
    summed: Any = sparse.csr_matrix((items, items), dtype=np.float32)

    def sum_up() -> Any:
        return sparse.csr_matrix(
            (np.concatenate(weights), (np.concatenate(sources), np.concatenate(targets))),
            shape=(items, items),
            dtype=np.float32,
        )

    for distance in range(1, min(how.window, int(sequences.lengths.max(initial=0)) - 1) + 1):
        together = rows[distance:] == rows[:-distance]
        before, after = flat[:-distance][together], flat[distance:][together]
        different = before != after
        before, after = before[different], after[different]
        weight = np.full(len(before), float(distance) ** -how.gap, dtype=np.float32)
        sources.append(before)
        targets.append(after)
        weights.append(weight)
        if how.back:
            sources.append(after)
            targets.append(before)
            weights.append(weight * np.float32(how.back))
        if sum(map(len, weights)) > _AT_ONCE:
            summed = summed + sum_up()
            sources, targets, weights = [], [], []
    if not sources:
        return summed
    return summed + sum_up() if summed.nnz else sum_up()


def scaled(counts: Any, source: float, target: float, ties: NDArray[np.int32] | None = None) -> Any:
    """Counts divided by powers of their row's and their column's sum; the strongest of each row."""
    import numpy as np

    sparse = library("scipy.sparse")

    out = np.asarray(counts.sum(axis=1)).ravel()
    into = np.asarray(counts.sum(axis=0)).ravel()
    left = np.where(out > 0, out, 1.0) ** -source
    right = np.where(into > 0, into, 1.0) ** -target
    lengths: NDArray[np.int64] = np.diff(counts.indptr)
    rows = np.repeat(np.arange(len(lengths)), lengths)
    # The pattern stays, so that it is shared, and in order, where a product with diagonals would copy it.
    data = (counts.data * left[rows] * right[counts.indices]).astype(np.float32)
    whole = sparse.csr_matrix((data, counts.indices, counts.indptr), shape=counts.shape)
    return strongest(whole, NEIGHBOURS, ties)


def counted(name: str, sequences: Sequences, items: int, constants: Constants) -> ItemToItem:
    """The ranker of these constants."""
    how = replace(Counting(), **{**constants, "window": int(constants["window"])})
    ties = by_popularity(sequences, items)
    matrix = scaled(pair_counts(sequences, items, how), how.source, how.target, ties)
    return ItemToItem(name, matrix, how.decay, ties=ties)


def learned(
    name: str, training: Training, start: Counting, grid: dict[str, tuple[float, ...]]
) -> tuple[ItemToItem, Constants]:
    """The ranker with the constants of the grid that rank the chosen part best, and they."""
    counts: dict[tuple[float, float], Any] = {}
    matrices: dict[tuple[float, float, float, float], Any] = {}
    ties = by_popularity(training.train, len(training.items))

    def ranker(how: Counting) -> ItemToItem:
        counted = (how.gap, how.back)
        if counted not in counts:
            counts[counted] = pair_counts(training.train, len(training.items), how)
        key = (*counted, how.source, how.target)
        if key not in matrices:
            matrices[key] = scaled(counts[counted], how.source, how.target, ties)
        return ItemToItem(name, matrices[key], how.decay, ties=ties)

    best = coordinate_search(
        lambda values: ranker(replace(start, **values)),
        {each: getattr(start, each) for each in grid},
        grid,
        training,
    )
    how = replace(start, **best)
    return ranker(how), asdict(how)
