"""The candidates of several rankers as one table: a row for each (history, item) that any of them ranked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.ports.recommend import Ranking

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: What is said of a candidate by each ranker; all are 0 where the ranker did not rank it.
SIGNALS = ("ranked", "scaled", "ratio", "reciprocal", "near", "level")


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """`row` and `item` of each candidate, in this order; `signals` (candidates, rankers, SIGNALS) float32.

    Scores of different rankers are on different scales, so that each ranker says six things: that it ranked
    the item; its score between the ranker's worst (0) and best (1) of this row; its score as a ratio to the
    best; 1 / (place + 1); the logarithm of how many places are behind it; and the logarithm of its score
    above the ranker's floor, the one that compares rows with each other.
    """

    row: NDArray[np.int64]
    item: NDArray[np.int32]
    signals: NDArray[np.float32]
    rows: int

    def __len__(self) -> int:
        return len(self.row)

    def is_target(self, targets: NDArray[np.int32]) -> NDArray[np.bool_]:
        """For each candidate whether it is its row's target."""
        return self.item == targets[self.row]


def logarithms(ranking: Ranking) -> NDArray[np.float64]:
    """Scores on a logarithmic scale: those of rankers that give log-probabilities are on it already.

    These are the ones that give negative scores. A score of 0, such as that of an item nobody had, is
    -inf: it must not change what is said of the others.
    """
    import numpy as np

    scores = ranking.scores.astype(np.float64)
    given = ranking.items >= 0
    if (scores[given] < 0).any():
        return scores
    return np.log(scores, out=np.full_like(scores, -np.inf), where=given & (scores > 0))


def floor_of(ranking: Ranking) -> float:
    """The logarithm of a score that 99 of 100 candidates of a ranker are above."""
    import numpy as np

    scores = logarithms(ranking)[ranking.items >= 0]
    scores = scores[scores > -np.inf]
    return float(np.quantile(scores, 0.01)) if len(scores) else 0.0


def candidates(rankings: Sequence[Ranking], floors: Sequence[float], items: int) -> Candidates:
    """The union of the rankings, which are of the same rows, with what each ranker says of it."""
    import numpy as np

    rows = len(rankings[0].items)
    keys = [_keys(ranking, items) for ranking in rankings]
    union, place = np.unique(np.concatenate(keys), return_inverse=True)
    signals = np.zeros((len(union), len(rankings), len(SIGNALS)), dtype=np.float32)
    begin = 0
    for ranker, (ranking, key, floor) in enumerate(zip(rankings, keys, floors, strict=True)):
        at = place[begin : begin + len(key)]
        begin += len(key)
        signals[at, ranker] = _said(ranking, floor)
    return Candidates(union // items, (union % items).astype(np.int32), signals, rows)


def _keys(ranking: Ranking, items: int) -> NDArray[np.int64]:
    import numpy as np

    given = ranking.items >= 0
    row = np.broadcast_to(np.arange(len(given), dtype=np.int64)[:, None], given.shape)
    return row[given] * items + ranking.items[given]


def _said(ranking: Ranking, floor: float) -> NDArray[np.float32]:
    """The signals of one ranker, in the order of its candidates."""
    import numpy as np

    given = ranking.items >= 0
    width = int(given.shape[1])
    place = np.broadcast_to(np.arange(width, dtype=np.int64), given.shape)[given]
    scores = ranking.scores.astype(np.float64)
    high = np.where(given, scores, -np.inf).max(axis=1, initial=-np.inf)
    low = np.where(given, scores, np.inf).min(axis=1, initial=np.inf)
    row = np.broadcast_to(np.arange(len(given))[:, None], given.shape)[given]
    score = scores[given]
    spread = (high - low)[row]
    logs = logarithms(ranking)
    # Log-probabilities become probabilities relative to the best; positive scores are divided by it.
    highest = np.where(given, logs, -np.inf).max(axis=1, initial=-np.inf)[row]
    return np.stack(
        [
            np.ones(len(score)),
            np.divide(score - low[row], spread, out=np.ones(len(score)), where=spread > 0),
            np.exp(logs[given] - np.where(highest > -np.inf, highest, 0.0)),
            1.0 / (place + 1.0),
            np.log((width + 1.0) / (place + 1.0)),
            np.maximum(logs[given] - floor, 0.0),
        ],
        axis=1,
    ).astype(np.float32)


def ranking_of(
    found: Candidates, scores: NDArray[np.float64], k: int, popularity: NDArray[np.float32]
) -> Ranking:
    """The best k of each row by these scores of the candidates, ties by popularity (items,), then number."""
    import numpy as np

    from orchestrator.recommendation.selection import nothing

    best = nothing(found.rows, k)
    order = np.lexsort((found.item, -popularity[found.item], -scores, found.row))
    starts = np.searchsorted(found.row, np.arange(found.rows))
    place = np.arange(len(order)) - starts[found.row[order]]
    kept = order[place < k]
    best.items[found.row[kept], place[place < k]] = found.item[kept]
    best.scores[found.row[kept], place[place < k]] = scores[kept]
    return best
