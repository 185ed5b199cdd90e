"""Identifiers for new items after training: placed beside the most similar item."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from orchestrator.recommendation.generative.item_ids.clustering import nearest
from orchestrator.recommendation.generative.item_ids.item_ids import PADDING, BadIdentifiers, ItemIds

Vectors = NDArray[np.float32]


def placed(ids: ItemIds, vectors: Vectors, new: Vectors) -> tuple[ItemIds, NDArray[np.int32]]:
    """The identifiers with rows for `new` items behind them, and for each the old item it stands beside.

    `vectors` (items, dimensions) and `new` (new items, dimensions) are of contents alone, since nobody has
    used the new items yet. A new item begins as its nearest old item does and ends with a token that is
    free there, and `BadIdentifiers` says when none is left. Where the last token is an item's own, it is
    a spare one, and the vocabulary grows when they run out. Nothing is retrained.
    """
    if vectors.shape[0] != len(ids) or vectors.shape[1:] != new.shape[1:]:
        raise ValueError(f"vectors of shape {vectors.shape} and {new.shape} for {len(ids)} items")
    beside = nearest(new, vectors)
    lengths = ids.lengths
    taken: defaultdict[tuple[int, ...], set[int]] = defaultdict(set)
    for item in range(len(ids)):
        *path, last = ids.of(item)
        taken[tuple(path)].add(last)
    lasts = ids.tokens[np.arange(len(ids)), lengths - 1]
    lowest = int(lasts.min())
    rows = np.full((len(new), ids.depth), PADDING, dtype=np.int32)
    spare = ids.spare
    for row, item in enumerate(beside):
        *path, _ = ids.of(int(item))
        if ids.own:
            last, spare = spare, spare + 1
        else:
            used = taken[tuple(path)]
            last = next(
                (token for token in range(lowest, ids.vocabulary) if token not in used), ids.vocabulary
            )
            used.add(last)
        if last >= ids.vocabulary and not ids.own:
            raise BadIdentifiers(
                f"{row} of {len(new)} new items were given identifiers; there is no token left for the next.",
                hint="Train again: new items then get identifiers like any other.",
            )
        rows[row, : len(path) + 1] = [*path, last]
    both = np.vstack([ids.tokens, rows])
    return ItemIds(ids.scheme, both, max(ids.vocabulary, spare), spare, ids.own, ids.kinds), beside
