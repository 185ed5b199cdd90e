"""The paths ranker: random walks with restart over items, their attributes, and what is had next.

A graph of triples: item — (field, value) — item, and item → next item. Walks begin at the history and
return to it with probability `restart` at each step (personalised PageRank; for recommendation: Nguyen et
al., WWW 2015). Triples of other sources join as further rows of `edges`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.ports.recommend import Ranking, Training
from orchestrator.recommendation.libraries import library
from orchestrator.recommendation.rankers.cooccurrence import Counting, pair_counts
from orchestrator.recommendation.rankers.item_content import unit_sums, weighted_terms
from orchestrator.recommendation.rankers.item_to_item import weighted
from orchestrator.recommendation.rankers.tuning import Constants, coordinate_search
from orchestrator.recommendation.selection import best_of_dense, in_slices, taken

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orchestrator.interactions.items import Items
    from orchestrator.interactions.sequences import Sequences

STEPS = 4
_AT_ONCE = 4_000_000


@dataclass(frozen=True, eq=False)
class Walks:
    """`edges` CSR (nodes, nodes) with rows that sum to 1; the first `items` nodes are items."""

    edges: Any
    items: int
    restart: float = 0.5
    decay: float = 1.0
    window: int = 20
    name: str = "paths"

    def top(
        self,
        histories: Sequences,
        *,
        k: int,
        allowed: NDArray[np.bool_] | None = None,
        removed: Sequences | None = None,
    ) -> Ranking:
        """The best `k` of each history; an item that no path leads to is not ranked."""
        import numpy as np

        def rank(rows: NDArray[np.int64]) -> Ranking:
            scores = self.scores(histories.take(rows))
            scores[scores <= 0] = -np.inf
            return best_of_dense(scores, k=k, allowed=allowed, removed=taken(removed, rows))

        return in_slices(rank, len(histories), k=k, size=_AT_ONCE // max(1, int(self.edges.shape[0])))

    def scores(self, histories: Sequences) -> NDArray[np.float32]:
        """How often a walk is at each item (histories, items)."""
        import numpy as np

        nodes = int(self.edges.shape[0])
        start = np.zeros((nodes, len(histories)), dtype=np.float32)
        first = weighted(histories, self.items, self.decay, self.window).toarray().T
        start[: self.items] = first / np.maximum(first.sum(axis=0), 1e-9)
        there, seen = start, np.zeros_like(start)
        onward = self.edges.T.tocsr()
        for _ in range(STEPS):
            there = (1.0 - self.restart) * (onward @ there)
            seen += there
        return np.ascontiguousarray(seen[: self.items].T)

    def save(self, folder: Path) -> None:
        """Write the graph."""
        import numpy as np

        np.savez(
            folder / "graph.npz",
            data=self.edges.data,
            indices=self.edges.indices,
            indptr=self.edges.indptr,
            constants=[self.items, self.restart, self.decay, self.window],
        )

    @classmethod
    def load(cls, folder: Path) -> Walks:
        """What `save` wrote."""
        import numpy as np

        sparse = library("scipy.sparse")
        with np.load(folder / "graph.npz", allow_pickle=False) as stored:
            nodes = len(stored["indptr"]) - 1
            edges = sparse.csr_matrix((stored["data"], stored["indices"], stored["indptr"]), (nodes, nodes))
            items, restart, decay, window = (float(one) for one in stored["constants"])
        return cls(edges, int(items), restart, decay, int(window))


def graph(train: Sequences, items: Items, followed: float) -> Any:
    """The edges: a share `followed` of an item's goes to what was had next, the rest to its attributes."""
    sparse = library("scipy.sparse")
    terms = weighted_terms(items, title=False)
    after = pair_counts(train, len(items), Counting(window=5, gap=1.0, back=0.25))
    from_items = sparse.hstack([followed * unit_sums(after), (1.0 - followed) * unit_sums(terms)])
    from_terms = sparse.hstack(
        [unit_sums(terms.T), sparse.csr_matrix((terms.shape[1], terms.shape[1]), dtype="float32")]
    )
    return unit_sums(sparse.vstack([from_items, from_terms]).tocsr())


def walks(train: Sequences, items: Items, constants: Constants) -> Walks:
    """The ranker of these constants."""
    edges = graph(train, items, constants["followed"])
    return Walks(edges, len(items), constants["restart"], constants["decay"])


def learn_walks(training: Training) -> tuple[Walks, Constants]:
    """The ranker with the constants that rank the chosen part best, and they."""
    graphs: dict[float, Any] = {}

    def ranker(values: Constants) -> Walks:
        share = values["followed"]
        if share not in graphs:
            graphs[share] = graph(training.train, training.items, share)
        return Walks(graphs[share], len(training.items), values["restart"], values["decay"])

    best = coordinate_search(
        ranker,
        {"followed": 0.7, "restart": 0.5, "decay": 1.0},
        {"followed": (0.5, 0.7, 0.9), "restart": (0.3, 0.5, 0.7), "decay": (0.5, 1.0, 1.5)},
        training,
    )
    return ranker(best), best
