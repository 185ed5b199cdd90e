"""A reformulation is held to what the original query found."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator import ANONYMOUS, Question, workflow
from orchestrator.graph.run.result import RunResult
from orchestrator.nodes import DriftGuard
from orchestrator.nodes.query.drift import overlap
from orchestrator.nodes.retrieve.fusion import reciprocal_rank
from orchestrator.types import Drift, Hit, Hits
from tests.nodes.shelf import given_hits

pytestmark = pytest.mark.asyncio

ORIGINAL = (("a", 4.0), ("b", 3.0), ("c", 2.0), ("d", 1.0))
OTHER = (("d", 9.0), ("x", 8.0), ("y", 7.0), ("a", 6.0))


def hits(found: tuple[tuple[str, float], ...]) -> Hits:
    return Hits(tuple(Hit(one, score) for one, score in found))


async def guarded(node: DriftGuard, original: Any = ORIGINAL, other: Any = OTHER) -> RunResult:
    steps = given_hits(*original).writing("original") >> given_hits(*other) >> node
    return await workflow("guarded", steps, outputs=(Hits, Drift)).run(
        Question("anything", ANONYMOUS), ports={}
    )


async def test_both_rankings_are_fused_by_rank_and_the_overlap_is_reported() -> None:
    result = await guarded(DriftGuard(depth=4, weight=2.0))
    assert result.get(Hits) == reciprocal_rank((hits(ORIGINAL), hits(OTHER)), (2.0, 1.0))
    assert result.get(Drift) == Drift(0.5, 4)
    assert result.degraded == ()


async def test_with_weight_zero_it_only_reports() -> None:
    result = await guarded(DriftGuard(weight=0.0))
    found = result.get(Hits)
    assert found is not None
    assert found.ids == ("d", "x", "y", "a")


async def test_below_the_least_overlap_the_original_stands_alone() -> None:
    result = await guarded(DriftGuard(depth=2, least=0.5))
    assert result.get(Hits) == hits(ORIGINAL)
    assert result.get(Drift) == Drift(0.0, 2)
    (told,) = result.degraded
    assert told == (
        "The reformulated query drifted: it keeps 0% of the first 2 passages of the original one, "
        "which is used alone."
    )


async def test_what_found_nothing_cannot_drift() -> None:
    result = await guarded(DriftGuard(least=1.0), original=())
    assert result.get(Hits) == reciprocal_rank((Hits(), hits(OTHER)))
    assert result.get(Drift) == Drift(1.0, 10)


async def test_overlap_is_of_what_the_original_found() -> None:
    assert overlap(hits(ORIGINAL[:1]), hits(OTHER), 4) == 1.0
    assert overlap(hits(ORIGINAL[:1]), hits(OTHER), 1) == 0.0
    assert overlap(hits(ORIGINAL), Hits(), 4) == 0.0
