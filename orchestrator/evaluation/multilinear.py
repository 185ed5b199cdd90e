"""The multilinear extension of a ranking's nDCG over its sources: its value and its gradient, exactly.

Each source is kept with a probability of its own, and what is kept of a ranking moves up. The
expected nDCG is linear in each probability. What a passage gains depends on how many of the passages
before it are kept; since the passages of a source are kept or dropped together, the distribution of that
number is a product of one polynomial a source, cut at k. The gradient is the same product, backwards.

Source: Lyu et al., "Improving retrieval-augmented large language models via data importance learning"
(arXiv 2307.03027), where a question's utility is a mean over the first k; here it is discounted by rank.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Ranked:
    """A question's ranking: the source of each document by its number, its grade, the best DCG there is.

    `scores` are those of the documents, falling, and none below 0; pruning does not look at them.
    """

    sources: tuple[int, ...]
    gains: tuple[float, ...]
    ideal: float
    scores: tuple[float, ...] = ()


def expected_ndcg(
    rankings: Sequence[Ranked], weights: NDArray[np.float64], *, k: int = 10
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Expected nDCG@k of each question, shape (n,), and its gradient by weights, shape (n, sources)."""
    import numpy as np

    values = np.zeros(len(rankings))
    slopes = np.zeros((len(rankings), len(weights)))
    for number, one in enumerate(rankings):
        if one.ideal > 0 and one.sources:
            values[number], mine = _question(one, weights, k)
            for source, slope in mine.items():
                slopes[number, source] = slope
    return values, slopes


def _question(one: Ranked, weights: NDArray[np.float64], k: int) -> tuple[float, Mapping[int, float]]:
    import numpy as np

    own = np.array(one.sources)
    there = np.unique(own)
    # Documents before each that are of each source: a document is below its own source's earlier ones.
    before = {int(source): np.cumsum(own == source) - (own == source) for source in there}
    # Only documents that gain something matter.
    rows = np.flatnonzero(np.array(one.gains) > 0)
    if not len(rows):
        return 0.0, {}
    gains = np.array(one.gains)[rows] / one.ideal
    discounts = 1.0 / np.log2(np.arange(2, k + 2))
    places = np.arange(k)
    # chances[r, j]: the probability that j documents before r are kept, over the sources so far.
    chances = np.zeros((len(rows), k))
    chances[:, 0] = 1.0
    steps: list[tuple[int, NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]] = []
    for source in map(int, there):
        weight = float(weights[source])
        shifted = _shifted(chances, before[source][rows], places)
        # For a document to be ranked, its own source must be kept.
        dropped = np.where(own[rows] == source, 0.0, 1.0)[:, None] * chances
        steps.append((source, shifted, dropped, before[source][rows]))
        chances = weight * shifted + (1.0 - weight) * dropped
    value = float((gains[:, None] * chances * discounts).sum())
    slopes: dict[int, float] = {}
    backward = gains[:, None] * np.broadcast_to(discounts, chances.shape)
    for source, shifted, dropped, count in reversed(steps):
        weight = float(weights[source])
        slopes[source] = float((backward * (shifted - dropped)).sum())
        kept = np.where(own[rows] == source, 0.0, 1.0)[:, None] * backward
        backward = weight * _shifted(backward, -count, places) + (1.0 - weight) * kept
    return value, slopes


def _shifted(
    chances: NDArray[np.float64], by: NDArray[np.int64], places: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Each row moved to the right by its own number of places; what leaves is lost."""
    import numpy as np

    wanted = places[None, :] - by[:, None]
    inside = (wanted >= 0) & (wanted < len(places))
    return np.where(inside, np.take_along_axis(chances, np.clip(wanted, 0, len(places) - 1), axis=1), 0.0)


def ascended(
    rankings: Sequence[Ranked], sources: int, *, k: int = 10, rounds: int = 100
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights from 0 to 1 by projected gradient ascent from .5, and each question's gradient there.

    The extension is linear in each weight, so that its maxima are at the corners; the step grows with
    the smallness of the gradient, and halves when the value falls.
    """
    import numpy as np

    weights = np.full(sources, 0.5)
    values, slopes = expected_ndcg(rankings, weights, k=k)
    value, step = values.mean(), 0.25
    for _ in range(rounds):
        slope = slopes.mean(axis=0)
        largest = float(np.abs(slope).max(initial=0.0))
        if largest == 0.0:
            break
        moved = np.clip(weights + step * slope / largest, 0.0, 1.0)
        if np.array_equal(moved, weights):
            break
        new_values, new_slopes = expected_ndcg(rankings, moved, k=k)
        if new_values.mean() > value:
            weights, value, slopes = moved, new_values.mean(), new_slopes
            step = min(1.0, step * 1.5)
        else:
            step /= 2
            if step < 1e-4:
                break
    return weights, slopes
