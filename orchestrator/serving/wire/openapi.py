"""The OpenAPI document: bodies that routes read themselves, errors as they are sent, and the key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from orchestrator.serving.wire.request_body import RequestBody

#: What each status means, wherever it is sent.
MEANINGS = {
    400: "The body is not JSON, or a field cannot be used: `param` names it.",
    401: "No API key, or none that is known.",
    403: "Another host name than this machine's, on a server without keys; or a key without that right.",
    404: "No such path, model or run.",
    405: "The path does not take this method.",
    408: "The body arrived too slowly.",
    409: "It contradicts what is kept.",
    413: "The body is too long.",
    415: "The body is not sent as JSON.",
    429: "Too many requests of this API key wait.",
    500: "The server failed; its log says why.",
    502: "A model server failed.",
    503: "Too much to do, no model, a store is away, or the server is shutting down.",
    504: "A node or a model took too long.",
}


class ErrorDetail(BaseModel):
    """What went wrong. `param` is the field of the request, `run_id` the run that failed, if there is one."""

    message: str
    type: str
    param: str | None
    code: str | None
    run_id: str = ""


class ErrorReply(BaseModel):
    """The body of every error."""

    error: ErrorDetail


def failures(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of an operation, for its `responses`."""
    return {status: {"model": ErrorReply, "description": MEANINGS[status]} for status in statuses}


def failures_of_text(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of an operation that answers with a text: they are JSON all the same."""
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorReply"}}}
    return {status: {"description": MEANINGS[status], "content": content} for status in statuses}


#: Of every operation under `/v1`, of those with a body, and of those that run something.
COMMON = failures(400, 401, 403, 404, 405, 500, 503)
WITH_BODY = failures(408, 413, 415)
RUNNING = failures(409, 429, 502, 504)


def operation_id(route: APIRoute) -> str:
    """What generated clients call an operation, as `runs_feedback`."""
    return "_".join([*map(str, route.tags[:1]), route.name])


def install(app: FastAPI, *, keys_required: bool) -> None:
    """Let the app's document be whole: every reference in it resolves."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = made()
            _add_bodies(document)
            for operation in _operations(document):
                # Faults of a request are answered with 400, in the shape of all errors.
                operation["responses"].pop("422", None)
                if not keys_required and "security" in operation:
                    operation["security"] = [{}]
            for unused in ("HTTPValidationError", "ValidationError"):
                document["components"]["schemas"].pop(unused, None)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi


def _add_bodies(document: dict[str, Any]) -> None:
    models = [(model, "validation") for model in _bodies(RequestBody)]
    _, schemas = models_json_schema(
        models,  # type: ignore[arg-type]
        ref_template="#/components/schemas/{model}",
    )
    known = document.setdefault("components", {}).setdefault("schemas", {})
    known.update(schemas.get("$defs", {}))


def _bodies(kind: type[RequestBody]) -> Iterator[type[RequestBody]]:
    for each in kind.__subclasses__():
        yield each
        yield from _bodies(each)


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from (each for each in path.values() if "responses" in each)
