"""Translates failed requests into errors that name the server, the model and the next step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from connectors.vllm.address import named
from connectors.vllm.answers import table
from connectors.vllm.error_bodies import ErrorBody, body_of, retry_after, shortened
from orchestrator.errors import (
    ContextTooLong,
    ModelError,
    ModelKeyRefused,
    ModelOverloaded,
    ModelTimeout,
    ModelUnreachable,
    UnknownModel,
)

#: Statuses of a server that is busy: Anthropic has one of its own.
_BUSY = (429, 503, 529)
#: Statuses of a gateway that has lost the server behind it, Cloudflare's own among them.
_GATEWAY = (502, 504, *range(520, 528))
#: What gateways call an error that has no status of its own, in its code or type.
_STATUS_OF = (
    ("rate_limit", 429),
    ("resource_exhausted", 429),
    ("overloaded", 529),
    ("unavailable", 503),
    ("authentication", 401),
    ("permission", 403),
    ("not_found", 404),
    ("timeout", 504),
    ("server_error", 500),
    ("internal", 500),
    ("api_error", 500),
)


class ErrorReply(Exception):
    """An error that came with a status of success, or in a stream. `body` is what it says."""

    def __init__(self, body: object) -> None:
        super().__init__("The server answered with an error.")
        self.body = body

    @property
    def status(self) -> int:
        """The status that it would have had: its code, what its type means, or 400 if nobody can say."""
        told: Mapping[str, Any] = table(self.body)
        for each in (told.get("code"), told.get("status")):
            if isinstance(each, int | str) and str(each).isdecimal() and 400 <= int(each) < 600:
                return int(each)
        named = " ".join(str(told.get(name, "")) for name in ("type", "code", "status")).lower()
        return next((status for word, status in _STATUS_OF if word in named), 400)


def error_of(error: Exception) -> tuple[int, ErrorBody] | None:
    """Status and body of an answer that is an error; None if there was no answer."""
    import openai

    if isinstance(error, ErrorReply):
        return error.status, body_of(error.body)
    if isinstance(error, openai.APIStatusError):
        return error.status_code, body_of(error.body, error.message)
    return None


def translated(error: Exception, server: str, model: str, setting: str = "llm") -> ModelError | None:
    """The typed error of an exception of a request, naming settings that begin with `setting`; None if none.

    Those are the exceptions of the `openai` client, of the network, and of text that is no JSON.
    """
    import openai

    where = f"The model server {server}"
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
    if isinstance(error, openai.APIStatusError | ErrorReply):
        return _of_status(error, server, model, setting)
    if isinstance(error, TimeoutError):
        return _unreachable(server, setting, "it does not answer")
    if not isinstance(error, openai.OpenAIError | OSError | json.JSONDecodeError):
        return None
    said = shortened(str(error))
    return _private(ModelError(f"{where} failed{what}: {said}.", hint="Its log says why."))


def wrong_address(server: str, setting: str, found: str) -> ModelUnreachable:
    """Something answers there, and it is no model server."""
    error = ModelUnreachable(
        f"{server} is not an OpenAI-compatible model server: {found}.",
        hint=f"Correct {named(setting, 'url')}, such as http://host:8000, or with a path, as it is: "
        "http://host/path/v1.",
    )
    error.retryable = False
    return error


def _unreachable(server: str, setting: str, reason: str) -> ModelUnreachable:
    return ModelUnreachable(
        f"The model server {server} cannot be reached: {shortened(reason)}.",
        hint=f"Start it, or correct {named(setting, 'url')}; `orchestrator doctor` checks it.",
    )


def _of_status(error: Any, server: str, model: str, setting: str) -> ModelError:
    found = error_of(error)
    assert found is not None
    status, body = found
    response = getattr(error, "response", None)
    where = f"The model server {server}"
    what = f" for {model!r}" if model else ""
    if status in (401, 403) or (status == 400 and body.refuses_key):
        return ModelKeyRefused(
            f"{where} does not accept the key{what} (status {status}).",
            hint=f"Set {named(setting, 'api_key')} to the key that it was started with.",
        )
    if status in (404, 405) or 300 <= status < 400:
        # A path that does not exist has FastAPI's {"detail": "Not Found"}, a model that does not has a text.
        if status == 404 and model and body.unknown_model(model):
            return _unknown_model(where, server, model, setting)
        path = f" for {response.request.url.path}" if response is not None else ""
        return wrong_address(server, setting, f"status {status}{path}")
    if body.too_long or status == 413:
        return ContextTooLong(
            f"The prompt is too long for {model!r} at {server}: {body.shown}.",
            hint="Show it fewer or shorter passages, or serve it with a larger --max-model-len.",
        )
    if status in (400, 422):
        return _refused(body, where, what, server, model, setting)
    if status in _GATEWAY:
        return _unreachable(server, setting, f"its gateway says {body.shown or 'nothing'} (status {status})")
    if status in _BUSY or status == 402:
        return _busy(status, body, response, where, what)
    failed = ModelError(f"{where} failed{what} (status {status}): {body.shown}.", hint="Its log says why.")
    _private(failed).retryable = status >= 500 or status in (408, 409, 425)
    return failed


def _refused(body: ErrorBody, where: str, what: str, server: str, model: str, setting: str) -> ModelError:
    """The server understood the request, and does not take it."""
    if model and "invalid model" in body.text.lower():
        return _unknown_model(where, server, model, setting)
    hint = "Its log says more; a feature that it lacks may be switched off."
    if "could not finish the message" in body.text.lower():
        # OpenAI, of a model that thought until its tokens ran out.
        hint = "Allow it more reasoning (connectors.vllm.reasoning), or more max_tokens."
    return _private(ModelError(f"{where} refuses a request{what}: {body.shown}.", hint=hint))


def _unknown_model(where: str, server: str, model: str, setting: str) -> UnknownModel:
    return UnknownModel(
        f"{where} has no model {model!r}.",
        hint=f"Set {named(setting, 'model')} to one of those that {server}/v1/models lists.",
    )


def _busy(status: int, body: ErrorBody, response: Any, where: str, what: str) -> ModelOverloaded:
    asked = retry_after(response.headers) if response is not None else None
    spent = status == 402 or body.no_credit
    refused = ModelOverloaded(
        f"{where} takes no more requests{what} now (status {status}): {body.shown}.",
        hint="Its account has no credit left: top it up." if spent else "Try again later, or add a server.",
        retry_after=body.wait if asked is None else asked,
    )
    # An account without credit stays so.
    refused.retryable = not spent
    return refused


def _private(error: ModelError) -> ModelError:
    """The error, whose message names a server, with what anybody may be told of it."""
    error.brief = "The model server failed; its log says why."
    return error
