"""Collaborative identifiers: items that are used together share a beginning."""

# scipy ships no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.recommendation.generative.item_ids.clustering import kmeans
from orchestrator.recommendation.generative.item_ids.item_ids import PADDING, ItemIds
from orchestrator.recommendation.generative.item_ids.tree import places
from orchestrator.recommendation.generative.item_ids.vectors import co_occurrence, unit

if TYPE_CHECKING:
    from orchestrator.interactions.sequences import Sequences

#: A cluster that k-means cannot split is cut into parts instead; deeper than this nothing is split.
_DEEPEST = 6


def collaborative(
    train: Sequences, items: int, *, clusters: int = 20, largest: int = 100, seed: int = 0
) -> ItemIds:
    """Spectral clustering of the training co-occurrence into `clusters`; those over `largest`, again.

    Source: arXiv 2305.06569. Identifiers differ in length: a path of clusters and a last token, from a
    level of its own, for the place in the last cluster. Items that training never shows beside another
    have no neighbours to stand with: they share a first token of their own.
    """
    graph = co_occurrence(train, items)
    known = np.asarray(graph.sum(axis=1)).ravel() > 0
    first = np.where(known, PADDING, clusters).astype(np.int32)
    columns = [first]
    todo = [(0, np.flatnonzero(known))]
    rng = np.random.default_rng(seed)
    # Unknown items are cut into parts that are as small as clusters are.
    unknown = np.flatnonzero(~known)
    if len(unknown) > largest:
        columns.append(np.full(items, PADDING, dtype=np.int32))
        columns[1][unknown] = rng.permutation(len(unknown)) // largest
    while todo:
        level, rows = todo.pop()
        if not len(rows):
            continue
        labels = _split(graph[rows][:, rows], clusters, int(rng.integers(2**31)))
        while len(columns) <= level:
            columns.append(np.full(items, PADDING, dtype=np.int32))
        columns[level][rows] = labels
        for label in range(int(labels.max()) + 1):
            inside = rows[labels == label]
            if len(inside) > largest and level + 1 < _DEEPEST and len(inside) < len(rows):
                todo.append((level + 1, inside))
    return ItemIds.by_level("collaborative", [*columns, places(columns)])


def _split(graph: Any, clusters: int, seed: int) -> NDArray[np.int32]:
    """Normalised spectral clustering (Ng, Jordan and Weiss, 2001): labels of the rows of an affinity.

    By the largest eigenpairs of the normalised affinity, without the factorisation of the Laplacian
    that general implementations begin with: half a minute less for twelve thousand items.
    """
    from scipy.sparse import diags_array
    from scipy.sparse.linalg import eigsh

    size = graph.shape[0]
    if size <= clusters + 1:
        return np.arange(size, dtype=np.int32) % clusters
    degree = np.asarray(graph.sum(axis=1)).ravel()
    root: Any = diags_array(1 / np.sqrt(np.maximum(degree, 1e-9)))
    start = np.random.default_rng(seed).normal(size=size)
    # A little of every node on itself keeps parts without edges apart and the iteration steady.
    affinity: Any = (root @ graph @ root + diags_array(np.full(size, 1e-3))).astype(np.float64)
    find: Any = eigsh
    _, directions = find(affinity, k=min(clusters, size - 1), which="LA", v0=start, tol=1e-3, maxiter=2000)
    labels, _ = kmeans(unit(directions.astype(np.float32)), clusters, seed=seed)
    _, labels = np.unique(labels, return_inverse=True)
    return labels.astype(np.int32)
