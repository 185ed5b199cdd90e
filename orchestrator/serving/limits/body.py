"""Reads request bodies, after authentication and within the size and time limits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestrator.errors import OrchestratorError
from orchestrator.serving.wire.errors import (
    BodyTooLarge,
    BodyTooSlow,
    UnsupportedMediaType,
    error_response,
    report,
)

#: How much of a body that is too large is read and thrown away, in multiples of the limit: a client
#: that is still sending sees a reset connection instead of the answer.
_DISCARDED = 8
#: Methods whose body means nothing: no route reads it.
_WITHOUT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class BodyReader:
    """Middleware for every route, whoever wrote it: a request with a body is refused before it is parsed.

    In this order: `admit` raises for one who may not ask (401, 403); then the body is too long (413), not
    JSON by its own account (415), or does not arrive within `seconds` (408). A route reads what is left from
    memory, with `request.body()`.
    """

    def __init__(
        self, app: ASGIApp, *, admit: Callable[[Request], object], limit: int, seconds: float
    ) -> None:
        self._app = app
        self._admit = admit
        self._limit = limit
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] in _WITHOUT:
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            self._admit(request)
            body = await read_body(request, limit=self._limit, seconds=self._seconds)
        except ClientDisconnect:
            return
        except OrchestratorError as error:
            await error_response(report(error))(scope, receive, send)
            return
        await self._app(scope, _replayed(body, receive), send)


async def read_body(request: Request, *, limit: int, seconds: float) -> bytes:
    """The JSON body of a request, of at most `limit` bytes, arrived within `seconds`."""
    too_large = BodyTooLarge(
        f"The body is longer than {limit:,} bytes.",
        hint="Shorten the conversation, or add long texts to the index.",
    )
    declared = request.headers.get("content-length", "")
    announced = declared.isdigit() and int(declared) > limit
    if announced and "expect" in request.headers:
        # The client asks first and has sent nothing yet.
        raise too_large
    if not announced:
        _check_kind(request)
    size, pieces = 0, list[bytes]()
    try:
        async with asyncio.timeout(seconds), aclosing(request.stream()) as stream:
            async for piece in stream:
                size += len(piece)
                if size <= limit:
                    pieces.append(piece)
                elif size > _DISCARDED * limit:
                    break
    except TimeoutError:
        if size > limit:
            raise too_large from None
        raise BodyTooSlow(f"The body did not arrive within {seconds:g} s.", hint="Try again.") from None
    if announced or size > limit:
        raise too_large
    return b"".join(pieces)


def _check_kind(request: Request) -> None:
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        # A web page can send a form or plain text to any address without asking; JSON it cannot.
        raise UnsupportedMediaType(
            f"The body is sent as {kind!r}.", hint="Send JSON, with 'Content-Type: application/json'."
        )


def _replayed(body: bytes, receive: Receive) -> Receive:
    """What an application receives when the body has been read: it at once, and then whatever comes."""
    told = False

    async def again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
