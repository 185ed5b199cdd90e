"""Interpolation: fuse a sparse and a dense ranking by scores above the average of the candidates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import fsum, sqrt
from typing import Annotated

from pydantic import Field

from orchestrator.errors import BadInput
from orchestrator.graph.node import Node, node
from orchestrator.nodes._settings import Count, IndexName, Share
from orchestrator.nodes.retrieve.fusion import anchored_sum
from orchestrator.ports import Embedder, reads
from orchestrator.types import Hit, Hits, Question, ranked

Weights = tuple[Annotated[float, Field(ge=0, allow_inf_nan=False)], ...]

#: The part of a ranking's best score in its unit; its deviation has the rest.
BEST = 0.75
#: How much what falls short of the average counts beside what stands out.
BELOW = 0.1


def contrast_sum(
    rankings: Sequence[Hits],
    weights: Sequence[float] | None = None,
    *,
    pool: int = 100,
    best: float = BEST,
    below: float = BELOW,
) -> Hits:
    """Score fusion: the weighted sum of each score minus the average of all candidates.

    The unit of a ranking is top^`best` · deviation^(1 − `best`), where top is its highest score. In units
    of the deviation alone (z-scores), a ranking whose scores are all alike would count as much as one with
    clear winners; in units of the top alone, scores that all lie high, as the cosines of
    some embedders, would not count at all. A candidate that a ranking lacks counts as its last one, or as
    0 where the ranking has fewer than `pool` hits: then it holds all that match.
    """
    shares = [1.0] * len(rankings) if weights is None else list(weights)
    if len(shares) != len(rankings):
        raise BadInput(
            f"A fusion has {len(shares)} weights for {len(rankings)} rankings.",
            hint="Give one weight a branch, in the order of the branches.",
        )
    used = [(hits, share) for hits, share in zip(rankings, shares, strict=True) if share > 0]
    found: dict[str, str] = {}
    for hits, _ in used:
        for hit in hits:
            why = found.setdefault(hit.id, hit.why)
            if why != hit.why:
                found[hit.id] = _together(why, hit.why)
    parts = [_standing(hits, found, share, pool, best, below) for hits, share in used]
    # Sums are exactly rounded, so that the order of the rankings changes nothing.
    sums = map(fsum, zip(*parts, strict=True))
    return ranked([Hit(one, score, why) for (one, why), score in zip(found.items(), sums, strict=True)])


@lru_cache(maxsize=256)
def _together(one: str, other: str) -> str:
    return "+".join(sorted({part for part in (*one.split("+"), *other.split("+")) if part}))


def _standing(
    hits: Hits, candidates: Iterable[str], share: float, pool: int, best: float, below: float
) -> list[float]:
    """How far each candidate stands out in one ranking, times its share."""
    scores = {hit.id: hit.score for hit in hits}
    absent = min(scores.values(), default=0.0)
    if len(scores) < pool:
        absent = min(absent, 0.0)
    values = [scores.get(one, absent) for one in candidates]
    if not values:
        return []
    mean = fsum(values) / len(values)
    deviation = sqrt(fsum((value - mean) ** 2 for value in values) / len(values))
    top = max(values)
    unit = top**best * deviation ** (1.0 - best) if top > 0 else deviation
    if unit <= 1e-12:
        return [0.0] * len(values)
    scaled = [share * (value - mean) / unit for value in values]
    return [value if value > 0 else below * value for value in scaled]


@node
async def contrast(rankings: tuple[Hits, ...], *, weights: Weights | None = None, pool: Count = 100) -> Hits:
    """Fuse scores minus the candidates' average: `fuse(a | b, by=contrast(weights=(0.4, 0.6)))`."""
    return contrast_sum(rankings, weights, pool=pool)


class Interpolate(Node):
    """Hybrid search: interpolate a sparse and a dense ranking, and keep the best `k`.

    `sparse` is the share of the sparse ranking in `contrast_sum`, the rest is the dense one's. Beside an
    embedder that says it is `static` (vectors of tokens, which know no context) the sparse ranking is
    the anchor of `anchored_sum` instead: any share that helps on most collections drags exact matches
    below BM25 on some. A question in a language that the embedder does not read is left to the sparse
    ranking alone. Reads the channels `sparse` and `dense`, so that one ranking can be searched
    again while the other is kept.
    """

    k: Count = 100
    sparse: Share = 0.5
    pool: Count = 100
    index: IndexName = ""

    async def __call__(
        self,
        question: Question,
        sparse: Annotated[Hits, "sparse"],
        dense: Annotated[Hits, "dense"],
        embedder: Embedder,
    ) -> Hits:
        if sparse and not reads(embedder, question.text):
            return sparse.top(self.k)
        if getattr(embedder, "static", False):
            return anchored_sum(sparse, dense, (1.0, 4.0), power=4.0).top(self.k)
        return contrast_sum((sparse, dense), (self.sparse, 1.0 - self.sparse), pool=self.pool).top(self.k)
