"""Defensive parsing of server responses: fields may be missing, null, or of another type."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, cast

from orchestrator.types import Usage

Json = dict[str, Any]

#: More than any model reads or writes in one call.
MOST_TOKENS = 20_000_000


def table(value: object) -> Json:
    """The object that a field holds; an empty one if it holds none."""
    return cast("Json", value) if isinstance(value, dict) else {}


def rows(value: object) -> list[Json]:
    """The objects in a list; what is none is left out."""
    found = cast("list[Any]", value) if isinstance(value, list) else []
    return [cast("Json", each) for each in found if isinstance(each, dict)]


def text(value: object) -> str:
    """A text; an empty one for null."""
    return value if isinstance(value, str) else ""


#: What servers call the numbers of tokens: OpenAI and most, Anthropic, and those whose fields are written so.
_PROMPT = ("prompt_tokens", "input_tokens", "promptTokens", "inputTokens", "promptTokenCount")
_COMPLETION = (
    "completion_tokens",
    "output_tokens",
    "completionTokens",
    "outputTokens",
    "candidatesTokenCount",
)
_TOTAL = ("total_tokens", "totalTokens", "totalTokenCount")


def _first(told: Json, names: tuple[str, ...]) -> int:
    """The first number that can be believed among fields that mean the same."""
    return next((number for name in names if (number := count(told.get(name)))), 0)


def usage(answer: Json) -> Usage:
    """The tokens of an answer, as one call; 0 where the server says nothing that can be believed."""
    told = table(answer.get("usage"))
    prompt, completion = (_first(told, names) for names in (_PROMPT, _COMPLETION))
    total = _first(told, _TOTAL)
    return Usage(1, prompt, completion or (max(0, total - prompt) if prompt else 0))


def thought_tokens(answer: Json) -> int:
    """Tokens of the completion that were thoughts, if the server says so."""
    details = table(table(answer.get("usage")).get("completion_tokens_details"))
    return count(details.get("reasoning_tokens"))


def finish(reason: object) -> Literal["stop", "length"]:
    """Why a text ended: whatever is no lack of tokens is an end."""
    return "length" if reason == "length" else "stop"


def steps(choice: Json) -> list[tuple[str, dict[str, float]]]:
    """Each token of a reply, and log-probabilities by token of that step; empty if the server gives none.

    Tokens are named `token_id:17` by servers that were asked for ids, else by their text.
    """
    content = rows(table(choice.get("logprobs")).get("content"))
    return [
        (
            text(step.get("token")),
            {text(each.get("token")): _number(each) for each in (step, *rows(step.get("top_logprobs")))},
        )
        for step in content
    ]


def _number(entry: Mapping[str, Any]) -> float:
    value = entry.get("logprob")
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        return -9999.0
    return min(0.0, float(value))


def count(value: object) -> int:
    """A number of tokens: a negative one would be credited to budgets, one without bounds end them."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST_TOKENS:
        return 0
    return int(value)
