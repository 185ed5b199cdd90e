"""Sequential identifiers: items are numbered as they first appear, so that neighbours share a beginning."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from orchestrator.recommendation.generative.item_ids.item_ids import ItemIds

if TYPE_CHECKING:
    from orchestrator.interactions.sequences import Sequences


def sequential(train: Sequences, items: int, *, branching: int = 24, seed: int = 0) -> ItemIds:
    """Numbered by first appearance in the *training* sequences, user after user, in digits.

    Whole sequences must not be used: numbering them puts an item that only the test shows right behind
    the history that it is asked for (arXiv 2305.06569 found such a leak in earlier work). Items that
    training does not show are numbered last, in an order that `seed` gives and nothing else does.
    """
    seen, first = np.unique(train.items, return_index=True)
    numbers = np.full(items, -1, dtype=np.int64)
    numbers[seen[np.argsort(first)]] = np.arange(len(seen))
    unseen = np.flatnonzero(numbers < 0)
    numbers[unseen] = len(seen) + np.random.default_rng(seed).permutation(len(unseen))
    return ItemIds.by_level("sequential", digits(numbers, items, branching))


def digits(numbers: NDArray[np.int64], items: int, branching: int) -> list[NDArray[np.int32]]:
    """Numbers below `items` as digits of that base, the highest first: one column a digit."""
    if branching < 2:
        raise ValueError(f"a branching of {branching} was asked for; at least 2 is needed")
    columns: list[NDArray[np.int32]] = []
    left = max(items - 1, 0)
    while left or not columns:
        columns.append((numbers % branching).astype(np.int32))
        numbers, left = numbers // branching, left // branching
    return columns[::-1]
