"""Who may ask, and as whom."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from orchestrator.serving.auth import ApiKeys, is_loopback
from orchestrator.serving.wire.errors import HostNotAllowed, InvalidKey
from orchestrator.types import ANONYMOUS, Principal
from tests.serving.asgi import asking, endpoint

ADA = Principal("default", frozenset({"public", "board"}), "ada")
BOB = Principal("other", frozenset({"public"}), "bob")
KEYS = {"key-of-ada": ADA, "schlüssel-von-bob": BOB}


def request(host: str = "localhost:8000", authorization: bytes | None = None) -> Request:
    headers = [(b"host", host.encode())]
    if authorization is not None:
        headers.append((b"authorization", authorization))
    return Request({"type": "http", "headers": headers})


def test_a_key_is_its_principal():
    keys = ApiKeys(KEYS, ANONYMOUS)
    assert keys.caller(request(authorization=b"Bearer key-of-ada")).principal == ADA
    assert keys.caller(request(authorization=b"bearer  key-of-ada ")).principal == ADA
    assert keys.caller(request(authorization="Bearer schlüssel-von-bob".encode())).principal == BOB


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        b"",
        b"Bearer",
        b"Bearer ",
        b"Basic key-of-ada",
        b"key-of-ada",
        b"Bearer key-of-ad",
        b"Bearer \xff",
    ],
)
def test_without_a_known_key_there_is_no_principal(authorization: bytes | None):
    with pytest.raises(InvalidKey):
        ApiKeys(KEYS, ANONYMOUS).caller(request(authorization=authorization))


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1:8000", "127.9.9.9", "[::1]:8000"])
def test_without_keys_everyone_on_this_machine_is_anonymous(host: str):
    assert ApiKeys({}, ANONYMOUS).caller(request(host, b"Bearer whatever")).principal == ANONYMOUS


@pytest.mark.parametrize(
    "host", ["", "example.org", "10.0.0.1:8000", "localhost.example.org", "127.0.0.1.nip.io"]
)
def test_without_keys_no_other_name_is_answered(host: str):
    with pytest.raises(HostNotAllowed):
        ApiKeys({}, ANONYMOUS).caller(request(host))


def test_with_keys_any_name_is_answered():
    assert ApiKeys(KEYS, ANONYMOUS).caller(request("example.org", b"Bearer key-of-ada")).principal == ADA


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("localhost", True), ("127.0.0.1", True), ("::1", True), ("0.0.0.0", False), ("::", False), ("", False)],
)
def test_loopback_is_this_machine_alone(host: str, loopback: bool):
    assert is_loopback(host) == loopback


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/whole", "/v1/runs/0", "/v1/nothing"])
async def test_every_address_below_v1_needs_the_key(path: str):
    async with endpoint(api_keys=KEYS) as client:
        response = await client.get(path)
    assert response.status_code == (404 if path == "/v1/nothing" else 401)
    if response.status_code == 401:
        assert response.json()["error"]["code"] == "invalid_api_key"
        assert response.headers["www-authenticate"] == "Bearer"


async def test_a_stranger_learns_nothing_from_a_bad_request():
    async with endpoint(api_keys=KEYS) as client:
        response = await client.post("/v1/chat/completions", content=b"{")
    assert response.status_code == 401


async def test_a_key_opens_the_endpoint():
    async with endpoint(api_keys=KEYS, key="key-of-ada") as client:
        response = await client.post("/v1/chat/completions", json=asking("whole"))
    assert response.status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_health_needs_none(path: str):
    async with endpoint(api_keys=KEYS) as client:
        response = await client.get(path)
    assert response.status_code == 200
