"""Log-probabilities of a text's tokens are placed in the text, or done without where a server has none."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import BaseModel

from connectors.sql import SqlCache, open_database
from orchestrator import Answer, Budget, Question, node, workflow
from orchestrator.errors import NoLogProbabilities
from orchestrator.models.cached import CachedModel
from orchestrator.models.recorded import RecordedModel
from orchestrator.ports import GenerationRequest, LanguageModel
from orchestrator.types import ANONYMOUS, Message
from tests.connectors.vllm.test_protocol import asking
from tests.services.scripted import Asked, Reply, chunk, completion, serving

CHAT = "/v1/chat/completions"
PROMPT = (Message("user", "Grade it."),)
ASKING = GenerationRequest(PROMPT, alternatives=30)


class Grades(BaseModel):
    first: int


def listed(*tokens: str | tuple[str, dict[str, float]]) -> dict[str, Any]:
    """The `logprobs` of tokens; of a pair, the second are probabilities of what might stand there."""
    content: list[dict[str, Any]] = []
    for each in tokens:
        token, likely = (each, {each: 1.0}) if isinstance(each, str) else each
        top = [{"token": name, "logprob": math.log(share), "bytes": None} for name, share in likely.items()]
        content.append(
            {"token": token, "logprob": math.log(likely[token]), "bytes": None, "top_logprobs": top}
        )
    return {"content": content, "refusal": None}


FIVE = ("5", {"5": 0.75, "7": 0.25})


async def test_each_token_has_its_place_and_what_might_stand_there() -> None:
    reply = completion('{"first": 5}', logprobs=listed('{"', "first", '": ', FIVE, "}", "<|im_end|>"))
    async with asking(serving(lambda _: Reply(reply))) as (model, server):
        made = await model.generate(GenerationRequest(PROMPT, schema=Grades, alternatives=30))
        asked = server.of(CHAT)[0].body
    assert (asked["logprobs"], asked["top_logprobs"]) == (True, 20)
    assert [token.text for token in made.tokens] == ['{"', "first", '": ', "5", "}"]
    five = made.tokens[3]
    assert made.text[five.start :].startswith("5")
    assert five.likeliest == pytest.approx({"5": math.log(0.75), "7": math.log(0.25)})
    assert isinstance(made.parsed, Grades)


async def test_who_asks_for_none_is_given_none() -> None:
    reply = completion("5", logprobs=listed(FIVE))
    async with asking(serving(lambda _: Reply(reply))) as (model, server):
        await model.generate(GenerationRequest(PROMPT))
        assert "logprobs" not in server.of(CHAT)[0].body


async def test_thoughts_are_no_tokens_of_the_text() -> None:
    reply = completion("<think>5? 7?</think>5", logprobs=listed("<think>", "5? 7?", "</think>", FIVE))
    async with asking(serving(lambda _: Reply(reply))) as (model, _):
        made = await model.generate(ASKING)
    assert made.text == "5"
    assert [(token.start, token.text) for token in made.tokens] == [(0, "5")]


async def test_those_of_a_stream_are_placed_as_well() -> None:
    def piece(text: str, *tokens: Any) -> dict[str, Any]:
        made = chunk(text)
        made["choices"][0]["logprobs"] = listed(*tokens)
        return made

    pieces = [piece("It ", "It", " "), piece("is 5", "is ", FIVE), chunk(None, "stop"), "[DONE]"]
    async with asking(serving(lambda _: Reply(pieces=pieces))) as (model, _):
        made = await model.generate(ASKING, on_text=lambda _: None)
    assert [(token.start, token.text) for token in made.tokens] == [(0, "It"), (2, " "), (3, "is "), (6, "5")]


@pytest.mark.parametrize(
    "told",
    [
        None,
        {},
        {"content": None},
        {"content": []},
        {"content": "5"},
        {"content": [None, 3]},
        {"content": [{"token": None, "logprob": None}]},
        {"content": [{"token": "7", "logprob": -0.1, "top_logprobs": []}]},
        {"content": [{"token": "\ufffd", "logprob": -0.1}, {"token": "\ufffd", "logprob": -0.1}]},
        {"tokens": ["5"], "token_logprobs": [-0.1], "top_logprobs": [{"5": -0.1}]},
        [],
        "none",
    ],
)
async def test_what_is_no_list_of_the_texts_tokens_is_done_without(told: Any) -> None:
    async with asking(serving(lambda _: Reply(completion("5", logprobs=told)))) as (model, _):
        made = await model.generate(ASKING)
    assert (made.text, made.tokens) == ("5", ())


async def test_odd_numbers_are_the_least_likely() -> None:
    step = {"token": "5", "logprob": float("-inf"), "top_logprobs": [{"token": "7", "logprob": "high"}]}
    reply = Reply(completion("5", logprobs={"content": [step]}))
    async with asking(serving(lambda _: reply)) as (model, _):
        (token,) = (await model.generate(ASKING)).tokens
    assert math.exp(token.likeliest["5"]) == math.exp(token.likeliest["7"]) == 0


def refusing(asked: Asked) -> Reply:
    """A server that takes no log-probabilities beside a schema."""
    if "logprobs" in asked.body and "response_format" in asked.body:
        return Reply({"error": {"message": "logprobs is not supported with response_format"}}, 400)
    return Reply(completion('{"first": 5}', logprobs=listed(FIVE) if "logprobs" in asked.body else None))


async def test_a_server_that_refuses_them_beside_a_text_is_asked_without() -> None:
    async with asking(serving(refusing)) as (model, server):
        for _ in range(2):
            made = await model.generate(GenerationRequest(PROMPT, schema=Grades, alternatives=20))
            assert isinstance(made.parsed, Grades)
            assert made.tokens == ()
        assert ["logprobs" in each.body for each in server.of(CHAT)] == [True, False, False]
        assert [told for _, told in model.negotiated] == ["texts come without log-probabilities"]
        # For a choice it gives them still.
        assert (await model.choose(PROMPT, ["5", "7"])).values == pytest.approx((0.75, 0.25))


async def test_a_server_that_has_none_for_choices_is_asked_for_none_beside_a_text() -> None:
    def script(asked: Asked) -> Reply:
        if "logprobs" in asked.body:
            return Reply({"error": {"message": "Unknown field: logprobs", "param": "logprobs"}}, 400)
        return Reply(completion("5"))

    async with asking(serving(script)) as (model, server):
        with pytest.raises(NoLogProbabilities):
            await model.choose(PROMPT, ["5", "7"])
        before = len(server.of(CHAT))
        assert (await model.generate(ASKING)).text == "5"
        assert len(server.of(CHAT)) == before + 1


async def test_fewer_are_asked_for_where_a_server_lists_fewer() -> None:
    def script(asked: Asked) -> Reply:
        if asked.body.get("top_logprobs", 0) > 5:
            told = "top_logprobs must be less than or equal to 5"
            return Reply({"error": {"message": told, "param": "top_logprobs"}}, 400)
        return Reply(completion("5", logprobs=listed(FIVE)))

    async with asking(serving(script)) as (model, server):
        assert (await model.generate(ASKING)).tokens
        assert [each.body["top_logprobs"] for each in server.of(CHAT)] == [20, 5]


# -- kept answers ----------------------------------------------------------------------------------


async def test_they_are_recorded_and_replayed(tmp_path: Any) -> None:
    path = tmp_path / "answers.jsonl"
    async with asking(serving(lambda _: Reply(completion("5", logprobs=listed(FIVE))))) as (model, server):
        made = await RecordedModel(path, model).generate(ASKING)
        assert made.tokens
        assert await RecordedModel(path, model).generate(ASKING) == made
        assert len(server.of(CHAT)) == 1
    assert await RecordedModel(path).generate(ASKING) == made


async def test_a_recording_without_them_replays_its_texts(tmp_path: Any) -> None:
    path = tmp_path / "answers.jsonl"
    async with asking(serving(lambda _: Reply(completion("5", logprobs=listed(FIVE))))) as (model, _):
        await RecordedModel(path, model).generate(GenerationRequest(PROMPT))
    made = await RecordedModel(path).generate(ASKING)
    assert (made.text, made.tokens) == ("5", ())


async def test_they_are_kept_in_a_cache_apart_from_texts_without(tmp_path: Any) -> None:
    async with asking(serving(lambda _: Reply(completion("5", logprobs=listed(FIVE))))) as (model, server):
        cached = CachedModel(model, SqlCache(open_database(tmp_path / "cache.db")))
        assert (await cached.generate(GenerationRequest(PROMPT))).tokens == ()
        first, again = await cached.generate(ASKING), await cached.generate(ASKING)
        assert first.tokens == again.tokens != ()
        assert len(server.of(CHAT)) == 2


async def test_they_count_on_a_budget_as_the_text_does() -> None:
    @node
    async def ask(question: Question, model: LanguageModel) -> Answer:
        made = await model.generate(GenerationRequest(PROMPT, max_tokens=40, alternatives=20))
        return Answer(f"{made.text}, {len(made.tokens)} token")

    async with asking(serving(lambda _: Reply(completion("5", logprobs=listed(FIVE))))) as (model, server):
        flow = workflow("w", ask)
        result = await flow.run(
            Question("?", ANONYMOUS), ports={LanguageModel: model}, budget=Budget(calls=1, tokens=1000)
        )
    assert result.output.text == "5, 1 token"
    assert result.usage.calls == 1
    assert server.of(CHAT)[0].body["max_tokens"] == 40
