"""A choice among hits as a ranking: what was chosen first, then the rest as it stood."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.types import Hit, Hits


def reordered(hits: Hits, chosen: Sequence[int], keep: int) -> Hits:
    """The chosen hits in their order, then the others in theirs; cut to `keep`, scored by rank, 1 first."""
    named = set(chosen)
    order = [*chosen, *(number for number in range(len(hits)) if number not in named)][:keep]
    size = len(order)
    return Hits(
        tuple(
            Hit(hits.hits[number].id, (size - rank) / size, hits.hits[number].why)
            for rank, number in enumerate(order)
        )
    )
