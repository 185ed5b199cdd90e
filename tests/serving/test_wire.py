"""Requests as clients write them, and the first thing that is wrong with a bad one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.models.client import ClientSettings
from orchestrator.serving.wire.chat_request import ChatRequest, Turns
from orchestrator.serving.wire.errors import InvalidRequest
from orchestrator.types import Message


def parse(**fields: Any) -> ChatRequest:
    return ChatRequest.parse(json.dumps({"model": "chat", **fields}).encode())


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def test_the_last_turn_of_the_user_is_the_question_and_those_before_it_the_conversation():
    request = parse(
        messages=[
            {"role": "developer", "content": "Be brief."},
            user("Who wrote it?"),
            {"role": "assistant", "content": "Ada."},
            {"role": "system", "content": [{"type": "text", "text": "Answer in French."}]},
            user("  When?\n"),
        ]
    )
    turns = request.turns()
    assert turns.question == "When?"
    assert turns.instructions == "Be brief.\n\nAnswer in French."
    assert turns.earlier == (Message("user", "Who wrote it?"), Message("assistant", "Ada."))


def test_parts_of_text_are_joined():
    request = parse(messages=[user([{"type": "text", "text": "one"}, {"type": "text", "text": "two"}])])
    assert request.turns() == Turns("", (), "one\ntwo")


def test_what_is_no_text_in_earlier_turns_is_passed_over():
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    request = parse(
        messages=[
            {"role": "system", "content": [image, {"type": "text", "text": "Be brief."}], "name": "host"},
            {**user([{"type": "text", "text": "What is this?"}, image]), "name": "ada"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "a bee"},
            {"role": "function", "name": "look", "content": "a bee"},
            {"role": "assistant", "content": "A bee.", "tool_calls": None, "audio": {"id": "a"}},
            user([{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}]),
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "I cannot hear."}]},
            user("Where does it live?"),
        ]
    )
    assert request.turns() == Turns(
        "Be brief.",
        (
            Message("user", "What is this?"),
            Message("assistant", "A bee."),
            Message("assistant", "I cannot hear."),
        ),
        "Where does it live?",
    )


def test_fields_without_a_meaning_here_have_no_effect():
    request = parse(
        messages=[user("x")],
        verbosity="low",
        frequency_penalty=1,
        tools=[{"type": "function"}],
        tool_choice="auto",
        parallel_tool_calls=True,
        response_format={"type": "text"},
        logprobs=False,
        top_logprobs=0,
        logit_bias={},
        modalities=["text"],
        prediction={"type": "content", "content": "x"},
        service_tier="auto",
        store=True,
        user={"grants": ["secret"]},
        principal="root",
        metadata=None,
        stream=None,
        n=1,
        stop=None,
    )
    assert not request.stream
    assert request.tokens is None
    assert request.stops == ()
    assert request.turns() == Turns("", (), "x")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2}, "n"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}},
         "response_format"),
        ({"response_format": {}}, "response_format"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "x"}}}, "tool_choice"),
        ({"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required"}}}, "tool_choice"),
        ({"function_call": {"name": "x"}}, "function_call"),
        ({"logprobs": True}, "logprobs"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"logit_bias": {"50256": -100}}, "logit_bias"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"web_search_options": {}}, "web_search_options"),
    ],
)  # fmt: skip
def test_what_would_make_another_thing_of_the_answer_is_refused(fields: dict[str, Any], param: str):
    with pytest.raises(InvalidRequest) as caught:
        parse(messages=[user("x")], **fields)
    assert (caught.value.param, caught.value.code) == (param, "unsupported_value")
    assert str(caught.value).startswith(f"The field {param} is ")


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([user("x"), {"role": "tool", "tool_call_id": "c", "content": "y"}], "messages[1].role"),
        ([user("x"), {"role": "function", "name": "f", "content": "y"}], "messages[1].role"),
        ([user("x"), {"role": "tool", "content": "y"}, {"role": "system"}], "messages[1].role"),
        ([user("x"), {"role": "assistant", "tool_calls": [{"id": "c"}]}], "messages[1].tool_calls"),
    ],
)  # fmt: skip
def test_a_conversation_that_ends_within_a_tool_call_is_refused(messages: list[Any], param: str):
    with pytest.raises(InvalidRequest, match="End with a turn of the user") as caught:
        parse(messages=messages).turns()
    assert caught.value.param == param


def test_an_answer_that_was_begun_is_begun_again():
    turns = parse(messages=[user("When?"), {"role": "assistant", "content": "It leaves at"}]).turns()
    assert turns == Turns("", (), "When?")


def test_settings_of_the_text_that_is_read():
    plain = parse(messages=[user("x")])
    assert str(plain.settings) == ""
    asked = parse(
        messages=[user("x")], max_tokens=5, temperature=1, top_p=0, seed=-3, reasoning_effort="xhigh"
    )
    assert asked.settings == ClientSettings(5, 1.0, 0.001, -3, "model")


@pytest.mark.parametrize(("stop", "stops"), [("END", ("END",)), (["a", "b"], ("a", "b")), ([], ())])
def test_stop_is_a_text_or_a_list_of_texts(stop: Any, stops: tuple[str, ...]):
    assert parse(messages=[user("x")], stop=stop).stops == stops


@pytest.mark.parametrize(
    ("fields", "tokens"),
    [
        ({}, None),
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 7}, 7),
        ({"max_tokens": 5, "max_completion_tokens": 7}, 7),
    ],
)
def test_the_limit_on_tokens_has_two_names(fields: dict[str, Any], tokens: int | None):
    assert parse(messages=[user("x")], **fields).tokens == tokens


@pytest.mark.parametrize(
    ("fields", "param", "says"),
    [
        ({}, "messages", "missing"),
        ({"messages": []}, "messages", "at least 1"),
        ({"messages": "hello"}, "messages", "'hello'"),
        ({"messages": [user("x")], "model": 5}, "model", "string"),
        ({"messages": [user(5)]}, "messages[0].content", "a text or a list of parts"),
        ({"messages": [user("x"), {"role": "critic", "content": "y"}]}, "messages[1].role", "'critic'"),
        ({"messages": [user("  ")]}, "messages[0].content", "empty"),
        ({"messages": [user(None)]}, "messages[0].content", "empty"),
        ({"messages": [user("a\0b")]}, "messages[0].content", "NUL"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages", "no turn of the user"),
        ({"messages": [user([{"type": "image_url", "image_url": {"url": "x"}}])]},
         "messages[0].content[0].type", "reads text only"),
        ({"messages": [user([{"type": "text"}])]}, "messages[0].content[0]", "must look like"),
        ({"messages": [user(["text"])]}, "messages[0].content[0]", "must look like"),
        ({"messages": [user("x")], "n": 0}, "n", "greater than or equal to 1"),
        ({"messages": [user("x")], "max_tokens": 0}, "max_tokens", "greater than or equal to 1"),
        ({"messages": [user("x")], "stream": "perhaps"}, "stream", "'perhaps'"),
        ({"messages": [user("x")], "stop": 5}, "stop", "a text, or up to 4 of them"),
        ({"messages": [user("x")], "stop": ["a"] * 5}, "stop", "a text, or up to 4 of them"),
        ({"messages": [user("x")], "stop": ["a", ""]}, "stop", "none may be empty"),
        ({"messages": [user("x")], "tool_choice": 5}, "tool_choice", "a text or an object"),
        ({"messages": [user("x")], "temperature": "warm"}, "temperature", "'warm'"),
        ({"messages": [user("x")], "temperature": 2.5}, "temperature", "less than or equal to 2"),
        ({"messages": [user("x")], "top_p": 1.5}, "top_p", "less than or equal to 1"),
        ({"messages": [user("x")], "reasoning_effort": "much"}, "reasoning_effort", "'much'"),
        ({"messages": [user("x")], "seed": 2**64}, "seed", "less than"),
    ],
)  # fmt: skip
def test_a_bad_field_is_named(fields: dict[str, Any], param: str, says: str):
    with pytest.raises(InvalidRequest) as caught:
        parse(**fields).turns()
    assert caught.value.param == param
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"nonsense", b"\xff\xfe", b'{"model": "\\ud800"}', b"[" * 100_000]
)
def test_what_is_not_json_is_said_to_be_none(body: bytes):
    with pytest.raises(InvalidRequest, match="not valid JSON") as caught:
        ChatRequest.parse(body)
    assert caught.value.code == "invalid_json"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_FIELDS = ("model", "messages", "role", "content", "type", "text", "n", "stream", "max_tokens", "stop")


@given(
    st.recursive(
        _JSON,
        lambda inner: st.dictionaries(st.sampled_from(_FIELDS), inner) | st.lists(inner, max_size=3),
        max_leaves=12,
    )
)
def test_any_json_is_a_request_or_one_sentence(body: Any):
    said = "A request."
    try:
        ChatRequest.parse(json.dumps(body).encode()).turns()
    except InvalidRequest as error:
        said = error.message
    assert said.endswith(".")
    assert "\n" not in said
