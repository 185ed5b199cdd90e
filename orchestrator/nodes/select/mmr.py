"""Maximal marginal relevance (MMR): select passages that are relevant and not redundant."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from orchestrator.graph.node import Node
from orchestrator.nodes._settings import Count, Share
from orchestrator.nodes.retrieve.fusion import min_max
from orchestrator.nodes.select._ordering import reordered
from orchestrator.ports import VectorStore
from orchestrator.types import Hits, Question

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Mmr(Node):
    """Maximal marginal relevance: choose `k` relevant, dissimilar hits of the first `pool`; others follow.

    `trade` 1 is the order as it stands, 0 looks at nothing but how alike passages are, by the cosine of
    their vectors. Scores are scaled to 0–1. A hit without a vector is not chosen, and keeps its place
    behind those that are.
    """

    k: Count = 20
    pool: Count = 100
    keep: Count = 100
    trade: Share = 0.8

    async def __call__(self, question: Question, hits: Hits, vectors: VectorStore) -> Hits:
        pool = hits.top(self.pool)
        found = await vectors.vectors(pool.ids, principal=question.principal)
        rows = [row for row, hit in enumerate(pool) if hit.id in found]
        if not rows:
            return hits.top(self.keep)
        scores, similarity = neighbourhood(pool, rows, found)
        chosen = maximal_marginal_relevance(scores, similarity, trade=self.trade, limit=self.k)
        return reordered(hits, [rows[row] for row in chosen], self.keep)


def neighbourhood(
    hits: Hits, rows: list[int], vectors: dict[str, NDArray[np.float32]]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Scores of the hits `rows`, scaled to 0–1, and the cosines of their vectors, at least 0."""
    import numpy as np

    scores = np.array(min_max(hits), dtype=np.float32)[rows]
    matrix = np.stack([vectors[hits.hits[row].id] for row in rows]).astype(np.float32)
    return scores, np.clip(matrix @ matrix.T, 0.0, 1.0)


def maximal_marginal_relevance(
    scores: NDArray[np.float32],
    similarity: NDArray[np.float32],
    *,
    trade: float = 0.7,
    limit: int | None = None,
    accept: Callable[[int], bool] | None = None,
) -> list[int]:
    """Indices in the order chosen: each has the most of trade · score - (1 - trade) · likeness.

    Likeness is the greatest similarity to one chosen before. `scores` has shape (n,), `similarity`
    (n, n), both between 0 and 1; `trade` 1 is the plain order of scores, ties go to the lower index.
    `accept` is asked once about each in turn, and one that it turns down is passed over: a budget.
    Source: Carbonell and Goldstein, SIGIR 1998.
    """
    import numpy as np

    value = trade * np.asarray(scores, dtype=np.float64)
    likeness = np.zeros(len(value))
    left = np.ones(len(value), dtype=bool)
    chosen: list[int] = []
    while left.any() and (limit is None or len(chosen) < limit):
        best = int(np.argmax(np.where(left, value - (1.0 - trade) * likeness, -np.inf)))
        left[best] = False
        if accept is None or accept(best):
            chosen.append(best)
            likeness = np.maximum(likeness, similarity[best])
    return chosen
