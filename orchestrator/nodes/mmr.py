"""Maximal marginal relevance: choose what is relevant and has not been said yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def maximal_marginal_relevance(
    scores: NDArray[np.float32],
    similarity: NDArray[np.float32],
    *,
    trade: float = 0.7,
    limit: int | None = None,
    accept: Callable[[int], bool] | None = None,
) -> list[int]:
    """Indices in the order chosen: each has the most of trade · score - (1 - trade) · likeness.

    Likeness is the greatest similarity to one chosen before. `scores` has shape (n,), `similarity`
    (n, n), both between 0 and 1; `trade` 1 is the plain order of scores, ties go to the lower index.
    `accept` is asked once about each in turn, and one that it turns down is passed over: a budget.
    Source: Carbonell and Goldstein, SIGIR 1998.
    """
    import numpy as np

    value = trade * np.asarray(scores, dtype=np.float64)
    likeness = np.zeros(len(value))
    left = np.ones(len(value), dtype=bool)
    chosen: list[int] = []
    while left.any() and (limit is None or len(chosen) < limit):
        best = int(np.argmax(np.where(left, value - (1.0 - trade) * likeness, -np.inf)))
        left[best] = False
        if accept is None or accept(best):
            chosen.append(best)
            likeness = np.maximum(likeness, similarity[best])
    return chosen
