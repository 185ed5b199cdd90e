"""Requests as clients write them, and the first thing that is wrong with a bad one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.serving.wire.errors import InvalidRequest
from orchestrator.serving.wire.openai import ChatRequest
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
            user("  When?\n"),
        ]
    )
    earlier, question = request.turns()
    assert question == "When?"
    assert earlier == (
        Message("system", "Be brief."),
        Message("user", "Who wrote it?"),
        Message("assistant", "Ada."),
    )


def test_parts_of_text_are_joined():
    request = parse(messages=[user([{"type": "text", "text": "one"}, {"type": "text", "text": "two"}])])
    assert request.turns() == ((), "one\ntwo")


def test_sampling_settings_and_unknown_fields_are_ignored():
    request = parse(
        messages=[user("x")],
        temperature="warm",
        top_p=7,
        tools=[{"type": "function"}],
        user={"grants": ["secret"]},
        principal="root",
        metadata=None,
        stream=None,
        n=1,
    )
    assert not request.stream
    assert request.tokens is None


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
        ({"messages": [user("x"), {"role": "tool", "content": "y"}]}, "messages[1].role", "'tool'"),
        ({"messages": [user("  ")]}, "messages[0].content", "empty"),
        ({"messages": [user(None)]}, "messages[0].content", "empty"),
        ({"messages": [user("a\0b")]}, "messages[0].content", "NUL"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages", "no turn of the user"),
        ({"messages": [user([{"type": "image_url", "image_url": {"url": "x"}}])]},
         "messages[0].content[0].type", "reads text only"),
        ({"messages": [user([{"type": "text"}])]}, "messages[0].content[0]", "must look like"),
        ({"messages": [user(["text"])]}, "messages[0].content[0]", "must look like"),
        ({"messages": [user("x")], "n": 2}, "n", "one answer"),
        ({"messages": [user("x")], "n": 0}, "n", "greater than or equal to 1"),
        ({"messages": [user("x")], "max_tokens": 0}, "max_tokens", "greater than or equal to 1"),
        ({"messages": [user("x")], "stream": "perhaps"}, "stream", "'perhaps'"),
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
_FIELDS = ("model", "messages", "role", "content", "type", "text", "n", "stream", "max_tokens")


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
