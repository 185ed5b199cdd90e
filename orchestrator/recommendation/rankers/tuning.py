"""Choose constants on the validation part: coordinate search, on a seeded sample of its users."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from orchestrator.ports.recommend import Ranker, Training
from orchestrator.recommendation.hit_metrics import gains, ranks

if TYPE_CHECKING:
    from orchestrator.interactions.protocol import Asked

#: What was chosen of a ranker, by name: with it the ranker can be made again without choosing.
Constants = Mapping[str, float]
#: Users a constant is chosen on, and the cutoff of the NDCG that chooses.
SAMPLE, CUTOFF = 2_000, 10


def sampled(asked: Asked, count: int, seed: int) -> Asked:
    """At most `count` of the rows, drawn with a seed."""
    import numpy as np

    if len(asked) <= count:
        return asked
    rows = np.random.default_rng(seed).choice(len(asked), size=count, replace=False)
    return asked.take(np.sort(rows))


def quality(ranker: Ranker, asked: Asked, *, k: int = CUTOFF) -> float:
    """Mean NDCG@k with the history removed."""
    if not len(asked):
        return 0.0
    ranking = ranker.top(asked.histories, k=k, removed=asked.histories)
    return float(gains(ranks(ranking, asked.targets), k).mean())


def coordinate_search(
    make: Callable[[Mapping[str, float]], Ranker],
    start: Mapping[str, float],
    grid: Mapping[str, Sequence[float]],
    training: Training,
) -> dict[str, float]:
    """The values that rank a sample of the chosen part best, one constant after the other, once.

    A tie keeps what there was, so that without any user to choose on the start stands.
    """
    asked = sampled(training.chosen, SAMPLE, training.seed)
    best = dict(start)
    reached = quality(make(best), asked)
    for name, values in grid.items():
        for value in values:
            if value == best[name]:
                continue
            tried = {**best, name: value}
            found = quality(make(tried), asked)
            if found > reached:
                best, reached = tried, found
    return best
