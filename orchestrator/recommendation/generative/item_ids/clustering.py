"""Clusters of equal size: k-means in which no cluster takes more than its share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Labels = NDArray[np.int32]

_ROUNDS = 12
#: Distances held at once, 4 bytes each.
_AT_ONCE = 16_000_000


def balanced_kmeans(vectors: Vectors, k: int, *, seed: int, rounds: int = _ROUNDS) -> Labels:
    """A cluster number below `k` for each row, with at most ⌈rows / k⌉ rows a cluster.

    Each round assigns rows to centres as a stable matching (Gale and Shapley, 1962): a row proposes to
    its nearest centre that has not turned it away, and a centre keeps the nearest of those who
    proposed. The same input and seed give the same clusters.
    """
    rows = len(vectors)
    if k < 1:
        raise ValueError(f"{k} clusters were asked for; at least one is needed")
    if k == 1 or rows <= k:
        return np.arange(rows, dtype=np.int32) % k
    capacity = -(-rows // k)
    centres = _spread(vectors, k, np.random.default_rng(seed))
    labels = np.full(rows, -1, dtype=np.int32)
    for _ in range(rounds):
        found = _matched(_distances(vectors, centres), capacity)
        if np.array_equal(found, labels):
            break
        labels = found
        centres = _means(vectors, labels, centres)
    return labels


def kmeans(vectors: Vectors, k: int, *, seed: int, rounds: int = _ROUNDS) -> tuple[Labels, Vectors]:
    """Plain k-means: a cluster number for each row, and the centres, of shape (k, dimensions)."""
    k = min(k, len(vectors))
    centres = _spread(vectors, k, np.random.default_rng(seed))
    labels = np.full(len(vectors), -1, dtype=np.int32)
    for _ in range(rounds):
        found = nearest(vectors, centres)
        if np.array_equal(found, labels):
            break
        labels = found
        centres = _means(vectors, labels, centres)
    return labels, centres


def nearest(vectors: Vectors, centres: Vectors, *, chunk: int = 8192) -> Labels:
    """The number of the nearest centre of each row; of two equally near, the first."""
    found = np.empty(len(vectors), dtype=np.int32)
    # A whole catalogue as centres would make a chunk of gigabytes.
    chunk = max(1, min(chunk, _AT_ONCE // max(1, len(centres))))
    for start in range(0, len(vectors), chunk):
        found[start : start + chunk] = _distances(vectors[start : start + chunk], centres).argmin(axis=1)
    return found


def _distances(vectors: Vectors, centres: Vectors) -> Vectors:
    # |v|² is the same for every centre of a row, but rows compete for a centre's places.
    squares = (vectors**2).sum(axis=1)[:, None] + (centres**2).sum(axis=1)[None, :]
    return squares - 2 * (vectors @ centres.T)


def _spread(vectors: Vectors, k: int, rng: np.random.Generator) -> Vectors:
    """First centres by k-means++ (Arthur and Vassilvitskii, 2007), on at most 50 rows a centre."""
    sample = vectors if len(vectors) <= 50 * k else vectors[rng.choice(len(vectors), 50 * k, replace=False)]
    chosen = [int(rng.integers(len(sample)))]
    far = np.maximum(_distances(sample, sample[chosen[-1:]])[:, 0], 0)
    for _ in range(1, k):
        total = far.sum()
        # Fewer different rows than centres: any row will do.
        odds = far / total if total > 0 else None
        chosen.append(int(rng.choice(len(sample), p=odds)))
        far = np.minimum(far, np.maximum(_distances(sample, sample[chosen[-1:]])[:, 0], 0))
    return sample[chosen]


def _means(vectors: Vectors, labels: Labels, before: Vectors) -> Vectors:
    k = len(before)
    order = np.argsort(labels, kind="stable")
    sizes = np.bincount(labels, minlength=k)
    filled = np.flatnonzero(sizes)
    starts = (np.cumsum(sizes) - sizes)[filled]
    centres = before.copy()
    centres[filled] = np.add.reduceat(vectors[order], starts, axis=0) / sizes[filled, None]
    return centres


def _matched(distances: Vectors, capacity: int) -> Labels:
    """Rows to columns, each column at most `capacity` rows, such that no pair would rather change."""
    rows, k = len(distances), int(distances.shape[1])
    preference = np.argsort(distances, axis=1, kind="stable").astype(np.int32)
    asked = np.zeros(rows, dtype=np.int32)
    free: NDArray[np.int64] = np.arange(rows)
    held = np.full(rows, -1, dtype=np.int32)
    while len(free):
        held[free] = preference[free, asked[free]]
        asked[free] += 1
        sizes = np.bincount(held, minlength=k)
        over = np.flatnonzero(sizes > capacity)
        if not len(over):
            break
        # Only rows of columns that are too full are sorted; within a column the nearest come first.
        crowd: NDArray[np.int64] = np.flatnonzero(np.isin(held, over))
        order: NDArray[np.int64] = np.lexsort((crowd, distances[crowd, held[crowd]], held[crowd]))
        crowd = crowd[order]
        sizes = np.bincount(held[crowd], minlength=k)
        place: NDArray[np.int64] = np.arange(len(crowd)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        free = crowd[place >= capacity]
        held[free] = -1
    return held
