"""Rankings that are filled up to k, and kept within caps: what is short is short because nothing is left."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from orchestrator.interactions.items import Items
from orchestrator.interactions.sequences import Sequences
from orchestrator.ports.recommend import Ranker, Ranking
from orchestrator.recommendation.selection import nothing
from orchestrator.recommendation.slate.diversity import within_caps

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: What hits say that are there because they are popular.
POPULAR = "popularity"
#: How many times as deep a ranking is looked into as it is long, when caps keep something out of it.
_DEEPER = 5


def filled(
    ranking: Ranking,
    popular: Ranker,
    histories: Sequences,
    *,
    allowed: NDArray[np.bool_],
    removed: Sequences | None,
    short: NDArray[np.bool_],
) -> tuple[Ranking, NDArray[np.int64]]:
    """The rows of `short` followed by what is popular, and how many items of each row are the ranker's own.

    What is added has no score of that ranker: it has the last one's, or 0 where that is higher.
    """
    import numpy as np

    k = ranking.items.shape[1]
    own: NDArray[np.int64] = (ranking.items >= 0).sum(axis=1)
    rows = np.flatnonzero(short & (own < k))
    if not len(rows):
        return ranking, own
    taken = None if removed is None else removed.take(rows)
    # As deep as k and all that the row holds already is deep enough.
    more = popular.top(histories.take(rows), k=2 * k, allowed=allowed, removed=taken)
    items, scores = ranking.items.copy(), ranking.scores.copy()
    for at, row in enumerate(rows):
        count = int(own[row])
        new = more.items[at][(more.items[at] >= 0) & ~np.isin(more.items[at], items[row, :count])][
            : k - count
        ]
        items[row, count : count + len(new)] = new
        if count:
            scores[row, count : count + len(new)] = min(0.0, float(scores[row, count - 1]))
        else:
            scores[row, : len(new)] = more.scores[at][np.isin(more.items[at], new)]
    return Ranking(items, scores), own


def capped(
    rank: Callable[[int], tuple[Ranking, NDArray[np.int64]]],
    items: Items,
    *,
    k: int,
    at_most: Mapping[str, int],
    deepest: int,
) -> tuple[Ranking, NDArray[np.int64]]:
    """The first `k` of each row that keep within the caps, of rankings that are as deep as they need to be.

    `rank` gives the rankings of a depth, and how many items of each row are the ranker's own. No more than
    `deepest` items can be ranked.
    """
    depth = min(_DEEPER * k, deepest)
    while True:
        ranking, own = rank(depth)
        kept = [
            within_caps(
                range(int((row >= 0).sum())), [items[int(one)] for one in row[row >= 0]], k=k, at_most=at_most
            )
            for row in ranking.items
        ]
        if depth >= deepest or all(len(each) == k for each in kept):
            break
        depth = min(_DEEPER * depth, deepest)
    best = nothing(len(kept), k)
    for row, places in enumerate(kept):
        best.items[row, : len(places)] = ranking.items[row, places]
        best.scores[row, : len(places)] = ranking.scores[row, places]
        own[row] = sum(place < own[row] for place in places)
    return best, own


def what_fills(why: Sequence[str], *, known: bool) -> list[str]:
    """What is said of the places of a slate that hold what is popular, given what ranked each place.

    `known` is whether any item of the history is.
    """
    popular = sum(each == POPULAR for each in why)
    if not known and popular:
        return ["What is popular is shown."]
    if 0 < popular < len(why):
        return [f"{popular:,} of {len(why):,} places hold what is popular: the ranker has no more to say."]
    return []


def why_short(shown: int, k: int, *, ranked: int, capped: Sequence[str]) -> list[str]:
    """What is said of a slate of fewer than `k` items, made of `ranked` that may be seen."""
    if shown >= k:
        return []
    if not shown:
        return ["Nothing is left to offer: access, filters and exclusions leave no item."]
    begun, caps = f"{shown:,} of {k:,} places are filled:", f"the caps on {', '.join(capped)}"
    if shown < ranked:
        return [f"{begun} of the {ranked:,} items that were ranked, {caps} let no more in."]
    limits = "access, filters, exclusions" + (f" and {caps}" if capped else "")
    return [f"{begun} no more items were ranked within {limits}."]
