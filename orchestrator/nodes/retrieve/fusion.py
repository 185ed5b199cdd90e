"""Rank fusion: several rankings of passages become one.

Each method is a pure function of rankings and weights, and a node that `fuse` takes:
`fuse(a | b, by=rrf(60))`. Sums are exactly rounded, so that the order of the rankings changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import fsum, inf, isfinite, sqrt
from typing import Annotated

from pydantic import AfterValidator, Field

from orchestrator.errors import BadInput
from orchestrator.graph.node import node
from orchestrator.nodes._strategies import known_strategy
from orchestrator.types import Hit, Hits, ranked

Weights = tuple[Annotated[float, Field(ge=0, allow_inf_nan=False)], ...]
Fusion = Annotated[str, AfterValidator(known_strategy("fusion"))]


def reciprocal_rank(
    rankings: Sequence[Hits], weights: Sequence[float] | None = None, *, k: float = 60.0
) -> Hits:
    """Reciprocal rank fusion: the sum of weight / (k + rank) over all rankings; ranks start at 1.

    Source: Cormack, Clarke and Büttcher, SIGIR 2009.
    """
    return _fused(rankings, weights, lambda hits: [1.0 / (k + rank) for rank in range(1, len(hits) + 1)])


def convex_combination(rankings: Sequence[Hits], weights: Sequence[float] | None = None) -> Hits:
    """Weighted mean of scores, each ranking scaled to 0–1 by its lowest and highest; absent counts 0.

    Source: Bruch, Gai and Ingber, arXiv 2210.11934.
    """
    shares = _weights(rankings, weights)
    total = fsum(shares)
    return _fused(rankings, [share / total for share in shares] if total else shares, min_max)


def distribution_based(rankings: Sequence[Hits], weights: Sequence[float] | None = None) -> Hits:
    """Weighted sum of scores, each ranking scaled so that its mean ± 3 deviations become 0 and 1.

    One outlier cannot flatten the other scores of its ranking, as it can under min-max.
    Source: Mazzeschi, "Distribution-based score fusion", 2023.
    """
    return _fused(rankings, weights, _three_sigma)


def anchored_sum(
    anchor: Hits,
    other: Hits,
    weights: tuple[float, float] = (1.0, 4.0),
    *,
    steepness: float = 2.0,
    power: float = 4.0,
    top: int | None = None,
) -> Hits:
    """Anchored fusion: scores of a trusted ranking, relative to its best, plus powers of another's cosines.

    score = weight · (score / best) ** steepness + weight · max(0, cosine) ** power. A passage that
    `other` lacks is counted as its last one, since it cannot be more similar than that. The margins of
    the anchor stand: what it prefers by far is overturned only by a cosine that is as much higher, which
    ranks would not tell from a near tie. Where `other` is weak its cosines are low, and the power makes
    them nothing; rank fusion would count its first places as much as the anchor's. Scores of an anchor
    below 0 are counted from its lowest. Only the best `top` are given, if it is.
    """
    first, second = weights
    scores = [hit.score for hit in anchor]
    low, high = min([0.0, *scores]), max(scores, default=0.0)
    # Equal scores say nothing against any of the passages.
    shares = [((score - low) / (high - low)) ** steepness if high > low else 1.0 for score in scores]
    near = {hit.id: (second * max(0.0, hit.score) ** power, hit.why) for hit in other}
    least = min((value for value, _ in near.values()), default=0.0)
    fused: list[tuple[float, str, str, str]] = []
    for hit, share in zip(anchor, shares, strict=True):
        value, why = near.pop(hit.id, (least, ""))
        fused.append((-first * share - value, hit.id, hit.why, why))
    fused += [(-value, one, why, "") for one, (value, why) in near.items()]
    fused.sort()
    # Making a hit takes as long as fusing it.
    return Hits(tuple(Hit(one, -negative, _together((why, too))) for negative, one, why, too in fused[:top]))


def weighted_sum(rankings: Sequence[Hits], weights: Sequence[float] | None = None) -> Hits:
    """Sum of weight · score, for rankings whose scores are on one scale; absent counts 0."""
    return _fused(rankings, weights, lambda hits: [hit.score for hit in hits])


def highest_score(rankings: Sequence[Hits], weights: Sequence[float] | None = None) -> Hits:
    """The highest weight · score of each passage (CombMAX), for rankings whose scores are on one scale.

    What one formulation of a question finds clearly is found, whatever the others say.
    Source: Fox and Shaw, "Combination of multiple searches", TREC-2, 1993.
    """
    best: dict[str, float] = {}
    found: dict[str, list[str]] = {}
    for hits, weight in zip(rankings, _weights(rankings, weights), strict=True):
        for hit in hits if weight else ():
            best[hit.id] = max(best.get(hit.id, -inf), weight * hit.score)
            found.setdefault(hit.id, []).append(hit.why)
    return ranked([Hit(one, score, _together(tuple(found[one]))) for one, score in best.items()])


def anchored_pair(rankings: Sequence[Hits], weights: Sequence[float] | None = None) -> Hits:
    """`anchored_sum` of two rankings, of which the first is trusted."""
    if len(rankings) != 2:
        raise BadInput(
            f"`anchored` fuses two rankings, not {len(rankings)}.",
            hint="Give the trusted branch first and the dense one second, or fuse by rrf.",
        )
    first, second = weights or (1.0, 4.0)
    return anchored_sum(rankings[0], rankings[1], (first, second))


@node
async def rrf(rankings: tuple[Hits, ...], *, k: float = 60.0, weights: Weights | None = None) -> Hits:
    """Reciprocal rank fusion (RRF)."""
    return reciprocal_rank(rankings, weights, k=k)


@node
async def convex(rankings: tuple[Hits, ...], *, weights: Weights | None = None) -> Hits:
    """Convex combination: fuse by the weighted mean of min-max scaled scores."""
    return convex_combination(rankings, weights)


@node
async def dbsf(rankings: tuple[Hits, ...], *, weights: Weights | None = None) -> Hits:
    """Distribution-based score fusion (DBSF): fuse scores scaled by mean and standard deviation."""
    return distribution_based(rankings, weights)


@node
async def anchored(
    rankings: tuple[Hits, ...], *, weight: float = 4.0, steepness: float = 2.0, power: float = 4.0
) -> Hits:
    """Anchored fusion: a trusted first ranking, adjusted by a second one whose scores are cosines."""
    if len(rankings) != 2:
        raise BadInput(
            f"`anchored` fuses two rankings, not {len(rankings)}.",
            hint="Give the trusted branch first and the dense one second, or fuse by rrf.",
        )
    return anchored_sum(rankings[0], rankings[1], (1.0, weight), steepness=steepness, power=power)


def _fused(
    rankings: Sequence[Hits], weights: Sequence[float] | None, scale: Callable[[Hits], list[float]]
) -> Hits:
    parts: dict[str, list[float]] = {}
    found: dict[str, list[str]] = {}
    for hits, weight in zip(rankings, _weights(rankings, weights), strict=True):
        # A ranking of weight 0 was not asked: what it alone found does not belong to the result.
        if weight == 0:
            continue
        for hit, value in zip(hits, scale(hits), strict=True):
            parts.setdefault(hit.id, []).append(weight * value)
            found.setdefault(hit.id, []).append(hit.why)
    return ranked([Hit(one, fsum(values), _together(tuple(found[one]))) for one, values in parts.items()])


def _weights(rankings: Sequence[Hits], weights: Sequence[float] | None) -> Sequence[float]:
    if weights is None:
        return [1.0] * len(rankings)
    if len(weights) != len(rankings):
        raise BadInput(
            f"A fusion has {len(weights)} weights for {len(rankings)} rankings.",
            hint="Give one weight a branch, in the order of the branches.",
        )
    if not all(isfinite(weight) and weight >= 0 for weight in weights):
        raise BadInput(f"Fusion weights must be finite and not negative, not {list(weights)}.")
    return weights


def min_max(hits: Hits) -> list[float]:
    """The scores of a ranking scaled to 0–1 by its lowest and highest."""
    scores = [hit.score for hit in hits]
    low, high = min(scores, default=0.0), max(scores, default=0.0)
    # Equal scores say nothing against any of the passages.
    return [(score - low) / (high - low) if high > low else 1.0 for score in scores]


def _three_sigma(hits: Hits) -> list[float]:
    scores = [hit.score for hit in hits]
    if not scores:
        return []
    mean = fsum(scores) / len(scores)
    deviation = sqrt(fsum((score - mean) ** 2 for score in scores) / max(1, len(scores) - 1))
    if deviation == 0:
        return [0.5] * len(scores)
    return [0.5 + (score - mean) / (6 * deviation) for score in scores]


@lru_cache(1024)
def _together(names: tuple[str, ...]) -> str:
    """Which retrievers found a passage, each once, in alphabetical order: `bm25+dense`."""
    return "+".join(sorted({part for name in names for part in name.split("+") if part}))
