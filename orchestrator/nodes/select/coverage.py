"""Cover: select passages that cover all aspects of the question together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.graph.node import Node
from orchestrator.nodes._settings import Count, Share
from orchestrator.nodes.select._ordering import reordered
from orchestrator.types import Coverage, Hits

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Cover(Node):
    """Greedy diversification: choose `k` passages that cover the aspects; the others keep their order.

    The next passage has the most of Σ w_a · share_a, where w_a is what is still missing of aspect a: one
    minus the best share chosen so far. With `reset`, the count starts again once every aspect is covered
    as well as it can be, so that the second-best of each come next; without, all aspects then weigh alike.

    `relevance` mixes in the share of the question itself, when `SearchFacets` searched it: at 0, the
    published choice, the question is one aspect among the others; at 1 its own order stands. It is at
    least what the facets lack in `trust`.
    Source: the training target of RichRAG's ranker, arXiv 2406.12566.
    """

    k: Count = 20
    keep: Count = 100
    reset: bool = True
    relevance: Share = 0.0

    async def __call__(self, hits: Hits, coverage: Coverage) -> Hits:
        places = {hit.id: place for place, hit in enumerate(hits)}
        rows = [row for row, one in enumerate(coverage.ids) if one in places]
        if not rows or not coverage.aspects:
            return hits.top(self.keep)
        # Ties go to the lower row: the passage that stood before.
        rows.sort(key=lambda row: places[coverage.ids[row]])
        shares = matrix(coverage)[rows]
        relevance = max(self.relevance, 1.0 - coverage.trust)
        chosen = covering(shares, limit=self.k, reset=self.reset, relevance=relevance)
        return reordered(hits, [places[coverage.ids[rows[row]]] for row in chosen], self.keep)


def matrix(coverage: Coverage) -> NDArray[np.float64]:
    """The shares of passages in aspects, shape (passages, aspects); 0 where an aspect did not find one."""
    import numpy as np

    shares = np.zeros((len(coverage.ids), len(coverage.aspects)))
    for row, found in enumerate(coverage.shares):
        for aspect, share in found:
            shares[row, aspect] = share
    return shares


def covering(
    shares: NDArray[np.float64], *, limit: int, reset: bool = True, relevance: float = 0.0
) -> list[int]:
    """Rows of `shares`, shape (passages, aspects), in the order in which they cover the aspects best.

    Ties go to the lower row. `relevance` is the part of the first aspect in every choice.
    """
    import numpy as np

    left = np.ones(len(shares), dtype=bool)
    cover = np.zeros(shares.shape[1])
    attainable = shares.max(axis=0, initial=0.0)
    chosen: list[int] = []
    while left.any() and len(chosen) < limit:
        missing = np.clip(1.0 - cover, 0.0, None)
        total = float(missing.sum())
        weights = missing / total if total > 0 else np.full(len(cover), 1.0 / len(cover))
        # Rounded, since a product's last digits are no reason to choose.
        value = np.round((1.0 - relevance) * (shares @ weights) + relevance * shares[:, 0], 12)
        best = int(np.argmax(np.where(left, value, -np.inf)))
        left[best] = False
        chosen.append(best)
        cover = np.maximum(cover, shares[best])
        if reset and bool((cover >= attainable - 1e-12).all()):
            # What is taken is no longer attainable: the next round is over when the rest has done its best.
            cover = np.zeros(len(cover))
            attainable = shares[left].max(axis=0, initial=0.0)
    return chosen
