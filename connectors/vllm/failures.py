"""Translates failed requests into errors that name the server, the model and the next step."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, cast

from connectors.vllm.address import named
from orchestrator.errors import (
    ContextTooLong,
    ModelError,
    ModelKeyRefused,
    ModelOverloaded,
    ModelTimeout,
    ModelUnreachable,
    UnknownModel,
)

#: What vLLM, OpenAI and llama.cpp say of a prompt that is too long.
_TOO_LONG = re.compile(
    r"context[ _](length|window|size)|maximum (model )?length|max_model_len|too many (prompt )?tokens",
    re.IGNORECASE,
)
_LONGEST_MESSAGE = 300


def translated(error: Exception, server: str, model: str, setting: str = "llm") -> ModelError | None:
    """The typed error of an exception of a request, naming settings that begin with `setting`; None if none.

    Those are the exceptions of the `openai` client, of the network, and of text that is no JSON.
    """
    import openai

    where = f"the model server {server}"
    what = f" for {model!r}" if model else ""
    if isinstance(error, openai.APITimeoutError):
        if type(error.__cause__).__name__ == "ConnectTimeout":
            return _unreachable(server, setting, "it does not accept connections")
        return ModelTimeout(
            f"{where} did not answer{what} in time.",
            hint="Look at its load, or raise llm_timeout.",
        )
    if isinstance(error, openai.APIConnectionError):
        reason = str(error.__cause__ or error).strip() or type(error.__cause__).__name__
        if "payload is not completed" in reason or "without sending complete message body" in reason:
            return ModelUnreachable(
                f"{where} broke off an answer{what}.", hint="Its log says why; ask again."
            )
        return _unreachable(server, setting, reason)
    if isinstance(error, openai.APIStatusError):
        return _of_status(error, server, model, setting)
    if isinstance(error, TimeoutError):
        return _unreachable(server, setting, "it does not answer")
    if not isinstance(error, openai.OpenAIError | OSError | json.JSONDecodeError):
        return None
    said = _shortened(str(error))
    return _private(ModelError(f"{where} failed{what}: {said}.", hint="Its log says why."))


def wrong_address(server: str, setting: str, found: str) -> ModelUnreachable:
    """Something answers there, and it is no model server."""
    error = ModelUnreachable(
        f"{server} is not an OpenAI-compatible model server: {found}.",
        hint=f"Correct {named(setting, 'url')}, such as http://host:8000 (with or without /v1).",
    )
    error.retryable = False
    return error


def _unreachable(server: str, setting: str, reason: str) -> ModelUnreachable:
    return ModelUnreachable(
        f"The model server {server} cannot be reached: {_shortened(reason)}.",
        hint=f"Start it, or correct {named(setting, 'url')}; `orchestrator doctor` checks it.",
    )


def _of_status(error: Any, server: str, model: str, setting: str) -> ModelError:
    status: int = error.status_code
    code, said = _body(error.body, error.message)
    where = f"the model server {server}"
    what = f" for {model!r}" if model else ""
    if status in (401, 403):
        return ModelKeyRefused(
            f"{where} does not accept the key{what} (status {status}).",
            hint=f"Set {named(setting, 'api_key')} to the key that it was started with.",
        )
    if status in (404, 405) or 300 <= status < 400:
        # A path that does not exist has FastAPI's {"detail": "Not Found"}, a model that does not has a text.
        if status == 404 and model and (model in said or "model" in code):
            return UnknownModel(
                f"{where} has no model {model!r}.",
                hint=f"Set {named(setting, 'model')} to one of those that {server}/v1/models lists.",
            )
        return wrong_address(server, setting, f"status {status} for {error.request.url.path}")
    if status in (400, 413, 422):
        if code == "context_length_exceeded" or _TOO_LONG.search(said) or status == 413:
            return ContextTooLong(
                f"The prompt is too long for {model!r} at {server}: {said}.",
                hint="Show it fewer or shorter passages, or serve it with a larger --max-model-len.",
            )
        return _private(
            ModelError(
                f"{where} refuses a request{what}: {said}.",
                hint="Its log says more; a feature that it lacks may be switched off.",
            )
        )
    if status in (429, 503):
        refused = ModelOverloaded(
            f"{where} takes no more requests{what} now (status {status}): {said}.",
            hint="Try again later, or add a server.",
            retry_after=retry_after(error.response.headers),
        )
        # An account without credit stays so.
        refused.retryable = code != "insufficient_quota"
        return refused
    failed = ModelError(f"{where} failed{what} (status {status}): {said}.", hint="Its log says why.")
    _private(failed).retryable = status >= 500 or status in (408, 409, 425)
    return failed


def _private(error: ModelError) -> ModelError:
    """The error, whose message names a server, with what anybody may be told of it."""
    error.brief = "The model server failed; its log says why."
    return error


def _body(body: object, message: str) -> tuple[str, str]:
    """Code and text of an error: a table, a string (vLLM's 401), `{"detail": …}` (FastAPI), or anything."""
    if isinstance(body, Mapping):
        table = cast("Mapping[str, Any]", body)
        text = table.get("message") or table.get("detail") or message
        return str(table.get("code") or table.get("type") or ""), _shortened(str(text))
    return "", _shortened(body if isinstance(body, str) and body else message)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait: RFC 9110's Retry-After, as a number or a date."""
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time()) if value else None
    except ValueError:
        return None


def _shortened(text: str) -> str:
    text = " ".join(text.split()).rstrip(".")
    return text if len(text) <= _LONGEST_MESSAGE else text[: _LONGEST_MESSAGE - 1] + "…"
