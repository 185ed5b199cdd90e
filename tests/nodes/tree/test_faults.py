"""Unreadable replies, models and embedders that fail, a budget that runs out: each is gone through."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from orchestrator import Budget, Hits
from orchestrator.errors import ModelError, ModelUnreachable
from orchestrator.graph.node import ConfigurationError
from orchestrator.nodes import TreeSearch
from orchestrator.ports import Scores
from orchestrator.testing.judge import Noise
from orchestrator.tree.leaf import Leaf
from orchestrator.types import Hit
from tests.nodes.tree.searching import GOAL, SUBJECTS, Replies, judged, searched
from tests.tree.shelves import Embedding, leaf, leaves, vector_of


async def test_unreadable_replies_are_asked_for_twice_and_then_left_to_embeddings() -> None:
    result, judge = await judged(Noise(malformed=1.0), rounds=12)
    assert result.output.ids
    assert "slates had no readable reply after 2 tries" in result.degraded[0]
    # Two calls a slate, and none in the rounds after four slates in a row: the rest is left to embeddings.
    assert judge.calls % 2 == 0
    assert judge.calls <= 2 * 8


async def test_scores_of_strangers_are_rejected_and_counted() -> None:
    def reply(shown: list[str]) -> str:
        return json.dumps({**{str(at): 50 for at in range(1, len(shown) + 1)}, str(len(shown) + 7): 99})

    result = await searched(model=Replies(reply), rounds=2)
    assert any("Rejected" in told and "not in their slate" in told for told in result.degraded)
    assert set(result.output.ids) <= {leaf.id for leaf in leaves(80)}


async def test_a_model_that_fails_for_one_slate_is_replaced_there() -> None:
    calls = 0

    def reply(shown: list[str]) -> str:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise ModelError("The server is overloaded.")
        return json.dumps({str(at): 90 if "16" in text else 20 for at, text in enumerate(shown, 1)})

    result = await searched(model=Replies(reply), rounds=12)
    assert "1 slates had no readable reply" in result.degraded[0]
    assert "The server is overloaded" in result.degraded[0]
    assert result.output.ids[0] == GOAL


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e300])
async def test_odd_scores_of_a_reranker_end_nothing(value: float) -> None:
    model = Replies(lambda shown: "")

    async def score(query: str, texts: Sequence[str]) -> Scores:
        return Scores(tuple(value for _ in texts))

    model.score = score  # type: ignore[method-assign]
    result = await searched(model=model, scorer="reranker", rounds=30)
    assert all(np.isfinite(hit.score) for hit in result.output)


async def test_a_scorer_that_is_not_there_is_replaced_and_said() -> None:
    result = await searched(scorer="model")
    assert result.output.ids[0] == GOAL
    assert result.degraded == ("No language model is configured: the tree is searched by embeddings.",)
    with pytest.raises(ConfigurationError, match="there are embedding, model, reranker"):
        TreeSearch(scorer="oracle")


async def test_a_budget_that_runs_out_leaves_what_was_found() -> None:
    held = leaves(80, SUBJECTS)
    seeds = Hits(tuple(Hit(leaf.id, 1.0 - at / 10) for at, leaf in enumerate(held[:5])))
    model = Replies(lambda shown: json.dumps({str(at): 50 for at in range(1, len(shown) + 1)}))
    result = await searched(held=held, model=model, hits=seeds, budget=Budget(calls=3))
    assert set(seeds.ids) <= set(result.output.ids)
    assert any("tree was searched in part" in told for told in result.degraded), result.degraded


async def test_a_model_that_is_down_is_not_asked_for_ever() -> None:
    calls = 0

    def reply(shown: list[str]) -> str:
        nonlocal calls
        calls += 1
        raise ModelUnreachable("It is down.")

    result = await searched(model=Replies(reply), rounds=30)
    assert result.output.ids[0] == GOAL
    # Slates of one round are asked for side by side, so that a few more may be under way.
    assert calls <= 8
    assert "It is down" in result.degraded[0]


class NoEmbedder(Embedding):
    async def embed(self, texts: Sequence[str], *, kind: str) -> Any:
        raise ModelUnreachable("The embedding server is down.")


async def test_without_an_embedder_the_hits_before_the_search_stand() -> None:
    seeds = Hits((Hit("p0003", 1.0), Hit("p0001", 0.5)))
    result = await searched(hits=seeds, embedder=NoEmbedder())
    assert result.output.ids == seeds.ids
    assert result.degraded == ("The tree was searched in part: The embedding server is down.",)
    with pytest.raises(ModelUnreachable):
        await searched(embedder=NoEmbedder())


async def test_time_that_runs_out_leaves_what_was_found() -> None:
    seeds = Hits((Hit("p0003", 1.0),))
    result = await searched(hits=seeds, budget=Budget(seconds=1e-6))
    assert result.output.ids == seeds.ids
    assert result.degraded


@pytest.mark.parametrize("text", ["", " ", "the same words"])
async def test_documents_that_are_alike_are_all_found(text: str) -> None:
    held = [leaf(at, text) for at in range(40)]
    result = await searched(held=held, rounds=40)
    assert sorted(result.output.ids) == [each.id for each in held]
    model = Replies(lambda shown: json.dumps({str(at): 50 for at in range(1, len(shown) + 1)}))
    assert len((await searched(held=held, rounds=40, model=model)).output) == 40


async def test_empty_texts_among_others_do_not_stop_a_search() -> None:
    held = leaves(60, SUBJECTS)
    blank = [Leaf(f"b{at:04}", f"e{at}", "", vector_of("")) for at in range(20)]
    result = await searched(held=[*held, *blank], rounds=20)
    assert result.output.ids[0] == GOAL
