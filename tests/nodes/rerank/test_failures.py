"""A model that fails: on one call, on all from one on, or on every one. No failure ends a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from orchestrator import Hits, Question, workflow
from orchestrator.errors import ContextTooLong, InvalidOutput, ModelUnreachable, NoLogProbabilities
from orchestrator.models.null import NullModel
from orchestrator.nodes import Rerank
from orchestrator.ports import Documents, Embedder, GenerationRequest, LanguageModel
from orchestrator.types import Hit
from tests.nodes.rerank.asking import QUESTION, STRATEGIES, Letters, Texts, hits, judge, reranked

BY_MODEL = [name for name in STRATEGIES if name not in ("embedding", "e2rank")]
GENERATING = [name for name in BY_MODEL if name != "cross_encoder"]
#: Small lists and windows, so that every strategy makes several calls, and few enough to fail each.
SMALL: dict[str, Any] = {"keep": 8, "group": 3, "repeats": 1, "window": 4, "step": 2}
SIZE = 8


class Ill:
    """A judge that fails on the calls that `ill` names by number, counted from 1."""

    name, available, scores_texts = "ill", True, True

    def __init__(self, ill: Callable[[int], bool], error: Exception | None = None) -> None:
        self.inner, self.ill, self.asked = judge(SIZE), ill, 0
        self.error = error or ModelUnreachable("It is down.")

    def _turn(self) -> None:
        self.asked += 1
        if self.ill(self.asked):
            raise self.error

    async def generate(
        self, request: GenerationRequest, *, on_text: Callable[[str], None] | None = None
    ) -> Any:
        self._turn()
        return await self.inner.generate(request, on_text=on_text)

    async def choose(self, prompt: Any, options: Any) -> Any:
        self._turn()
        return await self.inner.choose(prompt, options)

    async def score(self, query: str, texts: Any) -> Any:
        self._turn()
        return await self.inner.score(query, texts)


async def calls_of(strategy: str) -> int:
    """How many calls a strategy makes of a model that is well."""
    model = Ill(lambda _: False)
    await reranked(model, hits(SIZE), strategy=strategy, **SMALL)
    return model.asked


@pytest.mark.quick(every=7)
@pytest.mark.parametrize("strategy", BY_MODEL)
async def test_a_call_that_fails_never_ends_a_run_whichever_it_is(strategy: str) -> None:
    found = hits(SIZE)
    calls = await calls_of(strategy)
    for failing in range(1, calls + 1):
        result = await reranked(Ill(lambda asked, k=failing: asked == k), found, strategy=strategy, **SMALL)
        assert sorted(result.output.ids) == sorted(found.ids), failing
        if calls > 1:
            assert any(
                f"1 of {n} model calls failed (" in why for why in result.degraded for n in range(calls * 2)
            )
        else:
            assert any("failed on every call" in why for why in result.degraded)


@pytest.mark.quick(every=7)
@pytest.mark.parametrize("strategy", BY_MODEL)
async def test_a_model_that_goes_leaves_the_order_so_far(strategy: str) -> None:
    found = hits(SIZE)
    for first in range(1, await calls_of(strategy) + 1):
        result = await reranked(Ill(lambda asked, k=first: asked >= k), found, strategy=strategy, **SMALL)
        assert sorted(result.output.ids) == sorted(found.ids)
        assert any("failed" in why for why in result.degraded), first


@pytest.mark.quick(every=6)
@pytest.mark.parametrize(
    "error", [ContextTooLong("Too long."), InvalidOutput("No JSON."), NoLogProbabilities("None.")]
)
@pytest.mark.parametrize("strategy", GENERATING)
async def test_a_model_that_never_answers_is_as_good_as_none(strategy: str, error: Exception) -> None:
    found = hits(SIZE)
    model = Ill(lambda _: True, error)
    model.scores_texts = False
    result = await reranked(model, found, strategy=strategy, **SMALL)
    without = await reranked(NullModel(), found, strategy=strategy, **SMALL)
    assert result.output.ids == without.output.ids
    assert result.output.hits[0].score == without.output.hits[0].score
    assert any("failed on every call" in why and "by embeddings" in why for why in result.degraded)


async def test_a_model_that_writes_no_more_and_still_scores_is_replaced_by_its_cross_encoder() -> None:
    class Scoring(Ill):
        async def score(self, query: str, texts: Any) -> Any:
            return await self.inner.score(query, texts)

    result = await reranked(Scoring(lambda _: True), hits(SIZE), strategy="groupwise", **SMALL)
    assert result.output.ids == ("7", "6", "5", "4", "3", "2", "1", "0")
    assert any("failed on every call" in why and "the cross-encoder" in why for why in result.degraded)


async def test_where_the_embedder_fails_too_the_order_stays_and_it_is_said() -> None:
    class NoEmbedder(Letters):
        async def embed(self, texts: Any, *, kind: str) -> Any:
            raise ModelUnreachable("It is down.")

    flow = workflow("rerank", Rerank(**SMALL), inputs=(Question, Hits))
    found = hits(SIZE)
    ports = {Documents: Texts(), Embedder: NoEmbedder(), LanguageModel: Ill(lambda _: True)}
    result = await flow.run(QUESTION, found, ports=ports)
    assert result.output.ids == found.ids
    assert any("left as they were found" in why for why in result.degraded)


class Saying:
    """A model that always says the same."""

    name, available, scores_texts = "saying", True, False

    def __init__(self, text: str) -> None:
        self.text = text

    async def generate(self, request: GenerationRequest, **_: Any) -> Any:
        from orchestrator.ports import Generation

        return Generation(self.text)


async def test_an_order_that_names_one_of_many_is_said_to_be_no_order() -> None:
    result = await reranked(Saying("[3]"), hits(12), strategy="full", keep=12)
    assert result.output.ids[0] == hits(12).ids[2]
    assert "Reranked in part: 11 passages kept the retriever's judgement." in result.degraded


@pytest.mark.parametrize(
    ("strategy", "text", "told"),
    [
        ("full", " > ".join(f"[{number}]" for number in range(1, 13)), "1 of 1 replies"),
        ("groupwise", str({str(number): 7 for number in range(1, 7)}), "4 of 4 replies"),
        ("groupwise", str({str(number): 0 for number in range(1, 7)}), "4 of 4 replies"),
    ],
)
async def test_replies_that_tell_nothing_apart_are_counted_and_said(
    strategy: str, text: str, told: str
) -> None:
    result = await reranked(Saying(text), hits(12), strategy=strategy, group=6, keep=12)
    assert result.output.ids == hits(12).ids
    assert any(f"{told} told the passages not apart" in why for why in result.degraded)


async def test_groups_of_nothing_useful_are_a_judgement_where_others_differ() -> None:
    found = Hits(
        tuple(Hit(str(number), 1.0 - rank / 20) for rank, number in enumerate((9, 0, 1, 2, 3, 8, 4, 5)))
    )
    result = await reranked(judge(10), found, strategy="groupwise", group=4, keep=8)
    assert not any("told the passages not apart" in why for why in result.degraded)
