"""One server, and a connection to it for one request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from connectors.vllm.address import Address
from connectors.vllm.answers import Json, table
from connectors.vllm.circuit import Circuit
from connectors.vllm.events import EventDecoder, value_of
from connectors.vllm.failures import ErrorReply, wrong_address
from connectors.vllm.limit import AdaptiveLimit

if TYPE_CHECKING:
    from openai import AsyncOpenAI, AsyncStream

#: Seconds in which a server may end a stream that it said is over: the connection can then be used again.
_LAST = 0.5


@dataclass(slots=True)
class Server:
    """One server with its health. After a refusal it gets no requests until `rested`."""

    address: Address
    circuit: Circuit
    limit: AdaptiveLimit = field(default_factory=AdaptiveLimit)
    rested: float = 0.0


class Line:
    """One server and the client that speaks to it. What it raises, `failures.translated` understands."""

    def __init__(self, server: Server, client: AsyncOpenAI, setting: str) -> None:
        self.server = server
        self.client = client
        self.setting = setting
        #: Whether the last stream was ended by the server, and not by the line.
        self.said_done = False

    async def post(self, path: str, body: Json, *, at_root: bool = False) -> Json:
        """The JSON object that the server answers with; `at_root` for paths of vLLM's own."""
        answer = await self._posted(path, body, at_root)
        if not isinstance(answer, dict):
            raise wrong_address(self.server.address.root, self.setting, f"{path} answers with no JSON object")
        return cast("Json", answer)

    async def post_for_rows(self, path: str, body: Json, *, at_root: bool = False) -> Json:
        """The same, where some servers answer with a bare list: it becomes the field `results`."""
        answer = await self._posted(path, body, at_root)
        if isinstance(answer, list):
            return {"results": answer}
        if not isinstance(answer, dict):
            raise wrong_address(self.server.address.root, self.setting, f"{path} answers with no JSON object")
        return cast("Json", answer)

    async def get(self, path: str, *, at_root: bool = False) -> Json:
        """The JSON object at a path."""
        answer = await self.client.get(self._url(path, at_root), cast_to=object)
        if not isinstance(answer, dict):
            raise wrong_address(self.server.address.root, self.setting, f"{path} answers with no JSON object")
        return cast("Json", answer)

    async def stream(self, path: str, body: Json) -> AsyncGenerator[Json]:
        """The JSON objects that the server sends one by one. Close it: else the request goes on there.

        A server that does not stream sends its one answer.
        """
        decoder = EventDecoder()
        self.said_done = False
        async with aclosing(self._bytes(path, {**body, "stream": True})) as pieces:
            async for piece in pieces:
                for value in decoder.feed(piece):
                    yield _whole(value)
                if decoder.done:
                    self.said_done = True
                    await _rest(pieces)
                    return
        try:
            last = decoder.close()
        except ValueError:
            if decoder.streams:
                raise
            last = [None]
        for value in last:
            if not isinstance(value, dict) and not decoder.streams:
                root = self.server.address.root
                raise wrong_address(root, self.setting, f"{path} answers with no JSON object")
            # An answer that is no stream is whole.
            self.said_done = not decoder.streams
            yield _whole(value)

    async def _posted(self, path: str, body: Json, at_root: bool) -> Any:
        # The client's classes would be built from it and read once: twice the work of the request itself.
        async with aclosing(self._bytes(self._url(path, at_root), body)) as pieces:
            data = b"".join([piece async for piece in pieces])
        try:
            answer = value_of(data)
        except ValueError:
            raise wrong_address(
                self.server.address.root, self.setting, f"{path} answers with no JSON object"
            ) from None
        return _whole(answer) if isinstance(answer, dict) else answer

    def _url(self, path: str, at_root: bool) -> str:
        return f"{self.server.address.root}{path}" if at_root else path

    async def _bytes(self, url: str, body: Json) -> AsyncGenerator[bytes]:
        """What the server answers with, as it comes."""
        from openai import APIConnectionError, APITimeoutError

        opened: Any = await self.client.post(url, cast_to=object, body=body, stream=True, stream_cls=_raw())
        response = opened.response
        pieces = response.aiter_bytes()
        try:
            while True:
                try:
                    piece = await anext(pieces)
                except StopAsyncIteration:
                    return
                except Exception as error:
                    # The client translates these only for streams that it reads itself.
                    slow = isinstance(error, TimeoutError) or "Timeout" in type(error).__name__
                    kind = APITimeoutError if slow else APIConnectionError
                    raise kind(request=response.request) from error
                yield piece
        finally:
            await response.aclose()


@cache
def _raw() -> type[AsyncStream[Any]]:
    """A stream of the client's that reads nothing by itself."""
    from openai import AsyncStream

    class Raw(AsyncStream[Any]):
        def __init__(self, *, response: Any, **_: Any) -> None:
            self.response = response

    return Raw


#: All that an answer has that only says what went wrong, as FastAPI does.
_DETAIL = frozenset({"detail", "status_code"})


def _whole(value: Any) -> Json:
    """An object that is an answer; ErrorReply if it is an error that came with a status of success."""
    told = table(value)
    wrong = told.get("error")
    if not wrong and (told.get("object") == "error" or (told.keys() & _DETAIL and not told.keys() - _DETAIL)):
        wrong = told
    if wrong and not told.get("choices"):
        raise ErrorReply(wrong)
    return told


async def _rest(pieces: AsyncGenerator[bytes]) -> None:
    try:
        async with asyncio.timeout(_LAST):
            async for _ in pieces:
                pass
    except Exception:  # noqa: S110 - the answer is complete
        pass
