"""Reads a chat completion: what it says, what was thought, and why it ended.

Servers that speak OpenAI's protocol differ in all of that: content may be null or a list of parts, thoughts
stand in `reasoning_content`, `reasoning`, in parts or in the text itself, and there are a dozen words for an
end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from connectors.vllm.answers import Json, rows, table, text
from orchestrator.ports import Finish

#: What servers call an end, in small letters. What is in none of them is a text that is complete.
_LENGTH = frozenset({"length", "max_tokens", "model_length", "max_output_tokens", "repetition"})
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


def said(message: object) -> Said:
    """What a message or a delta says, in whichever form."""
    told = table(message)
    words, thoughts, refusal = _content(told.get("content"))
    named = (text(told.get(name)) for name in ("reasoning_content", "reasoning", "thinking"))
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


def _content(value: Any) -> tuple[str, str, str]:
    """Text, thoughts and refusal of a content, which is a text, null, or a list of parts."""
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
            words.append(text(told.get("text")))
    return "".join(words), "".join(thoughts), "".join(refusals)


def _thought(part: Json) -> str:
    inner = part.get("thinking", part.get("text"))
    return _content(inner)[0]
