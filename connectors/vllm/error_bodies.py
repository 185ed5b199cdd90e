"""Reads the body of an error: servers have a dozen shapes for it, and their own words for what is wrong."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, cast

#: What servers say of a prompt that is too long: OpenAI, vLLM, SGLang and llama.cpp; TGI; Anthropic and
#: Bedrock; Gemini; Mistral, Groq, Cohere.
_TOO_LONG = re.compile(
    r"context[ _](length|window|size|limit)|(?<!array with )max(imum)? (model |prompt )?length|max_model_len"
    r"|too many (prompt |input )?tokens|must have less than \d+ tokens|`?max_new_tokens`? must be <="
    r"|(prompt|input) is too long|input (token count|length).{0,60}exceed|maximum number of tokens allowed"
    r"|reduce the length of the (messages|prompt)|input is too large to process|prompt contains \d+ tokens",
    re.IGNORECASE,
)
#: One request alone is more than an account may send in a minute (Groq's 413, OpenAI's 429).
_TOO_LARGE = re.compile(r"request too large", re.IGNORECASE)
#: A key that is refused with another status than 401.
_KEY = re.compile(
    r"api[ _-]?key (is )?(not valid|invalid|missing|expired)|(invalid|incorrect) api[ _-]?key", re.IGNORECASE
)
_UNKNOWN_MODEL = re.compile(r"\b(models?|deployment)\b", re.IGNORECASE)
_NO_CREDIT = frozenset(
    {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "insufficient_balance"}
)
_WAIT = re.compile(r"(?:try again|retry|wait)[^.\d]{0,40}?((?:\d+(?:\.\d+)?(?:ms|h|m|s)\s*)+)", re.IGNORECASE)
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)", re.IGNORECASE)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST_MESSAGE = 300


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """What an error says: its `code` or type, its text, the fields of the request that it names, its wait."""

    code: str = ""
    text: str = ""
    fields: tuple[str, ...] = ()
    wait: float | None = None

    @property
    def too_long(self) -> bool:
        """Whether the prompt is longer than the model reads, or one request more than a minute's tokens."""
        return self.code == "context_length_exceeded" or any(
            pattern.search(self.text) for pattern in (_TOO_LONG, _TOO_LARGE)
        )

    @property
    def refuses_key(self) -> bool:
        """Whether it is the key that is wrong."""
        return self.code.lower() in ("invalid_api_key", "api_key_invalid") or bool(_KEY.search(self.text))

    @property
    def no_credit(self) -> bool:
        """Whether an account has nothing left: that does not pass."""
        return self.code in _NO_CREDIT

    def unknown_model(self, model: str) -> bool:
        """Whether the server has no such model: the text names it, or a code does."""
        named = bool(model) and model in self.text and bool(_UNKNOWN_MODEL.search(self.text))
        return named or "model" in self.code.lower() or "deployment" in self.code.lower()

    @property
    def shown(self) -> str:
        """The text as messages show it."""
        return shortened(self.text)


def body_of(body: object, message: str = "") -> ErrorBody:
    """The error in a body: an object, a list of one (Gemini), a text that is JSON (LiteLLM), or any text."""
    if isinstance(body, list) and body:
        first: Any = cast("list[Any]", body)[0]
        return body_of(first, message)
    if isinstance(body, str):
        return _of_text(body or message)
    if not isinstance(body, Mapping):
        return ErrorBody(text=message)
    told = cast("Mapping[str, Any]", body)
    inner = told.get("error")
    if isinstance(inner, Mapping | list):
        return body_of(cast("Any", inner), message)
    said: Any = told.get("message") or told.get("detail") or told.get("msg") or inner
    fields = _named(told.get("param"))
    if isinstance(said, Mapping):
        # Mistral: {"message": {"detail": [...]}}.
        nested = cast("Mapping[str, Any]", said)
        said = nested.get("detail") or nested.get("message") or nested
    if isinstance(said, list):
        # FastAPI: a list of places and what is wrong there.
        text, fields = _of_places(cast("list[Any]", said))
    else:
        text = said if isinstance(said, str) else json.dumps(said) if said else message
    code = told.get("code")
    if not isinstance(code, str) or not code:
        code = told.get("type") or told.get("error_type") or told.get("status") or ""
    return ErrorBody(str(code), text, fields, _wait_in(told, text))


def _of_text(text: str) -> ErrorBody:
    start = text.find("{")
    if start >= 0:
        try:
            value: Any = json.JSONDecoder().raw_decode(text[start:])[0]
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict) and (inner := body_of(cast("Any", value))).text:
            return inner
    return ErrorBody(text=text, wait=_wait_in({}, text))


def _of_places(places: list[Any]) -> tuple[str, tuple[str, ...]]:
    fields: list[str] = []
    said: list[str] = []
    for each in places:
        if not isinstance(each, Mapping):
            said.append(str(each))
            continue
        place = cast("Mapping[str, Any]", each)
        where: Any = place.get("loc")
        named = [str(part) for part in cast("list[Any]", where)] if isinstance(where, list) else []
        fields += [name for name in named if name != "body"]
        said.append(f"{'.'.join(named)}: {place.get('msg', '')}" if named else str(place.get("msg", place)))
    return "; ".join(said), tuple(fields)


def _named(param: object) -> tuple[str, ...]:
    return (param,) if isinstance(param, str) and param else ()


# -- waiting -------------------------------------------------------------------------------------------


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait: a number, a date (RFC 9110), milliseconds, or a span as `1m7s`."""
    try:
        return max(0.0, float(headers.get("retry-after-ms", "").strip()) / 1000)
    except ValueError:
        pass
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return float(value)
    if span := _span(value):
        return span
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time()) if value else None
    except ValueError:
        return None


def _wait_in(body: Mapping[str, Any], text: str) -> float | None:
    """Seconds that the body asks to wait: in words, or as Gemini's `retryDelay`."""
    details: Any = body.get("details")
    for each in cast("list[Any]", details) if isinstance(details, list) else []:
        delay = cast("Mapping[str, Any]", each).get("retryDelay") if isinstance(each, Mapping) else None
        if isinstance(delay, str) and (span := _span(delay)):
            return span
    found = _WAIT.search(text)
    return _span(found.group(1)) if found else None


def _span(text: str) -> float | None:
    """The seconds of `1m7.5s`; None if it is no span of time."""
    parts = _SPAN.findall(text)
    if not parts or _SPAN.sub("", text).strip():
        return None
    return sum(float(number) * _SECONDS[unit.lower()] for number, unit in parts)


def shortened(text: str) -> str:
    """A text as one line of a message, without its full stop."""
    text = " ".join(text.split()).rstrip(".")
    return text if len(text) <= _LONGEST_MESSAGE else text[: _LONGEST_MESSAGE - 1] + "…"
