"""Explore within a slate by Thompson sampling, and log how likely each choice was.

Each item has a Beta belief of being taken: its place in the ranking is the prior, what users did with it the
evidence. One draw orders the slate; many draws of the same seed say how often each item would have come next
given the places before it, which is the propensity that off-policy evaluation needs.

Sources: Thompson, Biometrika 1933; Chapelle and Li, NeurIPS 2011.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.types import Hit, Hits

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Draws that propensities are counted on: a propensity of 1 % is known to ± 0.2 %.
DRAWS = 10_000


@dataclass(frozen=True, slots=True)
class Chosen:
    """A hit that was chosen for a place, and the chance that it had of it."""

    hit: Hit
    propensity: float


def thompson(
    hits: Hits,
    *,
    k: int,
    strength: float = 20.0,
    taken: Mapping[str, tuple[int, int]] | None = None,
    seed: int = 0,
) -> tuple[Chosen, ...]:
    """A slate of `k` of the hits.

    The prior of the item at place r is Beta with mean 1 / (r + 2) and `strength` observations: the
    fewer, the more is explored. `taken` has for items how often they were shown, and taken.
    """
    import numpy as np

    if not len(hits):
        return ()
    beliefs = belief(hits, strength=strength, taken=taken or {})
    draws = np.random.default_rng(seed).beta(*beliefs, size=(DRAWS, len(hits)))
    return chosen_by(hits, draws, k)


def belief(
    hits: Hits, *, strength: float, taken: Mapping[str, tuple[int, int]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The Beta parameters of each hit."""
    import numpy as np

    mean = 1.0 / (np.arange(len(hits)) + 2.0)
    shown, took = np.asarray([taken.get(hit.id, (0, 0)) for hit in hits], dtype=np.float64).T
    return strength * mean + took, strength * (1.0 - mean) + np.maximum(shown - took, 0.0)


def chosen_by(hits: Hits, draws: NDArray[np.float64], k: int) -> tuple[Chosen, ...]:
    """The slate of the first draw (draws, hits), and how often the others agree, place by place.

    The draws that agree on the places before are those that count for the next, smoothed with the draws
    at large where few are left, so that no propensity is 0 and none is made of a handful.
    """
    import numpy as np

    left = np.ones(len(hits), dtype=np.bool_)
    agree = np.ones(len(draws), dtype=np.bool_)
    found: list[Chosen] = []
    for _ in range(min(k, len(hits))):
        best = np.where(left, draws, -1.0).argmax(axis=1)
        choice = int(best[0])
        same = best == choice
        # Thompson draws of different items are independent: given who is left, the order of the places
        # before says little about the next, so that the draws at large are a fair prior.
        prior = float(same.mean())
        weight = 50.0
        propensity = (float((same & agree).sum()) + weight * prior) / (float(agree.sum()) + weight)
        found.append(Chosen(hits.hits[choice], min(1.0, max(propensity, 1.0 / len(draws)))))
        left[choice] = False
        agree &= same
    return tuple(found)
