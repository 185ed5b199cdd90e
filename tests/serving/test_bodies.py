"""Bodies of requests: before one is parsed, who asks is known, and its size and time are within limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel

from orchestrator import workflow
from orchestrator.serving import Limits, create_app
from orchestrator.types import ANONYMOUS
from tests.serving.asgi import Ports, Settings
from tests.serving.flows import whole

LIMITS = Limits(durability="none", body=1_000, arrival=0.05)
RIGHT = {"Authorization": "Bearer key-of-ada", "Content-Type": "application/json"}
WRONG = {"Authorization": "Bearer key-of-bob", "Content-Type": "application/json"}


class Note(BaseModel):
    """The body of a stranger's route."""

    text: str


def app() -> FastAPI:
    """An endpoint with keys, and a route of a stranger's who knows nothing of limits."""
    application = Ports({}, Settings({"key-of-ada": ANONYMOUS}))
    made = create_app(application, [workflow("whole", whole)], limits=LIMITS)
    strangers = APIRouter()

    @strangers.put("/v1/notes")
    async def put(note: Note) -> Note:
        return note

    made.include_router(strangers)
    return made


def routes() -> list[tuple[str, str]]:
    """Every route that takes a body, whoever wrote it."""
    operations = app().openapi()["paths"].items()
    return [
        (method.upper(), path.replace("{run_id}", "0"))
        for path, each in operations
        for method, operation in each.items()
        if "requestBody" in operation
    ]


ROUTES = routes()


def test_there_are_routes_to_look_at() -> None:
    assert len(ROUTES) == 4


@pytest.fixture
async def client() -> AsyncGenerator[httpx.AsyncClient, None]:
    transport = httpx.ASGITransport(app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as opened:
        yield opened


class Sent:
    """A body of so many bytes, which counts those that are taken."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.taken = 0

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        while self.taken < self._size:
            self.taken += 100
            yield b" " * 100


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_without_a_key_no_byte_is_read(client: httpx.AsyncClient, method: str, path: str) -> None:
    for headers in ({"Content-Type": "application/json"}, WRONG):
        body = Sent(1_000_000)
        response = await client.request(method, path, content=body, headers=headers)
        assert response.status_code == 401
        assert response.json()["error"]["code"] == "invalid_api_key"
        assert body.taken == 0


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_a_long_body_is_refused_and_not_kept(
    client: httpx.AsyncClient, method: str, path: str, declared: bool
) -> None:
    body = Sent(1_000_000)
    headers = RIGHT | ({"Content-Length": "1000000"} if declared else {})
    response = await client.request(method, path, content=body, headers=headers)
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "request_too_large"
    # Some is read, so that the client sees the answer and not a reset connection.
    assert body.taken < 10_000


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_a_body_that_trickles_in_is_not_waited_for(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    async def trickle() -> AsyncGenerator[bytes, None]:
        yield b"{"
        await asyncio.sleep(60)

    response = await client.request(method, path, content=trickle(), headers=RIGHT)
    assert response.status_code == 408
    assert response.json()["error"]["code"] == "request_timeout"


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_a_form_is_refused(client: httpx.AsyncClient, method: str, path: str) -> None:
    response = await client.request(
        method, path, content=b"{}", headers=RIGHT | {"Content-Type": "text/plain"}
    )
    assert response.status_code == 415


@pytest.mark.quick(every=4)
@pytest.mark.parametrize("content", [b"{", b"[" * 900, b"", b"null", b'"\\ud800"', b"{}", b"\xff"])
@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_what_is_not_the_right_json_is_named(
    client: httpx.AsyncClient, method: str, path: str, content: bytes
) -> None:
    response = await client.request(method, path, content=content, headers=RIGHT)
    error = response.json()["error"]
    if path == "/v1/recommendations" and content == b"{}":
        # Whom it is for may be left out; nothing is trained here.
        return
    assert response.status_code == 400
    assert error["type"] == "invalid_request_error"
    assert error["message"].endswith(".")
    assert error["message"][0].isupper()


async def test_a_route_that_reads_its_body_itself_gets_it_whole(client: httpx.AsyncClient) -> None:
    response = await client.put("/v1/notes", json={"text": "x" * 900}, headers=RIGHT)
    assert response.json() == {"text": "x" * 900}
