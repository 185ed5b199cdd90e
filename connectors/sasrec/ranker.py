"""A trained network as a ranker."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from orchestrator.ports.recommend import Ranking
from orchestrator.recommendation.selection import best_of_dense, in_slices, taken

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orchestrator.interactions.sequences import Sequences

#: Scores held at once: rows × items, 4 bytes each.
_AT_ONCE = 8_000_000


@dataclass(frozen=True, eq=False)
class SasRec:
    """Ranks the whole catalogue by the state behind the newest item; scores are log-probabilities."""

    network: Any
    items: int
    length: int
    name: str = "sasrec"

    def top(
        self,
        histories: Sequences,
        *,
        k: int,
        allowed: NDArray[np.bool_] | None = None,
        removed: Sequences | None = None,
    ) -> Ranking:
        """The best `k` of each history; an empty one gets nothing."""
        import numpy as np

        torch: Any = import_module("torch")

        known = np.flatnonzero(histories.lengths > 0)
        self.network.eval()
        with torch.inference_mode():
            table = self.network.table()

            def rank(rows: NDArray[np.int64]) -> Ranking:
                scores = self.scores(histories.take(rows), table)
                return best_of_dense(scores, k=k, allowed=allowed, removed=taken(removed, rows))

            size = min(1_024, _AT_ONCE // max(1, self.items))
            return in_slices(rank, len(histories), k=k, size=size, among=known)

    def scores(self, histories: Sequences, table: Any) -> NDArray[np.float32]:
        """Log-probabilities (histories, items) of what comes next."""
        torch: Any = import_module("torch")

        sequences, lengths = padded(histories, self.length, self.items)
        states = self.network(torch.from_numpy(sequences), table)
        newest = states[torch.arange(len(lengths)), torch.from_numpy(lengths - 1)]
        logits = self.network.logits(newest, table[: self.items]).float()
        # An item of which nothing is known, neither by training nor by content, is not ranked.
        logits = logits.masked_fill((table[: self.items] == 0).all(dim=1), float("-inf"))
        return torch.log_softmax(logits, dim=-1).numpy()


def padded(histories: Sequences, length: int, padding: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The newest `length` items of each row as a matrix padded at the end, and how many each row has."""
    import numpy as np

    recent = histories.newest(length)
    lengths = recent.lengths
    matrix = np.full((len(recent), max(1, int(lengths.max(initial=0)))), padding, dtype=np.int64)
    matrix[recent.rows, lengths[recent.rows] - 1 - recent.ages] = recent.items
    return matrix, lengths
