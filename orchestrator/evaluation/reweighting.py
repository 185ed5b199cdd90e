"""Reweighting: learn weights between 0 and 1 for sources that are only partly good.

The multilinear extension is linear in each weight, so that its maxima leave out or keep; weights between
come from stopping on the way there, as in the paper's reference code, which takes a fixed number of steps.
Here the way begins with every source as it is, and how far to go is read off queries that the steps
were not learned from: the utility that counts is that of the ranking with scaled scores.

Source: Lyu et al., "Improving retrieval-augmented large language models via data importance learning"
(arXiv 2307.03027). The choice of the number of steps is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator.bootstrap import interval
from orchestrator.evaluation.multilinear import Ranked, expected_ndcg

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: How much the weight that moves most changes in a step, and how many there are.
STEP = 0.1
STEPS = 20
FOLDS = 5


def weighed_ndcg(
    rankings: Sequence[Ranked], weights: NDArray[np.float64], *, k: int = 10
) -> NDArray[np.float64]:
    """nDCG@k of each ranking, shape (n,), with scores scaled as `WeighSources` does and weight 0 left out."""
    import numpy as np

    discounts = 1.0 / np.log2(np.arange(2, k + 2))
    values = np.zeros(len(rankings))
    for number, one in enumerate(rankings):
        if one.ideal <= 0 or not one.sources:
            continue
        mine = weights[np.array(one.sources)]
        scaled = np.where(mine > 0, mine * np.array(one.scores), -np.inf)
        # Stable, so that of equal scores what was before stays before.
        best = np.argsort(-scaled, kind="stable")[:k]
        gains = np.array(one.gains)[best] * (mine[best] > 0)
        values[number] = float(gains @ discounts[: len(best)]) / one.ideal
    return values


def descent(rankings: Sequence[Ranked], sources: int, *, k: int = 10) -> NDArray[np.float64]:
    """Weights after each step of the ascent from "all as they are", shape (STEPS + 1, sources).

    A weight sinks while the source costs more than it brings, and rises again when it does not.
    """
    import numpy as np

    way = np.ones((STEPS + 1, sources))
    for step in range(STEPS):
        slope = expected_ndcg(rankings, way[step], k=k)[1].mean(axis=0)
        # Only weights that can move that way say how long a step is.
        free = ((slope < 0) & (way[step] > 0)) | ((slope > 0) & (way[step] < 1))
        largest = float(np.abs(slope * free).max(initial=0.0))
        way[step + 1 :] = way[step]
        if largest == 0.0:
            break
        way[step + 1 :] = np.clip(way[step] + STEP * slope / largest, 0.0, 1.0)
    return way


def reweighted(rankings: Sequence[Ranked], sources: int, *, k: int = 10) -> NDArray[np.float64]:
    """A weight from 0 to 1 for each source, shape (sources,).

    The rankings are divided into folds; for each, the way is learned from the others. Of the steps
    within a standard error of the one that gains most on the folds, the first is taken, and none if the
    95 % interval of its gain holds 0: chance should move no weight.
    """
    import numpy as np

    gains = np.zeros((len(rankings), STEPS + 1))
    fold = np.arange(len(rankings)) % FOLDS
    for number in range(FOLDS):
        others = [one for one, at in zip(rankings, fold, strict=True) if at != number]
        mine = [one for one, at in zip(rankings, fold, strict=True) if at == number]
        way = descent(others, sources, k=k)
        gains[fold == number] = np.stack([weighed_ndcg(mine, at, k=k) for at in way], axis=1)
    best = int(gains.mean(axis=0).argmax())
    behind = gains[:, [best]] - gains
    error = behind.std(axis=0, ddof=1) / len(rankings) ** 0.5
    taken = int(np.flatnonzero(behind.mean(axis=0) <= error)[0])
    if interval((gains[:, taken] - gains[:, 0]).tolist()).low <= 0:
        return np.ones(sources)
    return descent(rankings, sources, k=k)[taken].round(3)
