"""A Qdrant server: its clients, what is tried again, and its errors as ours."""

from __future__ import annotations

import asyncio
import random
import time
import weakref
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import httpx
from qdrant_client import AsyncQdrantClient, QdrantClient
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from orchestrator.errors import StoreError

ResultT = TypeVar("ResultT")

#: Answers of a server that is busy, or that begins or ends.
_TRANSIENT = (408, 429, 500, 502, 503, 504)
#: Seconds before the second attempt, doubled before each further one; and the most.
_FIRST, _LONGEST = 0.2, 30.0


class QdrantServer:
    """Clients of a server, one for the threads that write and one for each event loop that searches.

    A request that the server was too busy for, that took too long or that was cut is tried again: every one
    of ours may be repeated. StoreError when `attempts` have failed, and at once for what no repetition helps.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        *,
        timeout: int = 30,
        attempts: int = 5,
        pause: float = _FIRST,
    ) -> None:
        parts = urlsplit(url)
        # A password in the address would be in every message and log.
        self.name = f"qdrant at {urlunsplit(parts._replace(netloc=parts.netloc.rpartition('@')[2]))}"
        self._given: dict[str, Any] = {
            "url": url,
            "api_key": api_key,
            "timeout": timeout,
            "check_compatibility": False,
        }
        self._attempts = attempts
        self._pause = pause
        self._client: QdrantClient | None = None
        self._clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncQdrantClient] = (
            weakref.WeakKeyDictionary()
        )

    def call(self, work: Callable[[QdrantClient], ResultT]) -> ResultT:
        """What a request gives; it waits, so not in an event loop."""
        if self._client is None:
            self._client = QdrantClient(**self._given)
        attempt = 1
        while True:
            try:
                return work(self._client)
            except Exception as error:
                time.sleep(self._wait(error, attempt))
            attempt += 1

    async def ask(self, work: Callable[[AsyncQdrantClient], Awaitable[ResultT]]) -> ResultT:
        """The same in an event loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            self._clients[loop] = AsyncQdrantClient(**self._given)
        attempt = 1
        while True:
            try:
                return await work(self._clients[loop])
            except Exception as error:
                await asyncio.sleep(self._wait(error, attempt))
            attempt += 1

    async def close(self) -> None:
        """Close the clients of this loop and of threads. They are made again if they are needed."""
        client, self._client = self._client, None
        if client is not None:
            await asyncio.to_thread(client.close)
        own = self._clients.pop(asyncio.get_running_loop(), None)
        if own is not None:
            await own.close()

    def _wait(self, error: Exception, attempt: int) -> float:
        """For how many seconds to wait before the next attempt; our error if there shall be none."""
        told = _told(error)
        if told is None:
            raise error
        reason, transient, after = told
        if not transient or attempt >= self._attempts:
            raise self._ours(reason, attempt, error) from error
        pause = min(_LONGEST, self._pause * 2 ** (attempt - 1))
        # Those who were sent away together should not come back together.
        return min(_LONGEST, max(after, pause * random.uniform(0.5, 1.0)))  # noqa: S311

    def _ours(self, reason: str, attempt: int, error: Exception) -> StoreError:
        times = f" {attempt} times" if attempt > 1 else ""
        hint = "Check that the server runs, and [connectors.qdrant] url."
        if isinstance(error, UnexpectedResponse) and error.status_code in (401, 403):
            hint = "Set [connectors.qdrant] api_key to a key that may read and write."
        return StoreError(f"The vector store {self.name} failed{times}: {reason}.", hint=hint)


def is_missing(error: StoreError) -> bool:
    """Whether what a request named does not exist."""
    cause = error.__cause__
    return isinstance(cause, UnexpectedResponse) and cause.status_code == 404


def _told(error: Exception) -> tuple[str, bool, float] | None:
    """What failed, whether it may succeed when it is tried again, and after how many seconds; None if it
    is no failure of a request."""
    if isinstance(error, ResourceExhaustedResponse):
        return "it is too busy (429)", True, float(error.retry_after_s)
    if isinstance(error, UnexpectedResponse):
        content = " ".join(error.content.decode(errors="replace").split())[:200]
        return f"{error.status_code} {content}".rstrip(". "), error.status_code in _TRANSIENT, 0.0
    if isinstance(error, ResponseHandlingException):
        source = error.source
        reason = " ".join(str(source).split())[:200].rstrip(".") or type(source).__name__
        return reason, isinstance(source, httpx.TransportError), 0.0
    return None
