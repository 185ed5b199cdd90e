"""Choose constants on the validation part, all of its users: coordinate search."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from orchestrator.ports.recommend import Ranker, Training
from orchestrator.recommendation.hit_metrics import gains, ranks
from orchestrator.recommendation.rankers.item_to_item import ItemToItem

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orchestrator.interactions.protocol import Asked

#: What was chosen of a ranker, by name: with it the ranker can be made again without choosing.
Constants = Mapping[str, float]
#: The cutoff of the NDCG that chooses.
CUTOFF = 10


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
    return float(gains(places(ranker, asked, k), k).mean())


def places(ranker: Ranker, asked: Asked, k: int) -> NDArray[np.int32]:
    """The place of each target in the best `k` with the history removed, -1 where it is not among them."""
    if isinstance(ranker, ItemToItem):
        return ranker.places(asked, k)
    return ranks(ranker.top(asked.histories, k=k, removed=asked.histories), asked.targets)


def coordinate_search(
    make: Callable[[Mapping[str, float]], Ranker],
    start: Mapping[str, float],
    grid: Mapping[str, Sequence[float]],
    training: Training,
) -> dict[str, float]:
    """The values that rank the chosen part best, one constant after the other, once.

    A tie keeps what there was, so that without any user to choose on the start stands.
    """
    best = dict(start)
    reached = quality(make(best), training.chosen)
    for name, values in grid.items():
        for value in values:
            if value == best[name]:
                continue
            tried = {**best, name: value}
            found = quality(make(tried), training.chosen)
            if found > reached:
                best, reached = tried, found
    return best
