"""A search has a result at any time: it holds what the seeds held, and more with each round."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator import Budget, Hits
from orchestrator.models.recorded import RecordedModel
from orchestrator.testing.judge import Noise
from orchestrator.tree.search_path import SearchPath
from orchestrator.types import Hit
from tests.nodes.tree.searching import GOAL, QUESTION, SUBJECTS, Replies, judged, searched
from tests.tree.shelves import leaves


@pytest.mark.parametrize("rounds", [1, 2, 5, 20])
async def test_the_result_holds_the_seeds_whatever_the_rounds(rounds: int) -> None:
    held = leaves(80, SUBJECTS)
    seeds = Hits(tuple(Hit(leaf.id, 1.0 - at / 100) for at, leaf in enumerate(held[1:30])))
    result = await searched(held=held, hits=seeds, rounds=rounds, keep=30)
    assert set(seeds.ids) <= set(result.output.ids)
    assert len(result.output) <= 30
    scores = [hit.score for hit in result.output]
    assert scores == sorted(scores, reverse=True)


@settings(max_examples=15, deadline=None)
@given(
    noise=st.sampled_from([Noise(), Noise(random=0.3, shift=0.3), Noise(malformed=0.5)]),
    seeds=st.lists(st.integers(0, 79), unique=True, max_size=12),
    rounds=st.integers(1, 8),
)
@pytest.mark.slow
def test_nothing_that_was_found_is_lost_with_more_rounds(noise: Noise, seeds: list[int], rounds: int) -> None:
    hits = Hits(tuple(Hit(f"p{at:04}", 1.0 - place / 20) for place, at in enumerate(seeds)))

    async def found(number: int) -> set[str]:
        result, _ = await judged(noise, rounds=number, keep=80, hits=hits)
        return set(result.output.ids)

    fewer, more = asyncio.run(found(rounds)), asyncio.run(found(rounds + 3))
    assert set(hits.ids) <= fewer <= more


async def test_a_larger_budget_finds_no_less() -> None:
    def reply(shown: list[str]) -> str:
        return json.dumps({str(at): 90 if "16" in text else 20 for at, text in enumerate(shown, 1)})

    seeds = Hits(tuple(Hit(f"p{at:04}", 1.0 - at / 20) for at in range(5)))
    found: set[str] = set(seeds.ids)
    for calls in (1, 2, 4, 8, 16):
        result = await searched(model=Replies(reply), hits=seeds, budget=Budget(calls=calls), keep=80)
        assert found <= set(result.output.ids)
        found = set(result.output.ids)
    assert GOAL in found


async def test_a_stable_ranking_ends_the_search() -> None:
    patient, judge = await judged(rounds=40, patience=2)
    whole, all_calls = await judged(rounds=40)
    assert judge.calls < all_calls.calls
    assert patient.output.ids[0] == whole.output.ids[0] == GOAL


async def test_the_trace_has_the_path_with_the_scores_at_each_node() -> None:
    result, judge = await judged(rounds=6)
    (path,) = result.noted(SearchPath)
    way = path.path(GOAL)
    assert way[0].id == path.root
    assert [each.parent for each in way[1:]] == [each.id for each in way[:-1]]
    assert way[-1].relevance == pytest.approx(result.output.hits[0].score)
    assert len(path.slates) == judge.calls
    told = result.steps[-1].writes["SearchPath"]
    shown = json.dumps(told)
    assert {slate["round"] for slate in told["slates"]} == set(range(6))
    assert GOAL in shown
    # Ids and scores: no text of a passage, and none of a summary.
    assert not any(f"{subject} fact" in shown for subject in SUBJECTS)
    assert QUESTION.text not in shown


async def test_a_search_that_was_recorded_is_replayed_without_its_model(tmp_path: Path) -> None:
    def reply(shown: list[str]) -> str:
        return json.dumps({str(at): 90 if "16" in text else 20 for at, text in enumerate(shown, 1)})

    recording = tmp_path / "answers.jsonl"
    asked: Any = Replies(reply)
    live = await searched(model=RecordedModel(recording, asked), rounds=8)
    again = await searched(model=RecordedModel(recording), rounds=8)
    assert again.output == live.output
    assert again.degraded == live.degraded == ()
    further = await searched(model=RecordedModel(recording), rounds=12)
    assert any("no recorded answer" in told for told in further.degraded)
