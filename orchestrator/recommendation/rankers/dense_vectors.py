"""Rankers on dense item vectors: complementary items, and users with several interests.

Vectors are the leading singular vectors of positive pointwise mutual information, which is what word2vec
factorises implicitly (Levy and Goldberg, NeurIPS 2014). Counted in one direction they are two: what an
item leads to and what it is led to by. A complement scores *in → out*; comparing in with in finds what
is alike, which nobody buys twice (Product2Vec-style dual embeddings: Wang et al., WSDM 2018).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.ports.recommend import Ranking, Training
from orchestrator.recommendation.libraries import library
from orchestrator.recommendation.rankers.cooccurrence import Counting, pair_counts
from orchestrator.recommendation.rankers.item_content import leading
from orchestrator.recommendation.rankers.item_to_item import weighted
from orchestrator.recommendation.rankers.tuning import Constants, coordinate_search
from orchestrator.recommendation.selection import best_of_dense, in_slices, taken

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orchestrator.interactions.sequences import Sequences

DIMENSIONS = 64
_AT_ONCE = 8_000_000


@dataclass(frozen=True, eq=False)
class Vectors:
    """`sources` and `targets` (items, d): an item of the history speaks by its source for others' targets.

    With `interests` above 1 a history is a mixture: its items are grouped by their cosines, each group asks
    by itself, and an item is as good as the best of them says: log of the group's share plus the cosine
    over `temperature` (kNN-Embed, El-Kishky et al., arXiv 2205.06205). One interest is one mean vector.
    """

    name: str
    sources: NDArray[np.float32]
    targets: NDArray[np.float32]
    decay: float = 1.0
    window: int = 20
    interests: int = 1
    alike: float = 0.5
    temperature: float = 0.1

    def top(
        self,
        histories: Sequences,
        *,
        k: int,
        allowed: NDArray[np.bool_] | None = None,
        removed: Sequences | None = None,
    ) -> Ranking:
        """The best `k` of each history that holds an item with a vector."""
        import numpy as np

        known = (np.abs(self.sources).sum(axis=1) > 0)[histories.items]
        speaking = np.flatnonzero(np.bincount(histories.rows[known], minlength=len(histories)))
        bare = np.abs(self.targets).sum(axis=1) == 0

        def rank(rows: NDArray[np.int64]) -> Ranking:
            scores = self.scores(histories.take(rows))
            # What has no vector is like nothing: its 0 would stand above all that is unlike.
            scores[:, bare] = -np.inf
            return best_of_dense(scores, k=k, allowed=allowed, removed=taken(removed, rows))

        size = _AT_ONCE // max(1, len(self.targets))
        return in_slices(rank, len(histories), k=k, size=size, among=speaking)

    def scores(self, histories: Sequences) -> NDArray[np.float32]:
        """Scores (histories, items)."""
        import numpy as np

        if self.interests <= 1:
            asked = weighted(histories, len(self.sources), self.decay, self.window) @ self.sources
            return np.asarray(asked @ self.targets.T, dtype=np.float32)
        return np.stack([self._mixture(history) for history in histories])

    def groups(self, history: NDArray[np.int32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The interests of a history: unit vectors (groups, d) and their shares, the newest first.

        An item joins the group whose first item it is most alike, or founds one while there are few.
        """
        import numpy as np

        recent = history[-self.window :][::-1]
        weights = (np.arange(len(recent)) + 1.0) ** -self.decay
        founders: list[int] = []
        sums: list[Any] = []
        shares: list[float] = []
        for item, weight in zip(recent, weights, strict=True):
            vector = self.sources[item]
            if not vector.any():
                continue
            near = [float(vector @ self.sources[one]) for one in founders]
            if len(founders) < self.interests and max(near, default=-1.0) < self.alike:
                founders.append(int(item))
                sums.append(weight * vector)
                shares.append(float(weight))
            else:
                at = int(np.argmax(near))
                sums[at] = sums[at] + weight * vector
                shares[at] += float(weight)
        means = np.asarray(sums, dtype=np.float32).reshape(len(sums), self.sources.shape[1])
        lengths = np.linalg.norm(means, axis=1, keepdims=True)
        part = np.asarray(shares, dtype=np.float32)
        return means / np.maximum(lengths, 1e-9), part / max(float(part.sum()), 1e-9)

    def _mixture(self, history: NDArray[np.int32]) -> NDArray[np.float32]:
        import numpy as np

        vectors, shares = self.groups(history)
        said = vectors @ self.targets.T / self.temperature + np.log(shares)[:, None]
        return np.asarray(said.max(axis=0), dtype=np.float32)

    def save(self, folder: Path) -> None:
        """Write vectors and constants."""
        import numpy as np

        constants = [self.decay, self.window, self.interests, self.alike, self.temperature]
        np.savez(folder / "vectors.npz", sources=self.sources, targets=self.targets, constants=constants)

    @classmethod
    def load(cls, name: str, folder: Path) -> Vectors:
        """What `save` wrote."""
        import numpy as np

        with np.load(folder / "vectors.npz", allow_pickle=False) as stored:
            decay, window, interests, alike, temperature = (float(one) for one in stored["constants"])
            return cls(
                name,
                stored["sources"],
                stored["targets"],
                decay,
                int(window),
                int(interests),
                alike,
                temperature,
            )


