"""Balanced tree identifiers: rounds of balanced k-means, then a place in the last cluster."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from orchestrator.recommendation.generative.item_ids.clustering import balanced_kmeans
from orchestrator.recommendation.generative.item_ids.item_ids import ItemIds

Labels = NDArray[np.int32]


def tree(vectors: NDArray[np.float32], *, branching: int = 24, rounds: int = 2, seed: int = 0) -> ItemIds:
    """`rounds` of clustering into `branching`, each within the clusters before it, and a leaf token.

    Clusters are of equal size, so that a leaf level of ⌈items / branching^rounds⌉ tokens is enough and
    no two items meet: there are no collisions to resolve. The leaf token says nothing of the item.
    """
    path = cluster_path(vectors, [branching] * rounds, seed=seed)
    return ItemIds.by_level("tree", [*path, places(path)])


def cluster_path(vectors: NDArray[np.float32], branching: list[int], *, seed: int) -> list[Labels]:
    """One column of labels a round; the clusters of a round are split by the next."""
    items = len(vectors)
    columns: list[Labels] = []
    cluster = np.zeros(items, dtype=np.int64)
    for round_, k in enumerate(branching):
        labels = np.zeros(items, dtype=np.int32)
        for one in np.unique(cluster):
            rows = np.flatnonzero(cluster == one)
            labels[rows] = balanced_kmeans(vectors[rows], k, seed=seed + 7919 * round_ + int(one))
        columns.append(labels)
        cluster = cluster * k + labels
    return columns


def places(path: list[Labels]) -> Labels:
    """The place of each item among those with the same path, in the order of their numbers."""
    items = len(path[0])
    order = np.lexsort((np.arange(items), *path[::-1]))
    sorted_ = np.stack(path)[:, order]
    begins = np.ones(items, dtype=np.bool_)
    begins[1:] = (sorted_[:, 1:] != sorted_[:, :-1]).any(axis=0)
    starts = np.flatnonzero(begins)
    found = np.empty(items, dtype=np.int32)
    found[order] = np.arange(items) - np.repeat(starts, np.diff(np.append(starts, items)))
    return found
