"""Servers of another make, servers that are full, and servers that are only half well."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from connectors.vllm import Scorer, Servers, VllmEmbedder, VllmModel, addresses
from connectors.vllm.circuit import FAILURES, FIRST_PAUSE, Circuit
from orchestrator.errors import ModelError, ModelOverloaded, ModelUnreachable, NoLogProbabilities
from orchestrator.ports import GenerationRequest
from orchestrator.testing.clock import ManualClock
from orchestrator.types import Message
from tests.connectors.vllm.faults import openai_says, pydantic_says
from tests.connectors.vllm.test_protocol import PROMPT, asking
from tests.services.scripted import Asked, Reply, chunk, completion, scripted, serving, step

CHAT = "/v1/chat/completions"


async def test_a_server_without_a_path_for_scores_is_not_taken_for_ill() -> None:
    def script(asked: Asked) -> Reply:
        if asked.path == "/v1/models":
            return Reply({"data": [{"id": "m"}]})
        if asked.path == "/rerank":
            size = len(asked.body["documents"])
            return Reply({"results": [{"index": n, "relevance_score": n} for n in range(size)]})
        return Reply({"detail": "Not Found"}, 404)

    async with scripted(script) as server:
        scorer = Scorer(Servers(addresses(server.url), setting="score"))
        scores = await scorer.score("q", [str(number) for number in range(500)])
        assert len(scores.values) == 500
        assert len(server.of("/v1/models")) == 1, "nobody had to look whether it is well"
        await scorer.close()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
async def test_scores_that_are_no_numbers_are_an_error(value: float) -> None:
    def script(asked: Asked) -> Reply:
        if asked.path == "/v1/models":
            return Reply({"data": [{"id": "m"}]})
        return Reply({"data": [{"index": n, "score": value} for n in range(len(asked.body["text_2"]))]})

    async with scripted(script) as server:
        scorer = Scorer(Servers(addresses(server.url), setting="score"))
        with pytest.raises(ModelError, match="no numbers"):
            await scorer.score("q", ["a", "b"])
        await scorer.close()


@pytest.mark.slow
async def test_a_server_that_refuses_at_once_does_not_draw_the_requests_to_itself() -> None:
    """It is the least loaded one: all that it is given is over at once."""
    busy = Reply({"error": "busy"}, 429, {"Retry-After": "5"})
    slow = Reply(completion("two"), seconds=0.05)
    async with scripted(serving(lambda _: busy)) as full, scripted(serving(lambda _: slow)) as free:
        model = VllmModel(Servers(addresses([full.url, free.url])), "m")
        async with asyncio.timeout(10):
            for _ in range(10):
                said = await asyncio.gather(*(model.generate(GenerationRequest(PROMPT)) for _ in range(8)))
                assert {each.text for each in said} == {"two"}
        assert len(full.of(CHAT)) <= 8, "those that were under way when it refused first"
        await model.close()


async def test_who_asks_to_be_left_alone_for_long_is_not_asked_again_too_soon() -> None:
    busy = Reply({"error": "busy"}, 429, {"Retry-After": "120"})
    async with asking(serving(lambda _: busy)) as (model, server):
        async with asyncio.timeout(3):
            with pytest.raises(ModelOverloaded) as raised:
                await model.generate(GenerationRequest(PROMPT))
        assert raised.value.retry_after == 120
        assert len(server.of(CHAT)) == 1


def test_a_server_whose_health_is_fine_and_that_fails_again_is_left_alone_longer() -> None:
    clock = ManualClock()
    circuit = Circuit(clock.monotonic)
    for _ in range(FAILURES):
        circuit.failure("no")
    pauses: list[float] = []
    for _ in range(4):
        pauses.append(circuit.wait)
        clock.advance(circuit.wait)
        circuit.trying = True
        circuit.looks_well()
        circuit.trying = False
        assert circuit.closed
        circuit.failure("still no")
        assert not circuit.closed, "it has not answered a request yet"
    assert pauses[-1] > 4 * FIRST_PAUSE
    clock.advance(circuit.wait)
    circuit.looks_well()
    circuit.success()
    circuit.failure("once")
    assert circuit.closed


async def test_a_tokenizer_of_another_make_is_done_without() -> None:
    """llama.cpp has the path, takes other fields, and answers an empty list: it is not asked."""
    likeliest = step(("A", -0.1), ("B", -2.5))

    cases: list[tuple[str, Any, int]] = [
        ("llamacpp", {"tokens": []}, 0),
        ("vllm", {"tokens": []}, 1),
        ("vllm", {"tokenized": [1]}, 1),
        ("vllm", {"tokens": None}, 1),
    ]
    for maker, answer, asked_for in cases:

        def script(asked: Asked, answer: Any = answer, maker: str = maker) -> Any:
            if asked.path == "/v1/models":
                return Reply({"data": [{"id": "m", "owned_by": maker}]})
            if asked.path == "/tokenize":
                return Reply(answer)
            return serving(lambda _: Reply(completion("A", logprobs=likeliest)))(asked)

        async with asking(script) as (model, server):
            chosen = await model.choose(PROMPT, ["the first", "the second"])
            assert chosen.values[0] > 0.9
            await asyncio.gather(*(model.choose(PROMPT, ["the first", f"the {n}th"]) for n in range(5)))
            assert len(server.of("/tokenize")) == asked_for


async def test_labels_are_looked_up_anew_for_another_model() -> None:
    """What is one token for one model is another token, or none, for the next."""
    tokens = {"old": {"yes": [1, 7], "no": [1, 8]}, "new": {"yes": [1, 17], "no": [1, 18]}}
    now = "old"

    def script(asked: Asked) -> Reply:
        if asked.path == "/v1/models":
            return Reply({"data": [{"id": now, "owned_by": "vllm"}]})
        if asked.body["model"] != now:
            return Reply({"error": {"message": f"The model `{asked.body['model']}` does not exist."}}, 404)
        if asked.path == "/tokenize":
            last = asked.body["messages"][-1]
            said = tokens[now].get(last["content"], [1, 90, 91])
            return Reply({"tokens": said if last["role"] == "assistant" else [1]})
        ids = asked.body["logprob_token_ids"]
        first, second = (f"token_id:{one}" for one in ids)
        return Reply(completion("yes", logprobs=step((first, -0.1), (second, -3.0))))

    async with asking(script) as (model, server):
        await model.choose(PROMPT, ["yes", "no"])
        now = "new"
        with pytest.raises(ModelError):
            await model.choose(PROMPT, ["yes", "no"])
        await model.choose(PROMPT, ["yes", "no"])
        assert server.of(CHAT)[-1].body["logprob_token_ids"] == [17, 18]


async def test_a_stream_that_breaks_is_told_from_a_server_that_is_not_there() -> None:
    cut = Reply(pieces=[chunk("half")], cut=True)
    async with asking(serving(lambda _: cut)) as (model, _):
        with pytest.raises(ModelUnreachable, match="broke off"):
            await model.generate(GenerationRequest(PROMPT), on_text=lambda _: None)


@pytest.mark.slow
async def test_ten_thousand_who_wait_can_all_leave() -> None:
    never = Reply({}, seconds=3600)
    async with asking(serving(lambda _: never)) as (model, server):
        model._servers.all[0].limit._limit = 2.0
        asked = [asyncio.ensure_future(model.generate(GenerationRequest(PROMPT))) for _ in range(10_000)]
        while len(server.of(CHAT)) < 2:  # noqa: ASYNC110  # the server cannot tell
            await asyncio.sleep(0.01)
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        assert not model._servers._waiting
        assert model._servers.all[0].limit.active == 0
        server.script = serving(lambda _: Reply(completion("free")))
        assert (await model.generate(GenerationRequest([Message("user", "And now?")]))).text == "free"


async def test_an_embedding_server_that_takes_fewer_fields_is_asked_with_those() -> None:
    def script(asked: Asked) -> Reply:
        if asked.path == "/v1/models":
            return Reply({"data": [{"id": "m", "owned_by": "vllm"}]})
        for name in ("encoding_format", "truncate_prompt_tokens"):
            if name in asked.body:
                return pydantic_says(name)
        return Reply({"data": [{"index": n, "embedding": [3, 4]} for n, _ in enumerate(asked.body["input"])]})

    async with scripted(script) as server:
        embedder = VllmEmbedder(Servers(addresses(server.url), setting="embed"))
        for _ in range(2):
            vectors = await embedder.embed(["a", "b"])
            assert vectors.tolist() == [[pytest.approx(0.6), pytest.approx(0.8)]] * 2
        assert len(server.of("/v1/embeddings")) == 4
        await embedder.close()


async def test_a_server_without_log_probabilities_is_named_in_the_log_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    refused = openai_says("logprobs are not supported with this model.", "logprobs")
    async with asking(serving(lambda _: refused)) as (model, _):
        asked = [model.choose(PROMPT, ["by boat", f"by train {number}"]) for number in range(8)]
        raised = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(each, NoLogProbabilities) for each in raised)
    warned = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert len([each for each in warned if "no log-probabilities" in each]) == 1
    assert not any("vllm" in each.lower() or "token" in each for each in warned)