def mutual_information(counts: Any, *, smoothing: float = 0.75) -> Any:
    """Positive pointwise mutual information of a CSR matrix of counts; frequent targets are tempered."""
    import numpy as np

    sparse = library("scipy.sparse")
    out = np.asarray(counts.sum(axis=1)).ravel()
    into = np.asarray(counts.sum(axis=0)).ravel() ** smoothing
    coo = counts.tocoo()
    total = into.sum()
    values = np.log(coo.data * total / np.maximum(out[coo.row] * into[coo.col], 1e-12))
    kept = values > 0
    return sparse.csr_matrix(
        (values[kept].astype(np.float32), (coo.row[kept], coo.col[kept])), shape=counts.shape
    )


def complements(train: Sequences, items: int, constants: Constants) -> Vectors:
    """The ranker of these constants."""
    left, right = _lead_to(train, items, int(constants["seed"]))
    return Vectors("complements", left, right, constants["decay"])


def learn_complements(training: Training) -> tuple[Vectors, Constants]:
    """Learn the complements ranker with source and target vectors; returns it with its constants."""
    left, right = _lead_to(training.train, len(training.items), training.seed)
    best = coordinate_search(
        lambda values: Vectors("complements", left, right, values["decay"]),
        {"decay": 1.0},
        {"decay": (0.5, 1.0, 1.5)},
        training,
    )
    return Vectors("complements", left, right, best["decay"]), {**best, "seed": training.seed}


def interests(train: Sequences, items: int, constants: Constants) -> Vectors:
    """The ranker of these constants."""
    return _interested(_had_together(train, items, int(constants["seed"])), constants)


def learn_interests(training: Training) -> tuple[Vectors, Constants]:
    """Learn the interests ranker, users as mixtures of interests; returns it with its constants."""
    unit = _had_together(training.train, len(training.items), training.seed)
    best = coordinate_search(
        lambda values: _interested(unit, values),
        {"interests": 4, "temperature": 0.1, "decay": 1.0},
        {"interests": (1, 2, 4, 8), "temperature": (0.05, 0.1, 0.2), "decay": (0.5, 1.0, 1.5)},
        training,
    )
    return _interested(unit, best), {**best, "seed": training.seed}


def _lead_to(train: Sequences, items: int, seed: int) -> tuple[Any, Any]:
    """What each item leads to and is led to by, of directed counts."""
    counts = pair_counts(train, items, Counting(window=10, gap=1.0, back=0.0))
    return leading(mutual_information(counts), DIMENSIONS, seed=seed)


def _had_together(train: Sequences, items: int, seed: int) -> NDArray[np.float32]:
    """Unit vectors of what is had by the same users."""
    import numpy as np

    counts = pair_counts(train, items, Counting(window=50, gap=0.5, back=1.0))
    left, _ = leading(mutual_information(counts), DIMENSIONS, seed=seed)
    lengths = np.linalg.norm(left, axis=1, keepdims=True)
    return np.divide(left, lengths, out=np.zeros_like(left), where=lengths > 1e-6)


def _interested(unit: NDArray[np.float32], constants: Constants) -> Vectors:
    return Vectors(
        "interests",
        unit,
        unit,
        constants["decay"],
        interests=int(constants["interests"]),
        temperature=constants["temperature"],
    )
