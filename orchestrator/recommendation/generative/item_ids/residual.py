"""Semantic identifiers by residual k-means (RQ): each token encodes the residual of those before it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from orchestrator.recommendation.generative.item_ids.clustering import kmeans
from orchestrator.recommendation.generative.item_ids.item_ids import ItemIds
from orchestrator.recommendation.generative.item_ids.tree import places


def residual(vectors: NDArray[np.float32], *, codebook: int = 64, levels: int = 3, seed: int = 0) -> ItemIds:
    """`levels` codes of `codebook` entries, and a last token that tells items with equal codes apart.

    Sources: TIGER (arXiv 2305.05065) for the codes and the last token, residual k-means instead of an
    autoencoder after GRID (arXiv 2507.22224). Every item gets the last token, most of them the first of
    its level: so no identifier begins with another.
    """
    left = vectors.astype(np.float32)
    path: list[NDArray[np.int32]] = []
    for level in range(levels):
        labels, centres = kmeans(left, codebook, seed=seed + level)
        path.append(labels)
        left = left - centres[labels]
    return ItemIds.by_level("residual", [*path, places(path)])
