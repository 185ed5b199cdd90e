"""Errors as an OpenAI client expects them: `{"error": {message, type, param, code}}`, whatever failed."""

from __future__ import annotations

import logging
from typing import Any, NoReturn
from uuid import uuid4

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from orchestrator.errors import BadInput, NodeError, OrchestratorError

log = logging.getLogger("orchestrator.serving")

#: Seconds a client is asked to wait before it tries again, where the error knows no better.
RETRY_AFTER = 5


class InvalidRequest(BadInput):
    """A field of the request cannot be used; `param` is where it stands, as `messages[0].content`."""

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.param = param
        if code is not None:
            self.code = code


class UnsupportedMediaType(BadInput):
    """The body is not JSON by its own account."""

    status, code = 415, "unsupported_media_type"


class BodyTooLarge(BadInput):
    """The body is longer than the server takes."""

    status, code = 413, "request_too_large"


class BodyTooSlow(BadInput):
    """The body did not arrive in time."""

    status, code, retryable = 408, "request_timeout", True


class InvalidKey(OrchestratorError):
    """No API key, or one that is not in the settings."""

    status, kind, code = 401, "invalid_request_error", "invalid_api_key"


class HostNotAllowed(OrchestratorError):
    """A server without API keys is reached under a name that is not this machine's own."""

    status, kind, code = 403, "invalid_request_error", "host_not_allowed"


class NotAnOperator(OrchestratorError):
    """The API key asks, and does not operate the server."""

    status, kind, code = 403, "invalid_request_error", "not_an_operator"


class TooManyRequests(OrchestratorError):
    """One caller has more requests waiting than is its share, while others are there, too."""

    status, kind, code, retryable = 429, "requests", "rate_limit_exceeded", True


class Overloaded(OrchestratorError):
    """More runs than the server takes at once, and the queue is full or too slow."""

    status, code, retryable = 503, "overloaded", True


class ShuttingDown(OrchestratorError):
    """The server stopped before the run was done."""

    status, code, retryable = 503, "shutting_down", True


def public(error: BaseException, reference: str | None = None) -> OrchestratorError:
    """The error as clients may see it: the library's own as they are, others without their text.

    The text of an unforeseen exception may hold paths, addresses or passages of another's documents, and
    that of a store where it is. `reference` is what the log says it under, if there is no run.
    """
    under = f", under {reference}" if reference else ""
    if not isinstance(error, OrchestratorError):
        return OrchestratorError("The server failed to answer.", hint=f"Its log says why{under}.")
    if error.private:
        busy = "is busy" if error.retryable else "could not be read or written"
        return type(error)(f"A store {busy}.", hint=f"The server's log says why{under}.", run_id=error.run_id)
    if error.brief is not None:
        shown = OrchestratorError(error.brief, run_id=error.run_id)
        shown.status, shown.kind, shown.code = error.status, error.kind, error.code
        shown.retryable = error.retryable
        return shown
    if isinstance(error, NodeError) and error.__cause__ is not None:
        shown = OrchestratorError(
            f"The node {error.node!r} failed.", hint="The server's log says why.", run_id=error.run_id
        )
        shown.retryable = error.retryable
        return shown
    return error


def error_body(error: OrchestratorError) -> dict[str, Any]:
    """The JSON of an error."""
    body: dict[str, Any] = {
        "message": str(error),
        "type": error.kind,
        "param": getattr(error, "param", None),
        "code": error.code,
    }
    if error.run_id:
        body["run_id"] = error.run_id
    return {"error": body}


def error_response(error: OrchestratorError) -> JSONResponse:
    """An error as a response, with the headers that tell a client whether to try again."""
    headers: dict[str, str] = {}
    if error.status in (429, 503):
        headers["Retry-After"] = str(getattr(error, "retry_after", RETRY_AFTER))
    if error.status >= 500 or error.status in (408, 409, 429):
        # The openai client repeats these by itself; a run that will fail again is not worth its price.
        headers["x-should-retry"] = "true" if error.retryable else "false"
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(error_body(error), status_code=error.status, headers=headers)


def report(error: OrchestratorError) -> OrchestratorError:
    """Log an error that is the server's, and return what the client may know of it."""
    if error.status < 500:
        return public(error)
    level = logging.WARNING if error.retryable else logging.ERROR
    reference = None if error.run_id else f"error {uuid4().hex[:12]}"
    # The engine's own frames say nothing: what went wrong is the cause, if there is one.
    log.log(level, "%s: %s", reference or f"run {error.run_id}", error, exc_info=error.__cause__)
    return public(error, reference)


def install(app: FastAPI) -> None:
    """Let every error of the app, its routes and its router take this shape."""

    async def ours(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, OrchestratorError)
        return error_response(report(error))

    async def unforeseen(_: Request, error: Exception) -> JSONResponse:
        # The server logs it as well, with its traceback, but does not know the reference.
        reference = f"error {uuid4().hex[:12]}"
        log.error("%s: %s: %s", reference, type(error).__name__, error)
        return error_response(public(error, reference))

    async def routing(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        response = error_response(_of_http(error))
        response.headers.update(error.headers or {})
        return response

    async def validation(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        # The framework names the part of the request first: body, path or query.
        return error_response(invalid([{**fault, "loc": fault["loc"][1:]} for fault in error.errors()]))

    app.add_exception_handler(OrchestratorError, ours)
    app.add_exception_handler(HTTPException, routing)
    app.add_exception_handler(RequestValidationError, validation)
    app.add_exception_handler(Exception, unforeseen)


def invalid(faults: Any) -> InvalidRequest:
    """The first fault that pydantic found, as one sentence that names the field and what was given."""
    fault = faults[0]
    where = _path(fault["loc"])
    if fault["type"] == "json_invalid":
        reason = fault.get("ctx", {}).get("error", fault["msg"])
        return InvalidRequest(f"The body is not valid JSON: {reason}.", code="invalid_json")
    if fault["type"] == "missing":
        what = f"The field {where}" if where else "The body"
        return InvalidRequest(f"{what} is missing.", param=where or None, code="missing_required_parameter")
    given = repr(fault.get("input"))
    given = given if len(given) <= 60 else given[:57] + "..."
    message = fault["msg"].removeprefix("Value error, ").rstrip(".")
    if not where:
        return InvalidRequest(f"The body cannot be used: {message}.")
    return InvalidRequest(
        f"The field {where} cannot be {given}: {message}.", param=where, code="invalid_value"
    )


def refuse(faults: Any) -> NoReturn:
    """Raise the first fault that pydantic found."""
    raise invalid(faults) from None


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def _of_http(error: HTTPException) -> OrchestratorError:
    """The router's own errors: an unknown path, a method that a path does not take."""
    methods = (error.headers or {}).get("Allow", "another")
    messages = {
        404: "There is nothing at this address; the endpoint is /v1/chat/completions.",
        405: f"This address does not take this method; it takes {methods}.",
    }
    shown = OrchestratorError(messages.get(error.status_code) or f"{str(error.detail).rstrip('.')}.")
    shown.status = error.status_code
    if error.status_code < 500:
        shown.kind = "invalid_request_error"
    shown.code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code)
    return shown
