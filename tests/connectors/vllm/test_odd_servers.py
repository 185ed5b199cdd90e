"""Further habits of servers: forms of replies and streams, refusals, and errors, none of which is misread."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

from orchestrator.errors import (
    ContextTooLong,
    ModelError,
    ModelKeyRefused,
    ModelOverloaded,
    ModelUnreachable,
    UnknownModel,
)
from orchestrator.ports import Finish, GenerationRequest
from orchestrator.types import Message, Usage
from tests.connectors.vllm.faults import (
    fussy,
    gemini_says,
    has,
    llamacpp_says,
    openai_says,
    pydantic_says,
    schema,
    system,
    tgi_says,
)
from tests.connectors.vllm.test_protocol import asking
from tests.services.scripted import Asked, Reply, chunk, completion, serving

CHAT = "/v1/chat/completions"
PROMPT = (Message("user", "Is it so?"),)
TOLD = (Message("system", "You are brief."), *PROMPT)


class Verdict(BaseModel):
    so: bool


def message(finish: Any = "stop", **fields: Any) -> dict[str, Any]:
    made = completion()
    made["choices"][0] |= {"message": {"role": "assistant", **fields}, "finish_reason": finish}
    return made


def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


#: What a server answers, what it says, why it ended, and what was thought.
WHOLE: dict[str, tuple[Any, str, Finish, str]] = {
    "one part, not in a list": (message(content={"type": "text", "text": "Yes."}), "Yes.", "stop", ""),
    "parts of the Responses API": (
        message(content=[{"type": "output_text", "text": "Yes.", "annotations": []}]),
        "Yes.",
        "stop",
        "",
    ),
    "a part without a type": (message(content=[{"text": "Yes."}]), "Yes.", "stop", ""),
    "a part with its text in an object": (
        message(content=[{"type": "text", "text": {"value": "Yes.", "annotations": []}}]),
        "Yes.",
        "stop",
        "",
    ),
    "a number as content": (message(content=8), "8", "stop", ""),
    "an object as content": (message(content={"so": True}), '{"so": true}', "stop", ""),
    "thoughts in both fields": (
        message(content="Yes.", reasoning="Hm.", reasoning_content="Hm."),
        "Yes.",
        "stop",
        "Hm.",
    ),
    "thoughts as an object": (message(content="Yes.", reasoning={"content": "Hm."}), "Yes.", "stop", "Hm."),
    "thoughts in a list": (
        message(content="Yes.", reasoning_content=[{"type": "text", "text": "Hm."}]),
        "Yes.",
        "stop",
        "Hm.",
    ),
    "the answer in the field of thoughts' sibling": (
        message(content=None, reasoning_content="Hm.", text="Yes."),
        "",
        "no_text",
        "Hm.",
    ),
    "a redacted thought": (
        message(content=[{"type": "redacted_thinking", "data": "Zm9v"}, {"type": "text", "text": "Yes."}]),
        "Yes.",
        "stop",
        "",
    ),
    "ended by a stop word": (message("stop_sequence", content="Yes."), "Yes.", "stop", ""),
    "ended by its end": (message("eos_token", content="Yes."), "Yes.", "stop", ""),
    "capitals": (message("STOP", content="Yes."), "Yes.", "stop", ""),
    "cut in capitals": (message("LENGTH", content="Half a"), "Half a", "length", ""),
    "cut at the context": (message("context_length", content="Half a"), "Half a", "length", ""),
    "cut by the context window": (
        message("model_context_window_exceeded", content="Half a"),
        "Half a",
        "length",
        "",
    ),
    "cut, as an enumeration says it": (
        message("FinishReason.MAX_TOKENS", content="Half a"),
        "Half a",
        "length",
        "",
    ),
    "stopped, as an enumeration says it": (message("FINISH_REASON_STOP", content="Yes."), "Yes.", "stop", ""),
    "blocked by a guard": (message("blocked", content=""), "", "filtered", ""),
    "filtered, as an enumeration says it": (
        message("FinishReason.SAFETY", content="Half a"),
        "Half a",
        "filtered",
        "",
    ),
    "a reason as an object": (
        message({"type": "length", "length": 8}, content="Half a"),
        "Half a",
        "length",
        "",
    ),
    "the reason in a field of its own": (
        {"choices": [{"index": 0, "message": {"content": "Half a"}, "stop_reason": "max_tokens"}]},
        "Half a",
        "length",
        "",
    ),
    "a choice that is no list": (
        {"choices": {"index": 0, "message": {"content": "Yes."}, "finish_reason": "stop"}},
        "Yes.",
        "stop",
        "",
    ),
    "an index as text": (
        {"choices": [{"index": "0", "message": {"content": "Yes."}, "finish_reason": "stop"}]},
        "Yes.",
        "stop",
        "",
    ),
    "Ollama's own form": (
        {
            "model": "m",
            "message": {"role": "assistant", "content": "Yes."},
            "done": True,
            "done_reason": "stop",
        },
        "Yes.",
        "stop",
        "",
    ),
}


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("habit", WHOLE)
async def test_a_whole_reply_is_read(habit: str, streams: bool) -> None:
    answer, text, finish, thoughts = WHOLE[habit]
    async with asking(serving(lambda _: Reply(answer))) as (model, _):
        on_text = (lambda _: None) if streams else None
        made = await model.generate(GenerationRequest(PROMPT), on_text=on_text)
    assert (made.text, made.finish, made.reasoning) == (text, finish, thoughts)


END = [chunk(finish="stop"), "[DONE]"]
STREAMS: dict[str, tuple[list[Any], str, Finish]] = {
    "no delta": ([{"choices": [{"index": 0, "delta": None}]}, chunk("Yes."), *END], "Yes.", "stop"),
    "no choices": ([{"choices": None, "usage": None}, chunk("Yes."), *END], "Yes.", "stop"),
    "nothing": ([{}, chunk("Yes."), *END], "Yes.", "stop"),
    "a list in between": ([[], chunk("Yes."), *END], "Yes.", "stop"),
    "a ping": ([{"type": "ping"}, chunk("Yes."), *END], "Yes.", "stop"),
    "the whole message at the end": (
        [
            chunk("Ye"),
            chunk("s."),
            {"choices": [{"index": 0, "message": {"content": "Yes."}, "finish_reason": "stop"}]},
            "[DONE]",
        ],
        "Yes.",
        "stop",
    ),
    "delta and message in each": (
        [
            {"choices": [{"index": 0, "delta": {"content": "Ye"}, "message": {"content": "Ye"}}]},
            {"choices": [{"index": 0, "delta": {"content": "s."}, "message": {"content": "Yes."}}]},
            *END,
        ],
        "Yes.",
        "stop",
    ),
    "an end that comes twice": (
        [chunk("Yes."), chunk(finish="stop"), chunk(finish="stop"), "[DONE]"],
        "Yes.",
        "stop",
    ),
    "an end that is empty": ([chunk("Yes."), delta(""), chunk(finish="stop"), "[DONE]"], "Yes.", "stop"),
    "words after the end": ([chunk("Yes.", "stop"), chunk(" \n"), "[DONE]"], "Yes. \n", "stop"),
    "a whole text that is repeated at the end": (
        [chunk("Yes."), {"choices": [{"index": 0, "text": "", "finish_reason": "stop"}]}, "[DONE]"],
        "Yes.",
        "stop",
    ),
    "an index as text": (
        [{"choices": [{"index": "0", "delta": {"content": "Yes."}}]}, *END],
        "Yes.",
        "stop",
    ),
    "cut, as an enumeration says it": (
        [chunk("Half a"), chunk(finish="FinishReason.MAX_TOKENS"), "[DONE]"],
        "Half a",
        "length",
    ),
}


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("habit", STREAMS)
async def test_a_stream_is_read(habit: str, streams: bool) -> None:
    pieces, text, finish = STREAMS[habit]
    shown: list[str] = []
    async with asking(serving(lambda _: Reply(pieces=pieces))) as (model, _):
        made = await model.generate(GenerationRequest(PROMPT), on_text=shown.append if streams else None)
    assert (made.text, made.finish) == (text, finish)
    assert not streams or "".join(shown) == text


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ({"input_tokens": 7, "output_tokens": 3}, Usage(1, 7, 3)),
        ({"prompt_tokens": 7, "total_tokens": 10}, Usage(1, 7, 3)),
        ({"promptTokens": 7, "completionTokens": 3}, Usage(1, 7, 3)),
        ({"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": -1}, Usage(1, 7, 3)),
    ],
)
async def test_usage_is_read_by_its_other_names(told: Any, usage: Usage) -> None:
    async with asking(serving(lambda _: Reply({**completion("Yes."), "usage": told}))) as (model, _):
        assert (await model.generate(GenerationRequest(PROMPT))).usage == usage


#: What a server refuses, in whose words, and what the request has afterwards.
REFUSED: dict[str, tuple[Any, Reply, Any]] = {
    "a seed, in Go": (has("seed"), Reply({"error": 'json: unknown field "seed"'}, 400), has("seed")),
    "a seed, in Rust": (
        has("seed"),
        Reply(
            "Failed to deserialize the JSON body into the target type: unknown field `seed`, expected one of "
            "`model`, `messages`",
            422,
        ),
        has("seed"),
    ),
    "top_p, by a property's name": (
        has("top_p"),
        openai_says("property 'top_p' is unsupported, did you mean 'top_k'?", code="invalid_request"),
        has("top_p"),
    ),
    "a temperature that is not 1": (
        lambda body: body.get("temperature", 1) != 1,
        openai_says(
            "Unsupported value: 'temperature' does not support 0.5 with this model. Only the default (1) "
            "value is supported.",
            "temperature",
            "unsupported_value",
        ),
        has("temperature"),
    ),
    "both temperature and top_p": (
        lambda body: "temperature" in body and "top_p" in body,
        openai_says(
            "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
        ),
        lambda body: "temperature" in body and "top_p" in body,
    ),
    "a schema, by its fields": (schema, pydantic_says("response_format"), schema),
    "a schema, in a sentence": (
        schema,
        openai_says("This model does not support response format `json_schema`. See supported models."),
        schema,
    ),
    "a schema, for its type": (
        schema,
        Reply({"error": {"message": "'response_format.type' must be 'json_object' or 'text'"}}, 400),
        schema,
    ),
    "a schema, by Gemini": (
        schema,
        gemini_says('Invalid JSON payload received. Unknown name "response_format"'),
        schema,
    ),
    "stop words, too many": (
        has("stop"),
        openai_says("Invalid 'stop': array too long. Expected an array with maximum length 1.", "stop"),
        has("stop"),
    ),
    "stop words of blanks": (
        has("stop"),
        llamacpp_says("stop_sequences: each stop sequence must contain non-whitespace"),
        has("stop"),
    ),
    "the system, by its role": (
        system,
        Reply(
            {
                "error": {
                    "message": "messages[0].role: unknown variant `system`, expected `user` or `assistant`"
                }
            },
            422,
        ),
        system,
    ),
    "the system, by its template": (
        system,
        llamacpp_says("Jinja Exception: System role not supported", 500),
        system,
    ),
    "turns of one role": (
        system,
        tgi_says("Template error: Conversation roles must alternate user/assistant/user/assistant/..."),
        system,
    ),
    "thinking, by the template's arguments": (
        has("chat_template_kwargs"),
        pydantic_says("chat_template_kwargs"),
        has("chat_template_kwargs"),
    ),
}


@pytest.mark.parametrize("whom", REFUSED)
async def test_what_is_refused_is_asked_without_from_then_on(whom: str) -> None:
    refused, reply, still = REFUSED[whom]
    asks = GenerationRequest(TOLD, temperature=0.5, top_p=0.9, seed=3, reasoning=20)
    if "schema" in whom or "stop" in whom:
        asks = GenerationRequest(TOLD, schema=Verdict, temperature=0.5, top_p=0.9, seed=3)
    async with asking(fussy((refused, reply), text='{"so": true}')) as (model, server):
        for _ in range(2):
            assert (await model.generate(asks)).text == '{"so": true}'
        bodies = [each.body for each in server.of(CHAT)]
    assert [bool(still(body)) for body in bodies] in ([True, False, False], [False, False])


#: What a server answers instead, and what it is called.
ERRORS: dict[str, tuple[Reply, type[ModelError], str]] = {
    "a page": (
        Reply("<!DOCTYPE html><html><title>Log in</title></html>", kind="text/html"),
        ModelError,
        "llm_url",
    ),
    "nothing": (Reply(""), ModelError, ""),
    "null": (Reply("null"), ModelError, ""),
    "a text": (Reply('"Hello"'), ModelError, ""),
    "an empty list": (Reply("[]"), ModelError, ""),
    "an old error of vLLM, with success": (
        Reply(
            {
                "object": "error",
                "message": "The model `m` does not exist.",
                "type": "NotFoundError",
                "code": 404,
            }
        ),
        UnknownModel,
        "",
    ),
    "a detail, with success": (Reply({"detail": "Invalid API key"}), ModelKeyRefused, "llm_api_key"),
    "overloaded, by Anthropic": (
        Reply({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, 529),
        ModelOverloaded,
        "",
    ),
    "a gateway without its server": (
        Reply("<html><h1>502 Bad Gateway</h1></html>", 502, kind="text/html"),
        ModelUnreachable,
        "",
    ),
    "a gateway that waited": (Reply("error code: 524", 524), ModelUnreachable, ""),
    "no credit": (
        Reply({"error": {"message": "Insufficient credits", "code": 402}}, 402),
        ModelError,
        "Insufficient credits",
    ),
    "a key without the model": (
        Reply({"error": {"message": "Your key may not use this model.", "code": "permission_denied"}}, 403),
        ModelKeyRefused,
        "",
    ),
    "a prompt too long, by Groq": (
        Reply(
            {
                "error": {
                    "message": "Request too large for model `m`: Limit 6000, Requested 7000",
                    "code": "rate_limit_exceeded",
                }
            },
            413,
        ),
        ContextTooLong,
        "",
    ),
    "a prompt too long, by a proxy": (
        Reply(
            {"error": {"message": "ContextWindowExceededError: prompt is too long: 210000 tokens > 200000"}},
            400,
        ),
        ContextTooLong,
        "",
    ),
    "a prompt too long, by llama.cpp": (
        Reply(
            {
                "error": {
                    "code": 400,
                    "message": "the request exceeds the available context size. try increasing it",
                    "type": "exceed_context_size_error",
                    "n_prompt_tokens": 9000,
                    "n_ctx": 4096,
                }
            },
            400,
        ),
        ContextTooLong,
        "",
    ),
}


@pytest.mark.parametrize("what", ERRORS)
async def test_what_is_no_reply_is_an_error_that_says_what_it_is(what: str) -> None:
    reply, kind, words = ERRORS[what]
    async with asking(serving(lambda _: reply), attempts=1) as (model, _):
        with pytest.raises(kind) as raised:
            await model.generate(GenerationRequest(PROMPT))
    told = f"{raised.value.message} {raised.value.hint}"
    # It may begin with the address, as the user gave it.
    assert raised.value.message[0].isupper() or raised.value.message.startswith("http")
    assert raised.value.message.endswith(".")
    assert words in told


BROKEN: dict[str, tuple[list[Any], type[ModelError]]] = {
    "an error event": (
        [chunk("Half a"), {"error": {"message": "CUDA out of memory", "code": 500}}],
        ModelError,
    ),
    "an error of Anthropic": (
        [chunk("Half a"), {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}],
        ModelOverloaded,
    ),
    "an error as text": ([chunk("Half a"), {"error": "CUDA out of memory"}], ModelError),
    "an error as a detail": ([chunk("Half a"), {"detail": "Internal error", "status_code": 500}], ModelError),
    "an end that is an error": ([chunk("Half a"), chunk(finish="error"), "[DONE]"], ModelUnreachable),
    "an end that is an abort": ([chunk("Half a"), chunk(finish="abort"), "[DONE]"], ModelUnreachable),
}


@pytest.mark.parametrize("what", BROKEN)
async def test_a_stream_that_breaks_off_is_no_answer(what: str) -> None:
    pieces, kind = BROKEN[what]
    async with asking(serving(lambda _: Reply(pieces=pieces)), attempts=1) as (model, _):
        with pytest.raises(kind):
            await model.generate(GenerationRequest(PROMPT), on_text=lambda _: None)


async def test_an_object_as_content_is_the_object() -> None:
    def script(asked: Asked) -> Reply:
        return Reply(message(content={"so": True}))

    async with asking(serving(script)) as (model, _):
        made = await model.generate(GenerationRequest(PROMPT, schema=Verdict))
    assert made.parsed == Verdict(so=True)
    assert json.loads(made.text) == {"so": True}
