"""A real HTTP server that answers as it is told: for what a healthy model server never does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Asked:
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Reply:
    """An answer. `pieces` are sent one after the other as server-sent events; `cut` breaks the line then.

    `seconds` pass before the answer. A body that is a string is sent as it is, and so are bytes, as the media
    type `kind`; a list of bytes is sent one after the other, as the network may cut them.
    """

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    pieces: Sequence[Any] | None = None
    cut: bool = False
    seconds: float = 0.0
    kind: str = "application/json"


@dataclass
class Scripted:
    """The server: `script` decides on every request; `asked` has them all, `active` how many wait."""

    script: Callable[[Asked], Reply | Awaitable[Reply]]
    url: str = ""
    asked: list[Asked] = field(default_factory=list[Asked])
    active: int = 0
    most: int = 0

    def of(self, path: str) -> list[Asked]:
        """The requests for a path."""
        return [each for each in self.asked if each.path == path]


@asynccontextmanager
async def scripted(
    script: Callable[[Asked], Reply | Awaitable[Reply]], port: int = 0
) -> AsyncGenerator[Scripted]:
    """Serve on a port of this machine until the block ends."""
    state = Scripted(script)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (asked := await _read(reader)) is not None:
                state.asked.append(asked)
                state.active += 1
                state.most = max(state.most, state.active)
                gone = asyncio.ensure_future(reader.read(1))
                work = asyncio.ensure_future(_answer(state, asked, writer))
                try:
                    # Who closes the line is not waited for.
                    await asyncio.wait({gone, work}, return_when=asyncio.FIRST_COMPLETED)
                    if not work.done() or not work.result():
                        return
                finally:
                    state.active -= 1
                    work.cancel()
                    gone.cancel()
                    await asyncio.gather(work, gone, return_exceptions=True)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", port)
    state.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield state
    finally:
        server.close()


async def _read(reader: asyncio.StreamReader) -> Asked | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    data = await reader.readexactly(int(headers.get("content-length", 0)))
    return Asked(first.split()[1], headers, json.loads(data) if data else None)


async def _answer(state: Scripted, asked: Asked, writer: asyncio.StreamWriter) -> bool:
    """Send the answer; whether the line stays open."""
    made = state.script(asked)
    reply = made if isinstance(made, Reply) else await made
    await asyncio.sleep(reply.seconds)
    if (
        reply.body
        and isinstance(reply.body, bytes | list)
        and all(isinstance(each, bytes) for each in _list(reply.body))
    ):
        writer.write(_head(reply, reply.kind, None))
        for data in _list(reply.body):
            writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0)
        if reply.cut:
            writer.transport.abort()
            return False
        writer.write(b"0\r\n\r\n")
    elif reply.pieces is not None:
        writer.write(_head(reply, "text/event-stream", None))
        for piece in reply.pieces:
            text = piece if isinstance(piece, str) else json.dumps(piece)
            data = f"data: {text}\n\n".encode()
            writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)
        if reply.cut:
            writer.transport.abort()
            return False
        writer.write(b"0\r\n\r\n")
    elif reply.cut:
        writer.transport.abort()
        return False
    else:
        plain = isinstance(reply.body, str)
        data = reply.body.encode() if plain else json.dumps(reply.body).encode()
        writer.write(_head(reply, "text/plain" if plain else "application/json", len(data)) + data)
    await writer.drain()
    return True


def _list(body: Any) -> list[Any]:
    """The pieces of a body of bytes."""
    return body if isinstance(body, list) else [body]


def _head(reply: Reply, kind: str, length: int | None) -> bytes:
    size = f"content-length: {length}" if length is not None else "transfer-encoding: chunked"
    extra = "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
    return f"HTTP/1.1 {reply.status} x\r\ncontent-type: {kind}\r\n{size}\r\n{extra}\r\n".encode()


def completion(text: str = "yes", finish: str = "stop", logprobs: Any = None) -> dict[str, Any]:
    """A chat completion as servers send it."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": finish,
                "logprobs": logprobs,
            }
        ],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
    }


def chunk(text: str | None = None, finish: str | None = None) -> dict[str, Any]:
    """A piece of a streamed completion."""
    delta = {} if text is None else {"content": text}
    return {"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def step(*likeliest: tuple[str, float]) -> dict[str, Any]:
    """The log-probabilities of one step."""
    listed = [{"token": token, "logprob": value} for token, value in likeliest]
    return {"content": [{**listed[0], "top_logprobs": listed}]}


def serving(
    chat: Callable[[Asked], Reply | Awaitable[Reply]], model: str = "m"
) -> Callable[[Asked], Reply | Awaitable[Reply]]:
    """A script of a server that is not vLLM, with one model; `chat` answers completions."""

    def script(asked: Asked) -> Reply | Awaitable[Reply]:
        if asked.path == "/v1/models":
            return Reply({"object": "list", "data": [{"id": model, "object": "model"}]})
        if asked.path == "/v1/chat/completions":
            return chat(asked)
        return Reply({"detail": "Not Found"}, status=404)

    return script
