"""The best k of many rows of scores, under what is allowed and what is removed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from orchestrator.ports.recommend import Ranking

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orchestrator.interactions.sequences import Sequences


def nothing(rows: int, k: int) -> Ranking:
    """Rankings that are empty."""
    import numpy as np

    return Ranking(np.full((rows, k), -1, dtype=np.int32), np.full((rows, k), -np.inf, dtype=np.float32))


def in_slices(
    rank: Callable[[NDArray[np.int64]], Ranking],
    count: int,
    *,
    k: int,
    size: int,
    among: NDArray[np.int64] | None = None,
) -> Ranking:
    """Rankings of `count` histories, `size` at a time, which bounds the memory that scores take.

    `rank` is given the numbers of some histories and ranks these. Only histories of `among` are ranked,
    by default all; the others get nothing.
    """
    import numpy as np

    found = nothing(count, k)
    asked = np.arange(count) if among is None else among
    for begin in range(0, len(asked), max(1, size)):
        part = asked[begin : begin + max(1, size)]
        best = rank(part)
        found.items[part], found.scores[part] = best.items, best.scores
    return found


def taken(sequences: Sequences | None, rows: NDArray[np.int64]) -> Sequences | None:
    """These rows, if there are sequences."""
    return None if sequences is None else sequences.take(rows)


def best_of_dense(
    scores: NDArray[np.float32],
    *,
    k: int,
    allowed: NDArray[np.bool_] | None = None,
    removed: Sequences | None = None,
) -> Ranking:
    """The best k of scores (rows, items), which are overwritten; an item of score -inf is not ranked."""
    import numpy as np

    if allowed is not None:
        scores[:, ~allowed] = -np.inf
    if removed is not None:
        scores[removed.rows, removed.items] = -np.inf
    rows, items = scores.shape
    width = min(k, items)
    if width < items:
        # Everything that ties with the last place competes for it by number, so that no tie is broken
        # by how the partition happened to run.
        last = np.partition(scores, items - width, axis=1)[:, items - width]
        row, column = np.nonzero(scores >= last[:, None])
    else:
        row, column = np.nonzero(scores > -np.inf)
    return _ranked(rows, k, row, column, scores[row, column])


def best_of_sparse(
    scores: Any,
    *,
    k: int,
    allowed: NDArray[np.bool_] | None = None,
    removed: Sequences | None = None,
    ties: NDArray[np.int32] | None = None,
) -> Ranking:
    """The best k of a CSR matrix (rows, items), which is overwritten; only positive scores are ranked.

    Of items of one score, those of the lower number in `ties` (items,) come first.
    """
    import numpy as np

    rows, items = int(scores.shape[0]), int(scores.shape[1])
    lengths: NDArray[np.int64] = np.diff(scores.indptr)
    row = np.repeat(np.arange(rows, dtype=np.int64), lengths)
    column: NDArray[np.int32] = scores.indices
    value: NDArray[np.float32] = scores.data
    kept = value > 0
    if allowed is not None:
        kept &= allowed[column]
    row, column, value = row[kept], column[kept], value[kept]
    offsets = np.zeros(rows + 1, dtype=np.int64)
    np.cumsum(np.bincount(row, minlength=rows), out=offsets[1:])
    # As many more as may be removed from a row are enough to look at: they need not be found in all.
    gone = np.zeros(rows, dtype=np.int64) if removed is None else removed.lengths
    near = np.flatnonzero(value >= at_least(offsets, value, k + gone)[row])
    if removed is not None:
        keys = removed.rows * items + removed.items
        near = near[~np.isin(row[near] * items + column[near], keys)]
    return _ranked(rows, k, row[near], column[near], value[near], ties)


def at_least(
    offsets: NDArray[np.int64], values: NDArray[np.float32], count: int | NDArray[np.int64]
) -> NDArray[np.float32]:
    """For each row of a CSR matrix the value that its `count` largest reach; -inf for rows of fewer.

    Partitioning each row is far less work than sorting all: rows are long, and few of them is wanted.
    """
    import numpy as np

    least = np.full(len(offsets) - 1, -np.inf, dtype=np.float32)
    wanted = np.broadcast_to(np.asarray(count), least.shape)
    for row in np.flatnonzero(np.diff(offsets) > wanted):
        part = values[offsets[row] : offsets[row + 1]]
        place = len(part) - wanted[row]
        least[row] = np.partition(part, place)[place]
    return least


def _ranked(
    rows: int, k: int, row: Any, column: Any, value: Any, ties: NDArray[np.int32] | None = None
) -> Ranking:
    """Entries in ranking order: by falling score within a row, ties by `ties`, or by number."""
    import numpy as np

    found = nothing(rows, k)
    finite = value > -np.inf
    row, column, value = row[finite], column[finite], value[finite]
    order = np.lexsort((column if ties is None else ties[column], -value, row))
    row = row[order]
    starts = np.searchsorted(row, np.arange(rows))
    place = np.arange(len(row)) - starts[row]
    within = place < k
    found.items[row[within], place[within]] = column[order][within]
    found.scores[row[within], place[within]] = value[order][within]
    return found
