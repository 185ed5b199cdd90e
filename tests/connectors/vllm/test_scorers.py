"""Servers that score, each in the form of its make: vLLM's, text-embeddings-inference's, Jina's, Cohere's."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from connectors.vllm import Scorer, Servers, addresses
from orchestrator.errors import ContextTooLong, ModelError, ModelKeyRefused
from tests.connectors.vllm.faults import openai_says, tgi_says
from tests.services.scripted import Asked, Reply, Scripted, scripted

TEXTS = ["b 2", "a 1", "c 3"]
MODELS = Reply({"data": [{"id": "judge"}]})
NOT_THERE = Reply({"detail": "Not Found"}, 404)


@asynccontextmanager
async def scoring(
    script: Callable[[Asked], Reply], path: str = "", **settings: Any
) -> AsyncGenerator[tuple[Scorer, Scripted]]:
    async with scripted(script) as server:
        scorer = Scorer(
            Servers(addresses(server.url + path), key="k", setting="score", attempts=1), **settings
        )
        yield scorer, server
        await scorer.close()


def ranked(texts: list[str], field: str) -> list[dict[str, Any]]:
    """A result for each text, the best first."""
    rows = [{"index": n, field: float(text.split()[-1])} for n, text in enumerate(texts)]
    return sorted(rows, key=lambda row: -row[field])


def vllm(asked: Asked) -> Reply:
    if asked.path == "/v1/models":
        return Reply({"data": [{"id": "judge", "owned_by": "vllm"}]})
    if asked.path == "/score":
        return Reply({"data": ranked(asked.body["text_2"], "score"), "usage": {"prompt_tokens": 9}})
    return NOT_THERE


def tei(asked: Asked) -> Reply:
    """It has no list of models, and its answer is a bare list."""
    if asked.path == "/info":
        return Reply({"model_id": "BAAI/bge-reranker", "max_input_length": 512})
    if asked.path != "/rerank":
        return Reply("", 404)
    if "texts" not in asked.body:
        return tgi_says("Failed to deserialize the JSON body into the target type: missing field `texts`")
    return Reply(ranked(asked.body["texts"], "score"))


def jina(asked: Asked) -> Reply:
    if asked.path == "/v1/models":
        return MODELS
    if asked.path != "/v1/rerank":
        return NOT_THERE
    assert asked.body["return_documents"] is False
    results = ranked(asked.body["documents"], "relevance_score")
    return Reply({"results": results, "usage": {"total_tokens": 9}})


def cohere(version: str) -> Callable[[Asked], Reply]:
    def script(asked: Asked) -> Reply:
        if asked.path != f"/{version}/rerank":
            return NOT_THERE
        if "return_documents" in asked.body:
            return Reply({"message": "unknown field: parameter 'return_documents' is not a valid field"}, 400)
        results = ranked(asked.body["documents"], "relevance_score")
        return Reply({"id": "1", "results": results, "meta": {"billed_units": {"search_units": 1}}})

    return script


MAKES: list[tuple[Any, str, dict[str, Any]]] = [
    (vllm, "", {}),
    (vllm, "", {"form": "vllm"}),
    (tei, "", {}),
    (tei, "", {"form": "tei"}),
    (tei, "/rerank", {"form": "tei"}),
    (jina, "", {}),
    (jina, "/v1", {"form": "jina"}),
    (jina, "/v1/rerank", {}),
    (cohere("v1"), "", {"model": "rerank-3"}),
    (cohere("v2"), "/v2", {"model": "rerank-3"}),
    (cohere("v2"), "/v2/rerank", {"model": "rerank-3", "form": "cohere"}),
]


@pytest.mark.parametrize(("script", "path", "settings"), MAKES)
async def test_texts_are_scored_in_their_order_by_every_make(
    script: Any, path: str, settings: dict[str, Any]
) -> None:
    async with scoring(script, path, **settings) as (scorer, server):
        for _ in range(2):
            scores = await scorer.score("q", TEXTS)
            assert scores.values == (2.0, 1.0, 3.0)
            assert scores.usage.calls == 1
            assert scores.usage.prompt_tokens > 0
        asked = len(server.asked)
        await scorer.score("q", TEXTS)
        assert len(server.asked) == asked + 1, "its form is known"


async def test_a_server_that_names_no_model_is_known_by_what_it_serves() -> None:
    async with scoring(tei) as (scorer, _):
        assert await scorer.resolved_name() == "BAAI/bge-reranker"
    async with scoring(cohere("v1")) as (scorer, server):
        assert await scorer.resolved_name() == server.url


async def test_many_parts_find_the_form_together() -> None:
    async with scoring(tei) as (scorer, server):
        texts = [f"t {number}" for number in range(300)]
        assert (await scorer.score("q", texts)).values == tuple(map(float, range(300)))
        assert len([each for each in server.of("/rerank") if "documents" in each.body]) == 1


BROKEN = [
    [{"index": 0, "score": 1.0}, {"index": 1, "score": 1.0}],
    [{"index": 0, "score": 1.0}, {"index": 0, "score": 1.0}, {"index": 1, "score": 1.0}],
    [{"index": 0, "score": 1.0}, {"index": 1, "score": 1.0}, {"index": 3, "score": 1.0}],
    [{"index": n, "score": 1.0} for n in (0, 1, 2, 2)],
    [{"index": n, "score": "high"} for n in range(3)],
    [{"index": n, "score": None} for n in range(3)],
    [{"index": str(n), "score": 1.0} for n in range(3)],
    [{"score": 1.0}] * 3,
    [],
    ["x", "y", "z"],
]


@pytest.mark.quick(every=6)
@pytest.mark.parametrize("results", BROKEN)
@pytest.mark.parametrize("field", ["data", "results", None])
async def test_scores_of_other_texts_are_one_clear_error(results: list[Any], field: str | None) -> None:
    def script(asked: Asked) -> Reply:
        if asked.path == "/v1/models":
            return MODELS
        return Reply(results if field is None else {field: results})

    async with scoring(script) as (scorer, _):
        with pytest.raises(ModelError, match=r"scored other texts than .* was given: of 3"):
            await scorer.score("q", TEXTS)


async def test_what_another_form_would_not_mend_is_an_error_at_once() -> None:
    for reply, error in (
        (Reply({"detail": "no"}, 401), ModelKeyRefused),
        (openai_says("maximum context length is 10"), ContextTooLong),
    ):

        def script(asked: Asked, reply: Reply = reply) -> Reply:
            return MODELS if asked.path == "/v1/models" else reply

        async with scoring(script) as (scorer, server):
            with pytest.raises(error):
                await scorer.score("q", TEXTS)
            assert len(server.asked) == 2


async def test_a_server_that_does_not_score_is_named() -> None:
    async with scoring(lambda asked: MODELS if asked.path == "/v1/models" else NOT_THERE) as (scorer, server):
        with pytest.raises(ModelError) as raised:
            await scorer.score("q", TEXTS)
        assert server.url in raised.value.message
        assert "score_url" in raised.value.hint
