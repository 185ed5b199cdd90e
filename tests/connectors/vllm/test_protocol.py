"""What servers do that are ill, busy, or of another make."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import BaseModel

from connectors.vllm import Scorer, Servers, VllmModel, addresses
from connectors.vllm.served import Served
from orchestrator.errors import (
    ContextTooLong,
    InvalidOutput,
    ModelError,
    ModelKeyRefused,
    ModelOverloaded,
    ModelTimeout,
    ModelUnreachable,
    NoLogProbabilities,
    UnknownModel,
)
from orchestrator.ports import GenerationRequest
from orchestrator.types import Message
from tests.services.scripted import Asked, Reply, Scripted, chunk, completion, scripted, serving, step

PROMPT = (Message("user", "Is it so?"),)


class Feedback(BaseModel):
    so: bool


@asynccontextmanager
async def asking(
    script: Callable[[Asked], Any], **settings: Any
) -> AsyncGenerator[tuple[VllmModel, Scripted]]:
    async with scripted(script) as server:
        model = VllmModel(Servers(addresses(server.url), key="k", **settings))
        yield model, server
        await model.close()


def sequence(*replies: Reply) -> Callable[[Asked], Reply]:
    """Replies in order; the last one for ever."""
    left = list(replies)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


@pytest.mark.parametrize(
    ("reply", "error", "told"),
    [
        (Reply({"error": "Unauthorized"}, 401), ModelKeyRefused, "llm_api_key"),
        (Reply({"detail": "Not Found"}, 404), ModelUnreachable, "llm_url"),
        (
            Reply({"error": {"message": "The model `m` does not exist.", "code": 404}}, 404),
            UnknownModel,
            "llm_model",
        ),
        (Reply("<html>It works!</html>"), ModelUnreachable, "no JSON object"),
        (
            Reply({"error": {"message": "maximum context length is 10 tokens", "code": 400}}, 400),
            ContextTooLong,
            "10 tokens",
        ),
        (Reply({"error": {"message": "bad", "code": "insufficient_quota"}}, 429), ModelOverloaded, "bad"),
        (Reply({"object": "error", "message": "odd", "code": 422}, 422), ModelError, "odd"),
        (Reply({"choices": []}), ModelError, "without a choice"),
    ],
)
async def test_an_answer_that_will_not_change_is_asked_for_once(
    reply: Reply, error: type[ModelError], told: str
) -> None:
    async with asking(serving(lambda _: reply)) as (model, server):
        with pytest.raises(error, match=told) as raised:
            await model.generate(GenerationRequest(PROMPT))
        assert server.url in str(raised.value)
        assert raised.value.hint
        assert len(server.of("/v1/chat/completions")) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "reply",
    [
        Reply({"error": "busy"}, 503, {"Retry-After": "0"}),
        Reply({"error": {"message": "slow down"}}, 429),
        Reply("upstream", 502),
        Reply(cut=True),
    ],
)
async def test_an_answer_that_may_change_is_asked_for_again(reply: Reply) -> None:
    async with asking(serving(sequence(reply, reply, Reply(completion("good"))))) as (model, server):
        assert (await model.generate(GenerationRequest(PROMPT))).text == "good"
        assert len(server.of("/v1/chat/completions")) == 3


@pytest.mark.slow
async def test_a_server_that_stays_busy_is_an_error_that_may_pass() -> None:
    busy = Reply({"error": "busy"}, 503, {"Retry-After": "0"})
    async with asking(serving(lambda _: busy), attempts=3) as (model, server):
        with pytest.raises(ModelOverloaded, match="busy") as raised:
            await model.generate(GenerationRequest(PROMPT))
        assert raised.value.retryable
        assert len(server.of("/v1/chat/completions")) == 3


@pytest.mark.slow
async def test_the_pause_that_a_server_asks_for_is_kept() -> None:
    loop, times = asyncio.get_running_loop(), list[float]()

    def chat(_: Asked) -> Reply:
        times.append(loop.time())
        return Reply({}, 503, {"Retry-After": "1"}) if len(times) == 1 else Reply(completion())

    async with asking(serving(chat)) as (model, _):
        await model.generate(GenerationRequest(PROMPT))
    assert times[1] - times[0] >= 1.0


async def test_a_stream_that_breaks_after_its_first_word_is_not_asked_for_again() -> None:
    said: list[str] = []
    async with asking(serving(lambda _: Reply(pieces=[chunk("a"), chunk("b")], cut=True))) as (model, server):
        with pytest.raises(ModelUnreachable):
            await model.generate(GenerationRequest(PROMPT), on_text=said.append)
        assert said == ["a", "b"]
        assert len(server.of("/v1/chat/completions")) == 1


async def test_a_stream_that_breaks_before_its_first_word_is() -> None:
    said: list[str] = []
    broken = Reply(pieces=[chunk()], cut=True)
    good = Reply(pieces=[chunk("a"), chunk(finish="stop"), "[DONE]"])
    async with asking(serving(sequence(broken, good))) as (model, server):
        assert (await model.generate(GenerationRequest(PROMPT), on_text=said.append)).text == "a"
        assert said == ["a"]
        assert len(server.of("/v1/chat/completions")) == 2


async def test_a_stream_that_ends_without_saying_so_was_broken_off() -> None:
    async with asking(serving(lambda _: Reply(pieces=[chunk("half a sent")]))) as (model, _):
        with pytest.raises(ModelUnreachable, match="broke off"):
            await model.generate(GenerationRequest(PROMPT), on_text=lambda _: None)


async def test_an_error_in_the_middle_of_a_stream_is_one() -> None:
    pieces = [chunk("a"), {"error": {"message": "out of memory", "code": 500}}]
    async with asking(serving(lambda _: Reply(pieces=pieces))) as (model, _):
        with pytest.raises(ModelError, match="out of memory"):
            await model.generate(GenerationRequest(PROMPT), on_text=lambda _: None)


async def test_a_server_that_is_too_slow_is_given_up_and_not_asked_again() -> None:
    slow = Reply(completion(), seconds=30)
    async with asking(serving(lambda _: slow), timeout=0.2) as (model, server):
        with pytest.raises(ModelTimeout, match="llm_timeout"):
            await model.generate(GenerationRequest(PROMPT))
        await asyncio.sleep(0.05)
        assert server.active == 0
        assert len(server.of("/v1/chat/completions")) == 1


async def test_a_cancelled_call_leaves_no_request() -> None:
    async with asking(serving(lambda _: Reply(completion(), seconds=30))) as (model, server):
        calls = [asyncio.create_task(model.generate(GenerationRequest(PROMPT))) for _ in range(20)]
        while server.active < 20:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await asyncio.sleep(0.05)
        assert server.active == 0


@pytest.mark.parametrize(
    "wrong",
    [
        Reply(completion("not JSON")),
        Reply(completion('{"so": "perhaps"}')),
        Reply(completion('{"so":' + " " * 400, finish="length")),
        Reply(completion("[" * 3000)),
    ],
)
async def test_output_that_does_not_fit_is_asked_for_again_and_then_an_error(wrong: Reply) -> None:
    async with asking(serving(sequence(wrong, Reply(completion('Here: {"so": true}.'))))) as (model, server):
        generation = await model.generate(GenerationRequest(PROMPT, schema=Feedback))
        assert generation.parsed == Feedback(so=True)
        assert generation.usage.calls == 2
        first, second = (each.body for each in server.of("/v1/chat/completions"))
        # The same again would give the same again.
        assert first["temperature"] == 0.0 < second["temperature"]
        assert first["response_format"]["type"] == "json_schema"
    async with asking(serving(lambda _: wrong)) as (model, server):
        with pytest.raises(InvalidOutput, match="Feedback"):
            await model.generate(GenerationRequest(PROMPT, schema=Feedback))
        assert len(server.of("/v1/chat/completions")) == 3


async def test_a_server_that_lists_the_likeliest_tokens_gives_bounds_for_the_others() -> None:
    listed = step((" A", math.log(0.4)), ("A", math.log(0.1)), ("C", math.log(0.25)), ("x", math.log(0.01)))
    async with asking(serving(lambda _: Reply(completion(logprobs=listed)))) as (model, server):
        chosen = await model.choose(PROMPT, ["A", "B", "C"])
        assert chosen.values == pytest.approx((0.5 / 0.76, 0.01 / 0.76, 0.25 / 0.76))
        (asked,) = server.of("/v1/chat/completions")
        assert asked.body["top_logprobs"] == 20
        assert "logprob_token_ids" not in asked.body


async def test_if_no_option_is_listed_the_model_picks_one() -> None:
    def chat(asked: Asked) -> Reply:
        if "response_format" in asked.body:
            return Reply(completion('{"label": "B"}'))
        return Reply(completion(logprobs=step(("The", -0.1))))

    async with asking(serving(chat)) as (model, _):
        chosen = await model.choose(PROMPT, ["by boat", "by train"])
        assert chosen.values == (0.0, 1.0)
        assert chosen.usage.calls == 2


async def test_a_server_without_log_probabilities_is_named() -> None:
    async with asking(serving(lambda _: Reply(completion()))) as (model, server):
        with pytest.raises(NoLogProbabilities, match=server.url):
            await model.choose(PROMPT, ["yes", "no"])


async def test_a_scoring_server_that_only_reranks_is_asked_to() -> None:
    def script(asked: Asked) -> Reply:
        if asked.path == "/v1/models":
            return Reply({"data": [{"id": "cross"}]})
        if asked.path == "/rerank":
            size = len(asked.body["documents"])
            results = [{"index": n, "relevance_score": n / 10} for n in reversed(range(size))]
            return Reply({"results": results, "usage": {"total_tokens": 4}})
        return Reply({"detail": "Not Found"}, 404)

    async with scripted(script) as server:
        scorer = Scorer(Servers(addresses(server.url)))
        scores = await scorer.score("q", [str(number) for number in range(70)])
        assert scores.values[:3] == (0.0, 0.1, 0.2)
        assert scores.values[64:66] == (0.0, 0.1)
        assert scores.usage.calls == 2
        await scorer.close()


async def test_requests_go_to_the_least_loaded_server() -> None:
    slow, fast = Reply(completion(), seconds=0.2), Reply(completion(), seconds=0.02)
    async with scripted(serving(lambda _: slow)) as one, scripted(serving(lambda _: fast)) as two:
        model = VllmModel(Servers(addresses([one.url, two.url])), "m")
        limit = asyncio.Semaphore(8)

        async def ask() -> None:
            async with limit:
                await model.generate(GenerationRequest(PROMPT))

        await asyncio.gather(*(ask() for _ in range(60)))
        assert len(two.of("/v1/chat/completions")) > 2 * len(one.of("/v1/chat/completions")) > 0
        await model.close()


@pytest.mark.slow
async def test_a_server_that_dies_is_left_alone_and_taken_back_when_it_is_well() -> None:
    ill = True
    cut = Reply(cut=True)

    def chat(_: Asked) -> Reply:
        return cut if ill else Reply(completion("one"))

    def script(asked: Asked) -> Any:
        return cut if ill and asked.path == "/v1/models" else serving(chat)(asked)

    async with scripted(script) as one, scripted(serving(lambda _: Reply(completion("two")))) as two:
        model = VllmModel(Servers(addresses([one.url, two.url])), "m")
        for _ in range(20):
            assert (await model.generate(GenerationRequest(PROMPT))).text == "two"
        assert len(one.of("/v1/chat/completions")) <= 3
        ill = False
        said: set[str] = set()
        async with asyncio.timeout(10):
            while "one" not in said:
                await asyncio.sleep(0.05)
                said |= {each.text for each in [await model.generate(GenerationRequest(PROMPT))]}
        await model.close()


@pytest.mark.slow
async def test_nobody_waits_for_the_health_of_a_server_while_another_is_well() -> None:
    """The ill one takes for ever to say anything."""
    hung = Reply({}, seconds=60)

    def script(asked: Asked) -> Any:
        return hung if asked.path == "/v1/models" else Reply(cut=True)

    async with scripted(script) as ill, scripted(serving(lambda _: Reply(completion("two")))) as well:
        model = VllmModel(Servers(addresses([ill.url, well.url])), "m")
        # Which server is asked what is served is chance: take the one that answers.
        model._serving._found = Served("m", vllm=False)
        for _ in range(8):
            await model.generate(GenerationRequest(PROMPT))
        await asyncio.sleep(0.8)
        async with asyncio.timeout(2):
            assert (await model.generate(GenerationRequest(PROMPT))).text == "two"
        assert ill.of("/v1/models")
        await model.close()


async def test_a_server_that_is_started_anew_with_another_model_is_asked_what_it_has() -> None:
    names = ["old"]

    def script(asked: Asked) -> Any:
        if asked.path == "/v1/models":
            return Reply({"data": [{"id": names[0]}]})
        if asked.body["model"] != names[0]:
            return Reply({"error": {"message": f"no model {asked.body['model']}", "code": 404}}, 404)
        return Reply(completion(asked.body["model"]))

    async with asking(script) as (model, _):
        assert (await model.generate(GenerationRequest(PROMPT))).text == "old"
        names[0] = "new"
        with pytest.raises(UnknownModel):
            await model.generate(GenerationRequest(PROMPT))
        assert (await model.generate(GenerationRequest(PROMPT))).text == "new"


async def test_options_of_the_settings_are_on_every_chat_request() -> None:
    async with scripted(
        serving(lambda _: Reply(completion(logprobs=step(("yes", -0.1), ("no", -2)))))
    ) as server:
        told = {"chat_template_kwargs": {"enable_thinking": False}}
        model = VllmModel(Servers(addresses(server.url)), options=told)
        await model.generate(GenerationRequest(PROMPT))
        await model.choose(PROMPT, ["yes", "no"])
        assert [each.body["chat_template_kwargs"] for each in server.of("/v1/chat/completions")] == [
            told["chat_template_kwargs"]
        ] * 2
        await model.close()


@pytest.mark.slow
async def test_requests_never_exceed_what_the_server_takes() -> None:
    """A server that refuses more than four at once is soon given hardly more."""
    active = 0

    async def chat(_: Asked) -> Reply:
        nonlocal active
        if active >= 4:
            return Reply({}, 503, {"Retry-After": "0"})
        active += 1
        try:
            await asyncio.sleep(0.02)
            return Reply(completion())
        finally:
            active -= 1

    async with asking(serving(chat), attempts=30) as (model, server):
        await asyncio.gather(*(model.generate(GenerationRequest(PROMPT)) for _ in range(100)))
        before = len(server.of("/v1/chat/completions"))
        await asyncio.gather(*(model.generate(GenerationRequest(PROMPT)) for _ in range(100)))
        refused = len(server.of("/v1/chat/completions")) - before - 100
        assert refused < 60


@pytest.mark.parametrize("written", ["", "localhost:8000", "ftp://h", "http://", "http://user:secret@h"])
def test_what_is_no_address_is_refused_without_repeating_a_password(written: str) -> None:
    from orchestrator.errors import SettingsError

    with pytest.raises(SettingsError, match="llm_url") as raised:
        addresses(written)
    assert "secret" not in str(raised.value)
