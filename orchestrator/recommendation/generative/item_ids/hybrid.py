"""Hybrid identifiers: a path of clusters says what an item is like, a token of its own which one it is."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from orchestrator.recommendation.generative.item_ids.item_ids import ItemIds
from orchestrator.recommendation.generative.item_ids.tree import cluster_path


def hybrid(
    vectors: NDArray[np.float32], *, branching: int | None = None, rounds: int = 1, seed: int = 0
) -> ItemIds:
    """`rounds` of balanced k-means into `branching`, then one token an item.

    By default one round into √items clusters, of √items items each: the shortest word in which no step
    chooses among many. Source: the "CID + IID" of arXiv 2305.06569, with balanced clusters.
    """
    items = len(vectors)
    k = branching or max(1, round(items ** (1 / (rounds + 1))))
    if k < 1 or rounds < 1:
        raise ValueError(f"{rounds} rounds of {k} clusters were asked for; at least 1 of each is needed")
    path = cluster_path(vectors, [min(k, max(1, math.ceil(items / 2)))] * rounds, seed=seed)
    return ItemIds.by_level("hybrid", [*path, np.arange(items, dtype=np.int32)], own=True)
