"""Rankers that are one sparse matrix: each item of a history speaks for others, the newest the loudest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.ports.recommend import Ranking
from orchestrator.recommendation.libraries import library
from orchestrator.recommendation.selection import at_least, best_of_sparse, in_slices, taken

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orchestrator.interactions.protocol import Asked
    from orchestrator.interactions.sequences import Sequences

#: Histories scored at once, to bound memory.
_AT_ONCE = 1_024


@dataclass(frozen=True, eq=False)
class ItemToItem:
    """score(j) = Σ over the history of (age + 1) ** -decay · matrix[item, j]; age 0 is the newest.

    `matrix` is CSR of shape (items, items), float32, with an empty diagonal. `window` is how many of
    the newest items count. Of items of one score, those of the lower number in `ties` come first: items
    that read alike, or were had once, are many, and the order of their ids says nothing.
    """

    name: str
    matrix: Any
    decay: float = 1.0
    window: int = 50
    ties: NDArray[np.int32] | None = None

    def top(
        self,
        histories: Sequences,
        *,
        k: int,
        allowed: NDArray[np.bool_] | None = None,
        removed: Sequences | None = None,
    ) -> Ranking:
        """The best `k` of each history; only items that its items speak for are ranked."""

        def rank(rows: NDArray[np.int64]) -> Ranking:
            scores = self.scores(histories.take(rows))
            return best_of_sparse(scores, k=k, allowed=allowed, removed=taken(removed, rows), ties=self.ties)

        return in_slices(rank, len(histories), k=k, size=_AT_ONCE)

    def scores(self, histories: Sequences) -> Any:
        """A CSR matrix (histories, items) of scores."""
        return weighted(histories, self.matrix.shape[0], self.decay, self.window) @ self.matrix

    def places(self, asked: Asked, k: int) -> NDArray[np.int32]:
        """The place of each target in the best `k` with the history removed, -1 where it is not among them.

        As `top` would give it, without sorting anything: what is better than the target is counted.
        """
        import numpy as np

        places = np.full(len(asked), -1, dtype=np.int32)
        recent = asked.histories.newest(self.window)
        # Most targets are spoken for by no item of the history: their rows need no scores.
        speaks = np.asarray(self.matrix[recent.items, asked.targets[recent.rows]]).ravel() > 0
        found = np.flatnonzero(np.bincount(recent.rows[speaks], minlength=len(asked)))
        for begin in range(0, len(found), _AT_ONCE):
            rows = found[begin : begin + _AT_ONCE]
            places[rows] = self._placed(asked.take(rows), k)
        return places

    def _placed(self, asked: Asked, k: int) -> NDArray[np.int32]:
        import numpy as np

        scores = self.scores(asked.histories)
        items, rows = int(scores.shape[1]), len(asked)
        lengths: NDArray[np.int64] = np.diff(scores.indptr)
        row = np.repeat(np.arange(rows, dtype=np.int32), lengths)
        column, value, targets = scores.indices, scores.data, asked.targets
        own = np.zeros(rows, dtype=np.float32)
        at = column == np.repeat(targets, lengths)
        own[row[at]] = value[at]
        # Of what is level with the target, only what comes before it is above it.
        better = np.flatnonzero(value >= np.repeat(own, lengths))
        order = np.arange(items) if self.ties is None else self.ties
        level = value[better] == own[row[better]]
        better = better[~level | (order[column[better]] < order[targets[row[better]]])]
        # Whatever the history takes out of the way, a target with more above it is not among the best k.
        count = np.bincount(row[better], minlength=rows)
        near = (own > 0) & (count < k + asked.histories.lengths)
        better = better[near[row[better]]]
        gone = asked.histories.rows * items + asked.histories.items
        better = better[~np.isin(row[better].astype(np.int64) * items + column[better], gone)]
        count = np.bincount(row[better], minlength=rows)
        found = near & (count < k) & ~np.isin(np.arange(rows) * items + targets, gone)
        return np.where(found, count, -1).astype(np.int32)

    def reasons(self, histories: Sequences, ranking: Ranking) -> NDArray[np.int32]:
        """For each ranked item the item of the history that speaks for it most, -1 where none does."""
        import numpy as np

        sources = np.full(ranking.items.shape, -1, dtype=np.int32)
        for row, history in enumerate(histories):
            recent = history[-self.window :][::-1]
            shown = ranking.items[row]
            if not len(recent):
                continue
            weights = (np.arange(len(recent)) + 1.0) ** -self.decay
            said = self.matrix[recent][:, np.maximum(shown, 0)].toarray() * weights[:, None]
            sources[row] = np.where((said.max(axis=0) > 0) & (shown >= 0), recent[said.argmax(axis=0)], -1)
        return sources

    def save(self, folder: Path) -> None:
        """Write the matrix and the constants."""
        import numpy as np

        kept: dict[str, Any] = {} if self.ties is None else {"ties": self.ties}
        np.savez(
            folder / "matrix.npz",
            data=self.matrix.data,
            indices=self.matrix.indices,
            indptr=self.matrix.indptr,
            constants=np.asarray([self.decay, self.window], dtype=np.float64),
            **kept,
        )

    @classmethod
    def load(cls, name: str, folder: Path) -> ItemToItem:
        """What `save` wrote."""
        import numpy as np

        sparse = library("scipy.sparse")

        with np.load(folder / "matrix.npz", allow_pickle=False) as stored:
            items = len(stored["indptr"]) - 1
            matrix = sparse.csr_matrix(
                (stored["data"], stored["indices"], stored["indptr"]), shape=(items, items)
            )
            decay, window = stored["constants"]
            # What was trained by a release that broke ties by number has none.
            return cls(name, matrix, float(decay), int(window), stored.get("ties"))

    def fading(self, decay: float) -> ItemToItem:
        """The same with another decay."""
        return replace(self, decay=decay)


def weighted(histories: Sequences, items: int, decay: float, window: int) -> Any:
    """A CSR matrix (histories, items): what each item of a history counts. Repetitions add up."""
    import numpy as np

    sparse = library("scipy.sparse")

    recent = histories.newest(window)
    weights = ((recent.ages + 1.0) ** -decay).astype(np.float32)
    return sparse.csr_matrix((weights, recent.items, recent.offsets), shape=(len(recent), items))


def strongest(matrix: Any, count: int, ties: NDArray[np.int32] | None = None) -> Any:
    """The `count` largest entries of each row of a CSR matrix, ties by `ties` of the column, or by column."""
    import numpy as np

    sparse = library("scipy.sparse")

    matrix = sparse.csr_matrix(matrix, dtype=np.float32)
    matrix.sort_indices()
    lengths: NDArray[np.int64] = np.diff(matrix.indptr)
    if not len(lengths) or lengths.max(initial=0) <= count:
        return matrix
    rows = np.repeat(np.arange(len(lengths)), lengths)
    least = at_least(matrix.indptr, matrix.data, count)[rows]
    above, level = matrix.data > least, matrix.data == least
    # Those level with the last place get the places that are left, in the order of ties.
    left = count - np.bincount(rows[above], minlength=len(lengths))
    entries = np.flatnonzero(level)
    columns = matrix.indices[entries]
    entries = entries[np.lexsort((columns if ties is None else ties[columns], rows[entries]))]
    place = np.arange(len(entries)) - np.searchsorted(rows[entries], rows[entries])
    kept = above.copy()
    kept[entries[place < left[rows[entries]]]] = True
    offsets = np.concatenate([[0], np.cumsum(np.bincount(rows[kept], minlength=len(lengths)))])
    return sparse.csr_matrix((matrix.data[kept], matrix.indices[kept], offsets), shape=matrix.shape)
