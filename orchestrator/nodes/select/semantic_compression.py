"""Semantic compression: select few passages that represent all hits of a question."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from orchestrator.graph.node import Node
from orchestrator.nodes._settings import Count, IndexName, Share
from orchestrator.nodes.select._ordering import reordered
from orchestrator.nodes.select.mmr import neighbourhood
from orchestrator.ports import Dense, VectorStore
from orchestrator.types import Hit, Hits, Question, ranked

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Tally = Annotated[int, Field(ge=0)]

#: Candidates whose gain is computed together: a product of matrices costs little more than one of vectors.
_TOGETHER = 16


class SemanticCompression(Node):
    """Choose `k` passages that best represent the first `pool` hits; the others keep their order.

    A hit is represented as well as the chosen passage that is most like it, by cosine, and counts by
    its score, scaled to 0–1. `trade` is the part of each choice that is the passage's own score: 1 is
    the order as it stands, 0 is representation alone. The choice is greedy, which is within 1 − 1/e of
    the best, since the gain only shrinks.

    Then `hops` times, the `neighbours` nearest passages of each chosen one join the candidates, with a
    score that is its own times their cosine, and the choice is made again: passages that are like an
    answer but not like the question. One call of the store a hop, with the question's principal and filters.
    Source: Raja and Vats, "Beyond nearest neighbors", arXiv 2507.19715.
    """

    k: Count = 20
    pool: Count = 100
    keep: Count = 100
    trade: Share = 0.3
    hops: Tally = 0
    neighbours: Count = 5
    index: IndexName = ""

    async def __call__(self, question: Question, hits: Hits, vectors: VectorStore) -> Hits:
        pool = hits.top(self.pool)
        found = await vectors.vectors(pool.ids, principal=question.principal)
        chosen = self._chosen(pool, found)
        for _ in range(self.hops if chosen else 0):
            wider = await self._hop(question, pool, chosen, found, vectors)
            if wider == pool:
                break
            pool = wider
            new = [one for one in pool.ids if one not in found]
            found |= await vectors.vectors(new, principal=question.principal)
            chosen = self._chosen(pool, found)
        known = frozenset(pool.ids)
        rest = tuple(hit for hit in hits if hit.id not in known)
        return reordered(Hits((*pool, *rest)), chosen, self.keep)

    def _chosen(self, pool: Hits, found: dict[str, NDArray[np.float32]]) -> list[int]:
        rows = [row for row, hit in enumerate(pool) if hit.id in found]
        if not rows:
            return []
        scores, similarity = neighbourhood(pool, rows, found)
        return [
            rows[row]
            for row in facility_location(similarity, scores, limit=self.k, own=scores, trade=self.trade)
        ]

    async def _hop(
        self,
        question: Question,
        pool: Hits,
        chosen: list[int],
        found: dict[str, NDArray[np.float32]],
        vectors: VectorStore,
    ) -> Hits:
        """The pool, and behind it the neighbours of what was chosen."""
        sources = [pool.hits[row] for row in chosen]
        rankings = await vectors.search(
            [Dense(found[hit.id]) for hit in sources],
            principal=question.principal,
            filters=question.filters,
            limit=self.neighbours + 1,
        )
        reached: dict[str, float] = {}
        known = frozenset(pool.ids)
        for source, ranking in zip(sources, rankings, strict=True):
            for hit in ranking:
                if hit.id not in known:
                    reached[hit.id] = max(
                        reached.get(hit.id, 0.0), max(source.score, 0.0) * max(hit.score, 0.0)
                    )
        return ranked((*pool, *(Hit(one, score, "neighbour") for one, score in reached.items())))


def facility_location(
    similarity: NDArray[np.float32],
    weights: NDArray[np.float32],
    *,
    limit: int,
    own: NDArray[np.float32] | None = None,
    trade: float = 0.0,
) -> list[int]:
    """Rows that greedily have the most of (1 − trade) · Σ_u w_u · max_chosen similarity_u + trade · Σ own.

    `similarity` has shape (n, n), `weights` (n,), both at least 0; the weights' sum counts as 1. Ties go
    to the lower row. Gains only shrink as rows are chosen, so that one that was computed before bounds it
    now: only candidates whose bound is the highest are computed again (Minoux' lazy greedy).
    """
    import numpy as np

    likeness = np.asarray(similarity, dtype=np.float64)
    mass = np.asarray(weights, dtype=np.float64)
    mass = mass / mass.sum() if mass.sum() > 0 else np.full(len(mass), 1.0 / max(1, len(mass)))
    added = np.zeros(len(mass)) if own is None else trade * np.asarray(own, dtype=np.float64)
    covered = np.zeros(len(mass))

    def gains(rows: list[int]) -> NDArray[np.float64]:
        better = np.maximum(likeness[rows] - covered, 0.0) @ mass
        # Rounded, since a product's last digits depend on how many rows are computed together.
        return np.round((1.0 - trade) * better + added[rows], 12)

    everyone = list(range(len(mass)))
    bounds = [(-gain, row, 0) for gain, row in zip(gains(everyone).tolist(), everyone, strict=True)]
    heapq.heapify(bounds)
    chosen: list[int] = []
    while bounds and len(chosen) < limit:
        if bounds[0][2] == len(chosen):
            row = heapq.heappop(bounds)[1]
            chosen.append(row)
            covered = np.maximum(covered, likeness[row])
            continue
        stale: list[int] = []
        while bounds and len(stale) < _TOGETHER and bounds[0][2] < len(chosen):
            stale.append(heapq.heappop(bounds)[1])
        for gain, row in zip(gains(stale).tolist(), stale, strict=True):
            heapq.heappush(bounds, (-gain, row, len(chosen)))
    return chosen
