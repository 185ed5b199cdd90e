"""Whatever a server answers is read rightly, or is an error that says what was wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

from orchestrator.errors import InvalidOutput
from orchestrator.ports import Finish, GenerationRequest
from orchestrator.text.tokens import token_count
from orchestrator.types import Message, Usage
from tests.connectors.vllm.test_protocol import asking
from tests.services.scripted import Reply, chunk, completion, serving

CHAT = "/v1/chat/completions"
PROMPT = (Message("user", "Is it so?"),)


class Verdict(BaseModel):
    so: bool


def message(finish: Any = "stop", **fields: Any) -> dict[str, Any]:
    """A completion whose message has these fields."""
    made = completion()
    made["choices"][0] |= {"message": {"role": "assistant", **fields}, "finish_reason": finish}
    return made


CALL = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
#: What a server answers, what it says, why it ended, and what was thought.
WHOLE: dict[str, tuple[Any, str, Finish, str]] = {
    "plain": (message(content="Yes."), "Yes.", "stop", ""),
    "null": (message(content=None), "", "no_text", ""),
    "no content at all": (message(), "", "no_text", ""),
    "blank": (message(content=" \n"), " \n", "no_text", ""),
    "parts": (
        message(content=[{"type": "text", "text": "Ye"}, {"type": "text", "text": "s."}]),
        "Yes.",
        "stop",
        "",
    ),
    "parts of text": (message(content=["Ye", "s."]), "Yes.", "stop", ""),
    "no parts": (message(content=[]), "", "no_text", ""),
    "thinking parts": (
        message(
            content=[
                {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
                {"type": "text", "text": "Yes."},
            ]
        ),
        "Yes.",
        "stop",
        "Hm.",
    ),
    "reasoning_content": (message(content="Yes.", reasoning_content="Hm."), "Yes.", "stop", "Hm."),
    "reasoning": (message(content="Yes.", reasoning="Hm."), "Yes.", "stop", "Hm."),
    "reasoning_details": (
        message(content="Yes.", reasoning_details=[{"type": "reasoning.text", "text": "Hm."}]),
        "Yes.",
        "stop",
        "Hm.",
    ),
    "thoughts in the text": (message(content="<think>Hm.</think>\n\nYes."), "Yes.", "stop", "Hm."),
    "thoughts without a beginning": (message(content="Hm.</think>Yes."), "Yes.", "stop", "Hm."),
    "thoughts without an end": (message("length", content="<think>Hm, yes"), "", "no_text", "Hm, yes"),
    "reasoning only": (message(content="", reasoning_content="Hm."), "", "no_text", "Hm."),
    "reasoning only, cut": (message("length", content=None, reasoning="Hm"), "", "no_text", "Hm"),
    "answer tags": (
        message(content='<reason>[1]?</reason><answer>{"[1]": 9}</answer>'),
        '<answer>{"[1]": 9}</answer>',
        "stop",
        "[1]?",
    ),
    "refusal": (message(content=None, refusal="I cannot."), "", "refused", ""),
    "refusal part": (message(content=[{"type": "refusal", "refusal": "I cannot."}]), "", "refused", ""),
    "refusal as a reason": (message("refusal", content=""), "", "refused", ""),
    "tools": (message("tool_calls", content=None, tool_calls=CALL), "", "tool_calls", ""),
    "tools and text": (message("tool_calls", content="Yes.", tool_calls=CALL), "Yes.", "stop", ""),
    "empty tools": (message(content="Yes.", tool_calls=[]), "Yes.", "stop", ""),
    "function call": (
        message("function_call", content=None, function_call={"name": "f"}),
        "",
        "tool_calls",
        "",
    ),
    "filtered": (message("content_filter", content=None), "", "filtered", ""),
    "filtered half way": (message("content_filter", content="Half a"), "Half a", "filtered", ""),
    "filtered by Gemini": (message("SAFETY", content=""), "", "filtered", ""),
    "cut": (message("length", content="Half a"), "Half a", "length", ""),
    "cut by Anthropic": (message("max_tokens", content="Half a"), "Half a", "length", ""),
    "cut by Gemini": (message("MAX_TOKENS", content="Half a"), "Half a", "length", ""),
    "cut by Mistral": (message("model_length", content="Half a"), "Half a", "length", ""),
    "cut before a word": (message("length", content=""), "", "length", ""),
    "ended otherwise": (message("end_turn", content="Yes."), "Yes.", "stop", ""),
    "ended without a reason": (message(None, content="Yes."), "Yes.", "stop", ""),
    "text completion": (
        {"choices": [{"text": "Yes.", "finish_reason": "stop"}], "usage": None},
        "Yes.",
        "stop",
        "",
    ),
    "several choices": (
        {"choices": [message(content="Yes.")["choices"][0], {"index": 1, "message": {"content": "No."}}]},
        "Yes.",
        "stop",
        "",
    ),
    "halves of surrogates": (message(content="Yes \ud83d."), "Yes \ud83d.", "stop", ""),
}


@pytest.mark.quick(every=3)
@pytest.mark.parametrize("fault", WHOLE)
async def test_a_whole_reply_is_read(fault: str) -> None:
    answer, text, finish, thoughts = WHOLE[fault]
    async with asking(serving(lambda _: Reply(answer))) as (model, _):
        made = await model.generate(GenerationRequest(PROMPT))
        assert (made.text, made.finish, made.reasoning) == (text, finish, thoughts)
        assert made.answered == (finish in ("stop", "length") and bool(text.strip()))


@pytest.mark.quick(every=6)
@pytest.mark.parametrize("fault", [name for name in WHOLE if name != "halves of surrogates"])
async def test_a_whole_reply_to_who_asked_for_a_stream_is_read(fault: str) -> None:
    answer, text, finish, thoughts = WHOLE[fault]
    shown: list[str] = []
    async with asking(serving(lambda _: Reply(answer))) as (model, _):
        made = await model.generate(GenerationRequest(PROMPT), on_text=shown.append)
        assert (made.text, made.finish, made.reasoning) == (text, finish, thoughts)
        assert "".join(shown) == text or fault == "thoughts without a beginning"


def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    """A piece of a stream whose delta has these fields."""
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


USAGE = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}
STREAMS: dict[str, tuple[list[Any], str, Finish, str]] = {
    "plain": ([chunk("Ye"), chunk("s."), chunk(finish="stop"), USAGE, "[DONE]"], "Yes.", "stop", ""),
    "role first": (
        [delta(role="assistant"), chunk("Yes."), chunk(finish="stop"), "[DONE]"],
        "Yes.",
        "stop",
        "",
    ),
    "role with empty content": (
        [delta(role="assistant", content=""), chunk("Yes."), chunk(finish="stop"), "[DONE]"],
        "Yes.",
        "stop",
        "",
    ),
    "no choices first": ([USAGE, chunk("Yes."), chunk(finish="stop"), "[DONE]"], "Yes.", "stop", ""),
    "finish with the last word": ([chunk("Yes.", "stop"), "[DONE]"], "Yes.", "stop", ""),
    "end without a mark": ([chunk("Yes."), chunk(finish="stop")], "Yes.", "stop", ""),
    "mark without a reason": ([chunk("Yes."), "[DONE]"], "Yes.", "stop", ""),
    "mark without a reason at the limit": (
        [chunk("Yes."), {"choices": [], "usage": {"completion_tokens": 512}}, "[DONE]"],
        "Yes.",
        "length",
        "",
    ),
    "cut": ([chunk("Half a"), chunk(finish="length"), "[DONE]"], "Half a", "length", ""),
    "filtered": ([chunk("Half a"), chunk(finish="content_filter"), "[DONE]"], "Half a", "filtered", ""),
    "refusal": (
        [delta(refusal="I "), delta(refusal="cannot"), chunk(finish="stop"), "[DONE]"],
        "",
        "refused",
        "",
    ),
    "tools": ([delta(tool_calls=CALL), delta("tool_calls"), "[DONE]"], "", "tool_calls", ""),
    "thoughts": (
        [
            delta(reasoning_content="H"),
            delta(reasoning_content="m."),
            chunk("Yes."),
            chunk(finish="stop"),
            "[DONE]",
        ],
        "Yes.",
        "stop",
        "Hm.",
    ),
    "thoughts only": ([delta(reasoning="Hm."), chunk(finish="length"), "[DONE]"], "", "no_text", "Hm."),
    "thoughts in the text": (
        [chunk("<th"), chunk("ink>H"), chunk("m.</"), chunk("think>\n"), chunk("Yes."), chunk(finish="stop")],
        "Yes.",
        "stop",
        "Hm.",
    ),
    "parts": ([delta(content=[{"type": "text", "text": "Yes."}]), chunk(finish="stop")], "Yes.", "stop", ""),
    "null content": ([delta(content=None), chunk("Yes."), chunk(finish="stop")], "Yes.", "stop", ""),
    "several choices": (
        [chunk("Yes."), {"choices": [{"index": 1, "delta": {"content": "No."}}]}, chunk(finish="stop")],
        "Yes.",
        "stop",
        "",
    ),
    "null usage": ([{**chunk("Yes."), "usage": None}, chunk(finish="stop"), "[DONE]"], "Yes.", "stop", ""),
}


@pytest.mark.quick(every=2)
@pytest.mark.parametrize("fault", STREAMS)
async def test_a_stream_is_read_and_shows_no_thoughts(fault: str) -> None:
    pieces, text, finish, thoughts = STREAMS[fault]
    shown: list[str] = []
    async with asking(serving(lambda _: Reply(pieces=pieces))) as (model, _):
        made = await model.generate(GenerationRequest(PROMPT), on_text=shown.append)
        assert (made.text, made.finish, made.reasoning) == (text, finish, thoughts)
        assert "".join(shown) == text


@pytest.mark.quick(every=6)
@pytest.mark.parametrize("fault", STREAMS)
async def test_a_stream_to_who_asked_for_a_whole_reply_is_read(fault: str) -> None:
    pieces, text, finish, thoughts = STREAMS[fault]
    async with asking(serving(lambda _: Reply(pieces=pieces))) as (model, _):
        made = await model.generate(GenerationRequest(PROMPT))
        assert (made.text, made.finish, made.reasoning) == (text, finish, thoughts)


@pytest.mark.quick(every=5)
@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ({"prompt_tokens": 7, "completion_tokens": 3}, Usage(1, 7, 3)),
        (
            {"prompt_tokens": 7.0, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 5}},
            Usage(1, 7, 3),
        ),
        (None, None),
        ({}, None),
        ({"prompt_tokens": -7, "completion_tokens": -3}, None),
        ({"prompt_tokens": 10**15, "completion_tokens": 10**15}, None),
        ({"prompt_tokens": "7", "completion_tokens": True}, None),
        ({"prompt_tokens": None, "completion_tokens": [3]}, None),
        ([7, 3], None),
        ("7", None),
    ],
)
@pytest.mark.parametrize("streams", [False, True])
async def test_usage_that_cannot_be_believed_is_estimated(
    told: Any, usage: Usage | None, streams: bool
) -> None:
    text = "It is so, since the tenant is the owner."
    estimated = Usage(1, token_count(PROMPT[0].text) + 4, token_count(text))
    pieces = [chunk(text), chunk(finish="stop"), {"choices": [], "usage": told}, "[DONE]"]
    whole = {**completion(text), "usage": told}
    reply = Reply(pieces=pieces) if streams else Reply(whole)
    async with asking(serving(lambda _: reply)) as (model, _):
        made = await model.generate(GenerationRequest(PROMPT), on_text=(lambda _: None) if streams else None)
        assert made.usage == (usage or estimated)


@pytest.mark.parametrize("answer", [WHOLE["refusal"][0], WHOLE["filtered"][0], WHOLE["tools"][0]])
async def test_what_is_no_answer_is_no_object_and_not_asked_for_again(answer: Any) -> None:
    async with asking(serving(lambda _: Reply(answer))) as (model, server):
        with pytest.raises(InvalidOutput, match="no text"):
            await model.generate(GenerationRequest(PROMPT, schema=Verdict))
        assert len(server.of(CHAT)) == 1


async def test_a_tag_within_an_object_is_no_thought() -> None:
    class Quoted(BaseModel):
        text: str

    told = {"text": "Models write <think> first."}
    async with asking(serving(lambda _: Reply(completion(json.dumps(told))))) as (model, _):
        assert (await model.generate(GenerationRequest(PROMPT, schema=Quoted))).parsed == Quoted(**told)


async def test_an_object_is_read_behind_thoughts() -> None:
    thought = 'First {"so": false}? No.</think>{"so": true}'
    async with asking(serving(lambda _: Reply(completion(thought)))) as (model, _):
        assert (await model.generate(GenerationRequest(PROMPT, schema=Verdict))).parsed == Verdict(so=True)
