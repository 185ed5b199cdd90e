"""Clusters of bounded size: spherical k-means in which no cluster may take more than its share.

`k-means-constrained` solves each assignment exactly, as a flow of least cost, and needs OR-Tools and SciPy
for it, more than a hundred megabytes installed. The assignment here is one of deferred acceptance (Gale and
Shapley, 1962): every row goes to the centre that it is nearest to, a centre that is full keeps those rows
that would lose most elsewhere, and the others go to their next choice.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Clusters that are told apart at once; more are made by splitting the parts again.
AT_ONCE = 32
_ROUNDS = 20


def balanced_clusters(
    vectors: NDArray[np.float32], size: int, *, fill: float = 0.7, seed: int = 0
) -> list[list[int]]:
    """Rows of `vectors`, shape (n, dimensions), in clusters of at most `size`, each by rising number.

    As many clusters as make them `fill` of `size` full in the mean. The same vectors, size and seed give the
    same clusters; rows that are alike are told apart by their number. Clusters are ordered by their first
    row.
    """
    import numpy as np

    if size < 1:
        raise ValueError("A cluster holds one row at least.")
    points = np.asarray(vectors, dtype=np.float32)
    done: list[list[int]] = []
    waiting = [np.arange(len(points))] if len(points) else []
    while waiting:
        rows = waiting.pop()
        if len(rows) <= size:
            done.append(rows.tolist())
            continue
        wanted = max(2, -(-len(rows) // max(1, round(size * fill))))
        number = min(AT_ONCE, wanted)
        # What is split again has no bound of its own but that no part may take most of the rows.
        capacity = size if wanted <= AT_ONCE else -(-2 * len(rows) // number)
        number = max(number, -(-len(rows) // capacity))
        labels = balanced_k_means(points[rows], number, capacity, seed=f"{seed}/{len(rows)}/{rows[0]}")
        waiting.extend(rows[labels == label] for label in range(number) if (labels == label).any())
    return sorted(done)


def balanced_k_means(
    points: NDArray[np.float32], number: int, capacity: int, *, seed: str = "0"
) -> NDArray[np.int64]:
    """A label from 0 to `number` − 1 for each row, none given more than `capacity` times."""
    import numpy as np

    centres = points[_first(points, number, seed)]
    labels = np.full(len(points), -1, dtype=np.int64)
    for _ in range(_ROUNDS):
        moved = assigned(points @ centres.T, capacity)
        if (moved == labels).all():
            break
        labels = moved
        member = np.zeros((number, len(points)), dtype=np.float32)
        member[labels, np.arange(len(points))] = 1.0
        sums = member @ points
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        # An empty cluster keeps the centre that it had.
        centres = np.where(lengths > 1e-9, sums / np.maximum(lengths, 1e-9), centres)
    return labels


def assigned(likeness: NDArray[np.float32], capacity: int) -> NDArray[np.int64]:
    """The column of each row of `likeness`, shape (n, k), by deferred acceptance; n ≤ k · capacity."""
    import numpy as np

    n, number = likeness.shape
    if n > number * capacity:
        raise ValueError(f"{n} rows do not fit into {number} clusters of {capacity}.")
    left = likeness.astype(np.float64)
    labels = np.argmax(left, axis=1)
    while True:
        counts = np.bincount(labels, minlength=number)
        full = np.flatnonzero(counts > capacity)
        if not len(full):
            return labels
        for column in full:
            rows = np.flatnonzero(labels == column)
            others = left[rows]
            own = others[:, column].copy()
            others[:, column] = -np.inf
            second = others.max(axis=1)
            # Whose last choice this is, stays.
            loss = np.where(np.isfinite(second), own - second, np.inf)
            leaving = rows[np.argsort(-loss, kind="stable")[capacity:]]
            left[leaving, column] = -np.inf
            labels[leaving] = np.argmax(left[leaving], axis=1)


def _first(points: NDArray[np.float32], number: int, seed: str) -> list[int]:
    """First centres, with more chance for what is far from those drawn before (k-means++)."""
    import numpy as np

    rng = random.Random(seed)  # noqa: S311
    chosen = [rng.randrange(len(points))]
    nearest = points @ points[chosen[0]]
    while len(chosen) < number:
        far = np.clip(1.0 - nearest, 0.0, None).astype(np.float64)
        far[chosen] = 0.0
        total = float(far.sum())
        if total <= 1e-9:
            taken = set(chosen)
            chosen.append(next(row for row in range(len(points)) if row not in taken))
        else:
            drawn = int(np.searchsorted(np.cumsum(far), rng.random() * total, side="right"))
            chosen.append(min(drawn, len(points) - 1))
        nearest = np.maximum(nearest, points @ points[chosen[-1]])
    return chosen
