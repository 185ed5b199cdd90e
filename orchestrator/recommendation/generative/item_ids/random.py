"""Random identifiers, as a baseline, and atomic ones: one token per item."""

from __future__ import annotations

import numpy as np

from orchestrator.recommendation.generative.item_ids.item_ids import ItemIds
from orchestrator.recommendation.generative.item_ids.sequential import digits


def random(items: int, *, branching: int = 24, seed: int = 0) -> ItemIds:
    """Each item a random number, written in digits below `branching`."""
    numbers = np.random.default_rng(seed).permutation(items)
    return ItemIds.by_level("random", digits(numbers, items, branching))


def atomic(items: int) -> ItemIds:
    """One token an item ("independent"): a single step ranks the whole catalogue."""
    return ItemIds.by_level("atomic", [np.arange(items, dtype=np.int32)], own=True)
