"""Reads a chat completion: what it says, what was thought, and why it ended.

Servers that speak OpenAI's protocol differ in all of that: content may be null or a list of parts, thoughts
stand in `reasoning_content`, `reasoning`, in parts or in the text itself, and there are a dozen words for an
end.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, cast

from connectors.vllm.answers import Json, rows, table, text
from orchestrator.ports import Finish

#: What servers call an end, in small letters. What is in none of them is a text that is complete.
_LENGTH = frozenset(
    {
        "length",
        "max_tokens",
        "max_length",
        "model_length",
        "max_output_tokens",
        "context_length",
        "model_context_window_exceeded",
        "repetition",
    }
)
_FILTERED = frozenset(
    {
        "content_filter",
        "content_filtered",
        "safety",
        "recitation",
        "blocklist",
        "prohibited_content",
        "spii",
        "guardrail_intervened",
        "sensitive",
        "blocked",
    }
)
_BROKEN = frozenset({"error", "abort", "insufficient_system_resource", "network_error"})


@dataclass(frozen=True, slots=True)
class Said:
    """One message, or one piece of it: its text and its thoughts as fields of their own, if it has any."""

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    calls_tools: bool = False


def choices_of(answer: Json) -> list[Json]:
    """The choices of an answer that are the reply: one was asked for, and others would be mixed into it.

    A single one may stand outside a list, and Ollama's own form has a message and no choices.
    """
    listed: Any = answer.get("choices")
    if listed is None and isinstance(answer.get("message"), dict) and "done" in answer:
        return [{"message": answer["message"], "finish_reason": answer.get("done_reason")}]
    single = table(listed)
    found = [single] if single else rows(listed)
    return [choice for choice in found if choice.get("index") in (0, "0", None)]


def reason_of(choice: Json) -> str:
    """Why a choice ended, in the word of its server, in small letters; empty while it has not.

    Enumerations come with their names (`FinishReason.MAX_TOKENS`), others as objects with a type.
    """
    told: Any = choice.get("finish_reason")
    if told is None and text(choice.get("stop_reason")).lower() in _LENGTH | _FILTERED:
        # vLLM tells the stop word there, besides.
        told = choice["stop_reason"]
    if isinstance(told, dict):
        told = cast("Json", told).get("type")
    return text(told).lower().removeprefix("finishreason.").removeprefix("finish_reason_")


def said(message: object) -> Said:
    """What a message or a delta says, in whichever form."""
    told = table(message)
    words, thoughts, refusal = _content(told.get("content"))
    named = (_thoughts(told.get(name)) for name in ("reasoning_content", "reasoning", "thinking"))
    reasoning = next(filter(None, named), "")
    if not reasoning:
        reasoning = "".join(text(each.get("text")) for each in rows(told.get("reasoning_details")))
    return Said(
        words,
        reasoning or thoughts,
        text(told.get("refusal")) or refusal,
        bool(told.get("tool_calls") or told.get("function_call")),
    )


def broken(reason: object) -> bool:
    """Whether a reason to end says that the server failed."""
    return text(reason).lower() in _BROKEN


def finish_of(reason: object, message: Said) -> Finish:
    """Why a whole message ended; `message.text` is what it says without thoughts."""
    why = text(reason).lower()
    if why in _FILTERED:
        return "filtered"
    if message.text.strip():
        return "length" if why in _LENGTH else "stop"
    if message.refusal or why == "refusal":
        return "refused"
    if message.calls_tools:
        return "tool_calls"
    return "length" if why in _LENGTH and not message.reasoning else "no_text"


def _thoughts(value: Any) -> str:
    """Thoughts that are a text, a list of parts, or an object that has them."""
    if isinstance(value, dict):
        told = cast("Json", value)
        value = told.get("content", told.get("text"))
    return _content(value)[0]


def _content(value: Any) -> tuple[str, str, str]:
    """Text, thoughts and refusal of a content, which is a text, null, a list of parts, or one of them.

    What is anything else is the value that a schema was to give, and not its JSON.
    """
    if isinstance(value, dict) and not {"type", "text"} & cast("Json", value).keys():
        return json.dumps(value, ensure_ascii=False), "", ""
    if isinstance(value, int | float):
        return json.dumps(value), "", ""
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        return text(value), "", ""
    words: list[str] = []
    thoughts: list[str] = []
    refusals: list[str] = []
    for part in cast("list[Any]", value):
        if isinstance(part, str):
            words.append(part)
            continue
        told = table(part)
        kind = text(told.get("type"))
        if kind in ("thinking", "reasoning"):
            thoughts.append(_thought(told))
        elif kind == "refusal":
            refusals.append(text(told.get("refusal")))
        else:
            inner = told.get("text")
            words.append(text(table(inner).get("value")) or text(inner))
    return "".join(words), "".join(thoughts), "".join(refusals)


def _thought(part: Json) -> str:
    inner = part.get("thinking", part.get("text"))
    return _content(inner)[0]
