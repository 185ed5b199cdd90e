"""The popularity ranker: what most users had, for whoever nothing else is known of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.interactions.sequences import Sequences
from orchestrator.ports.recommend import Ranking
from orchestrator.recommendation.selection import nothing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Popularity:
    """Items by how many users had them; `counts` (items,) may be weighted. An item nobody had comes last."""

    counts: NDArray[np.int64] | NDArray[np.float64]
    name: str = "popularity"

    def top(
        self,
        histories: Sequences,
        *,
        k: int,
        allowed: NDArray[np.bool_] | None = None,
        removed: Sequences | None = None,
    ) -> Ranking:
        """The same best items for every history, but for what is removed from it."""
        import numpy as np

        order = np.lexsort((np.arange(len(self.counts)), -self.counts)).astype(np.int32)
        if allowed is not None:
            order = order[allowed[order]]
        most = int(removed.lengths.max(initial=0)) if removed is not None else 0
        order = order[: k + most]
        found = nothing(len(histories), k)
        kept = np.ones((len(histories), len(order)), dtype=np.bool_)
        if removed is not None:
            place = np.full(len(self.counts), -1, dtype=np.int64)
            place[order] = np.arange(len(order))
            at = place[removed.items]
            kept[removed.rows[at >= 0], at[at >= 0]] = False
        target = kept.cumsum(axis=1) - 1
        row, column = np.nonzero(kept & (target < k))
        found.items[row, target[row, column]] = order[column]
        found.scores[row, target[row, column]] = self.counts[order[column]]
        return found

    def save(self, folder: Path) -> None:
        """Write the counts."""
        import numpy as np

        np.save(folder / "counts.npy", self.counts)

    @classmethod
    def load(cls, folder: Path) -> Popularity:
        """What `save` wrote."""
        import numpy as np

        return cls(np.load(folder / "counts.npy", allow_pickle=False))


def count_users(sequences: Sequences, items: int) -> Popularity:
    """Count each item once a user."""
    import numpy as np

    pairs = np.unique(sequences.rows * max(1, items) + sequences.items)
    return Popularity(np.bincount(pairs % max(1, items), minlength=items))


def by_popularity(sequences: Sequences, items: int) -> NDArray[np.int32]:
    """The place of each item when those that more users had come first, ties by number."""
    import numpy as np

    counts = count_users(sequences, items).counts
    places = np.empty(items, dtype=np.int32)
    places[np.lexsort((np.arange(items), -counts))] = np.arange(items, dtype=np.int32)
    return places


def log_popularity(sequences: Sequences, items: int) -> NDArray[np.float32]:
    """log(1 + count) of each item."""
    import numpy as np

    return np.log1p(count_users(sequences, items).counts).astype(np.float32)
