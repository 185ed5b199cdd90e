"""Clusters of unit vectors: spherical k-means, with the number of clusters chosen by their silhouette."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ROUNDS, _STARTS = 25, 4


def clustered(
    vectors: NDArray[np.float32], *, at_most: int, least: int = 3, seed: int = 0
) -> list[list[int]]:
    """Rows of `vectors`, shape (n, dimensions), in at most `at_most` clusters, the largest first.

    As many clusters as have the best mean silhouette by cosine, where rows of a cluster smaller than `least`
    go to the nearest of the others first: one outlier is no subject. One cluster where all are alike.
    Sources: Dhillon and Modha, Machine Learning 42 (2001); Rousseeuw, J. Comput. Appl. Math. 20 (1987).
    """
    import numpy as np

    if not len(vectors):
        return []
    points = vectors.astype(np.float64)
    cosines = np.clip(points @ points.T, -1.0, 1.0)
    best, chosen = 0.0, np.zeros(len(points), dtype=np.int64)
    for number in range(2, min(at_most, len(points) // least) + 1):
        labels = _without_small(cosines, spherical_k_means(cosines, number, seed=seed), least)
        value = silhouette(1.0 - cosines, labels)
        if value > best + 1e-9:
            best, chosen = value, labels
    groups = [np.flatnonzero(chosen == label).tolist() for label in np.unique(chosen)]
    return sorted(groups, key=lambda group: (-len(group), group[0]))


def spherical_k_means(cosines: NDArray[np.float64], number: int, *, seed: int = 0) -> NDArray[np.int64]:
    """A label from 0 to `number` − 1 for each row of a matrix of cosines, shape (n, n).

    The most cohesive of several runs, whose first centres are drawn with more chance for what is far
    from those drawn before (k-means++).
    """
    import numpy as np

    best, chosen = -np.inf, np.zeros(len(cosines), dtype=np.int64)
    for start in range(_STARTS):
        labels = np.argmax(cosines[_centres(cosines, number, f"{seed}/{number}/{start}")], axis=0)
        for _ in range(_ROUNDS):
            likeness = _to_centres(cosines, labels, number)
            moved = np.argmax(likeness, axis=1)
            if (moved == labels).all():
                break
            labels = moved
        cohesion = float(_to_centres(cosines, labels, number)[np.arange(len(labels)), labels].sum())
        if cohesion > best + 1e-9:
            best, chosen = cohesion, labels
    return chosen


def silhouette(distance: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Mean over rows of (b − a) / max(a, b): a is the mean distance within, b to the nearest other cluster.

    A row alone in its cluster counts 0.
    """
    import numpy as np

    names, own = np.unique(labels, return_inverse=True)
    if len(names) < 2:
        return 0.0
    member = (labels[:, None] == names).astype(np.float64)
    sizes = member.sum(axis=0)
    sums = distance @ member
    rows = np.arange(len(labels))
    within = sums[rows, own] / np.maximum(sizes[own] - 1, 1)
    others = sums / sizes
    others[rows, own] = np.inf
    apart = others.min(axis=1)
    larger = np.maximum(within, apart)
    value = np.where((sizes[own] > 1) & (larger > 0), (apart - within) / np.where(larger > 0, larger, 1), 0.0)
    return float(value.mean())


def _to_centres(cosines: NDArray[np.float64], labels: NDArray[np.int64], number: int) -> NDArray[np.float64]:
    """Cosine of each row with the centre of each cluster, shape (n, number); −1 for an empty one.

    A centre is the sum of its rows with length one, so that sums of cosines are all that is needed.
    """
    import numpy as np

    member = np.zeros((len(labels), number))
    member[np.arange(len(labels)), labels] = 1.0
    sums = cosines @ member
    lengths = np.sqrt(np.clip((member * sums).sum(axis=0), 0.0, None))
    return np.where(lengths > 1e-9, sums / np.maximum(lengths, 1e-9), -1.0)


def _centres(cosines: NDArray[np.float64], number: int, seed: str) -> list[int]:
    import numpy as np

    rng = random.Random(seed)  # noqa: S311
    centres = [rng.randrange(len(cosines))]
    while len(centres) < number:
        far = np.clip(1.0 - cosines[centres].max(axis=0), 0.0, None)
        far[centres] = 0.0
        if far.sum() <= 0:
            centres.append(next(row for row in range(len(cosines)) if row not in centres))
        else:
            centres.append(rng.choices(range(len(cosines)), weights=far.tolist())[0])
    return centres


def _without_small(cosines: NDArray[np.float64], labels: NDArray[np.int64], least: int) -> NDArray[np.int64]:
    """The same labels, but rows of clusters smaller than `least` have that of the nearest other one."""
    import numpy as np

    number = int(labels.max()) + 1
    small = np.bincount(labels, minlength=number) < least
    if not small.any() or small.all():
        return labels
    likeness = np.where(small, -np.inf, _to_centres(cosines, labels, number))
    return np.where(small[labels], np.argmax(likeness, axis=1), labels)
