"""Metrics for rankings with one target each: hit rate, NDCG, coverage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.ports.recommend import Ranking

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CUTOFFS = (5, 10, 20)


def ranks(ranking: Ranking, targets: NDArray[np.int32]) -> NDArray[np.int32]:
    """The place of each row's target in its ranking: 0 is the first, -1 where it is not found."""
    import numpy as np

    found = ranking.items == targets[:, None]
    return np.where(found.any(axis=1), found.argmax(axis=1), -1).astype(np.int32)


def hits(places: NDArray[np.int32], k: int) -> NDArray[np.float64]:
    """HR@k a row: 1 where the target is among the best k."""
    import numpy as np

    return ((places >= 0) & (places < k)).astype(np.float64)


def gains(places: NDArray[np.int32], k: int) -> NDArray[np.float64]:
    """NDCG@k a row: 1 / log2(place + 2) within the best k, since there is one relevant item."""
    import numpy as np

    return hits(places, k) / np.log2(np.maximum(places, 0) + 2.0)


def coverage(ranking: Ranking, items: int, k: int = 10) -> float:
    """Catalogue coverage@k: the share of items in the top k of any user."""
    import numpy as np

    shown = ranking.items[:, :k]
    return len(np.unique(shown[shown >= 0])) / items if items else 0.0


def figures(ranking: Ranking, targets: NDArray[np.int32], items: int) -> dict[str, float]:
    """HR and NDCG at 5, 10 and 20, and coverage at 10, by the names that reports use."""
    places = ranks(ranking, targets)
    found: dict[str, float] = {}
    for k in CUTOFFS:
        found[f"hr@{k}"] = float(hits(places, k).mean()) if len(places) else 0.0
        found[f"ndcg@{k}"] = float(gains(places, k).mean()) if len(places) else 0.0
    found["coverage@10"] = coverage(ranking, items)
    return found


def invalid(ranking: Ranking, items: int, k: int = 10) -> float:
    """The share of invalid entries among the best k: no item, or a duplicate."""
    import numpy as np

    shown = ranking.items[:, :k]
    given = int((shown != -1).sum())
    if not given:
        return 0.0
    wrong = int(((shown >= items) | (shown < -1)).sum())
    ordered = np.sort(shown, axis=1)
    again = int(((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] != -1)).sum())
    return (wrong + again) / given
