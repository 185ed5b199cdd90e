"""Slates that are not ten of one kind: maximal marginal relevance, and caps on what an attribute may fill.

Sources: Carbonell and Goldstein, SIGIR 1998; greedy slates under partition caps as in calibrated and
constrained recommendation (Steck, RecSys 2018).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from orchestrator.interactions.items import Item
from orchestrator.types import Hit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def relevant_and_unlike(
    hits: Sequence[Hit], alike: NDArray[np.float32], *, k: int, diversity: float
) -> list[int]:
    """Places of `hits` chosen one by one: (1 − diversity) · relevance − diversity · likeness to the chosen.

    Relevance is 1 / (place + 1) rather than the score, so that rankers on different scales are treated
    alike; 0 keeps the order as it is.
    """
    import numpy as np

    count = len(hits)
    if not diversity:
        return list(range(min(k, count)))
    relevance = 1.0 / (np.arange(count) + 1.0)
    nearest = np.zeros(count)
    left = np.ones(count, dtype=np.bool_)
    chosen: list[int] = []
    while len(chosen) < min(k, count):
        value = np.where(left, (1.0 - diversity) * relevance - diversity * nearest, -np.inf)
        best = int(value.argmax())
        chosen.append(best)
        left[best] = False
        nearest = np.maximum(nearest, alike[best])
    return chosen


def within_caps(
    order: Sequence[int], items: Sequence[Item], *, k: int, at_most: Mapping[str, int]
) -> list[int]:
    """The first `k` places of an order in which no value of a field fills more than its cap.

    An item without the field is capped by nothing. What the caps keep out is not shown, even if the
    slate is shorter for it.
    """
    filled: dict[tuple[str, str], int] = {}
    kept: list[int] = []
    for place in order:
        if len(kept) == k:
            break
        capped = [attribute for attribute in items[place].attributes if attribute[0] in at_most]
        if any(filled.get(attribute, 0) >= at_most[attribute[0]] for attribute in capped):
            continue
        for attribute in capped:
            filled[attribute] = filled.get(attribute, 0) + 1
        kept.append(place)
    return kept
