"""What happens between a real client and a real server when either goes, or sends too much."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path

import httpx
import openai
import pytest

from tests.serving.asgi import asking, events
from tests.serving.process import PATIENCE, Server, running

pytestmark = pytest.mark.slow

PATH = "/v1/chat/completions"


@pytest.fixture(scope="module")
def server() -> Generator[Server, None, None]:
    with running(["-m", "tests.serving.main"]) as started:
        yield started


def wait_for(told: Path, what: str) -> float:
    """When the workflow wrote `what`, in seconds since the epoch."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        for line in told.read_text().splitlines() if told.exists() else ():
            event, _, moment = line.partition(" ")
            if event == what and moment:
                return float(moment)
        time.sleep(0.005)
    raise AssertionError(f"it never wrote {what!r}")


@pytest.mark.parametrize("name", ["in silence", "aloud"])
def test_a_client_that_leaves_a_stream_stops_its_run(server: Server, tmp_path: Path, name: str):
    told = tmp_path / name
    stream = server.client().chat.completions.create(
        model="waits_long", messages=[{"role": "user", "content": str(told)}], stream=True
    )
    wait_for(told, "started")
    stream.close()
    wait_for(told, "cancelled")


def test_a_client_that_leaves_without_a_word_stops_its_run(server: Server, tmp_path: Path):
    told = tmp_path / "told"
    host, port = server.address.removeprefix("http://").split(":")
    body = httpx.Request("POST", server.address + PATH, json=asking("waits_long", str(told)))
    with socket.create_connection((host, int(port))) as connection:
        head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}Content-Length: {len(body.content)}\r\n\r\n".encode() + body.content)
        wait_for(told, "started")
    wait_for(told, "cancelled")


def test_a_stream_is_sent_as_it_is_written(server: Server, tmp_path: Path):
    told = tmp_path / "aloud"
    with server.client().chat.completions.create(
        model="waits_long", messages=[{"role": "user", "content": str(told)}], stream=True
    ) as stream:
        role, word = next(stream), next(stream)
    assert role.choices[0].delta.role == "assistant"
    assert word.choices[0].delta.content == "waiting"


@pytest.mark.parametrize("headers", [{}, {"Connection": "close"}, {"Expect": "100-continue"}])
@pytest.mark.parametrize("size", [2_000_000, 12_000_000])
def test_a_long_body_is_answered_and_not_cut_off(server: Server, headers: dict[str, str], size: int):
    body = asking("whole", "x" * size)
    response = httpx.post(server.address + PATH, json=body, headers=headers, timeout=PATIENCE)
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "request_too_large"


def test_a_body_of_unknown_length_has_the_same_limit(server: Server):
    pieces = (b"x" * 100_000 for _ in range(30))
    response = httpx.post(
        server.address + PATH, content=pieces, headers={"Content-Type": "application/json"}, timeout=PATIENCE
    )
    assert response.status_code == 413


def test_the_official_client_reads_every_kind_of_error(server: Server):
    client = server.client()

    def ask(model: str, **fields: object) -> object:
        return client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": "x"}],
            **fields,  # type: ignore[arg-type]
        )

    kinds: list[tuple[Callable[[], object], type[openai.APIError], str | None]] = [
        (lambda: ask("nonsense"), openai.NotFoundError, "model_not_found"),
        (lambda: client.models.retrieve("nonsense"), openai.NotFoundError, "model_not_found"),
        (lambda: ask("whole", n=2), openai.BadRequestError, "unsupported_value"),
        (lambda: ask("breaks"), openai.InternalServerError, None),
        (lambda: ask("unavailable"), openai.InternalServerError, None),
        (lambda: ask("breaks", stream=True), openai.InternalServerError, None),
        (lambda: list(ask("breaks_midway", stream=True)), openai.APIError, None),  # type: ignore[call-overload]
    ]
    for call, kind, code in kinds:
        with pytest.raises(kind) as caught:
            call()
        assert caught.value.code == code
        assert caught.value.body["message"]  # type: ignore[index]


def test_a_server_told_to_stop_lets_its_runs_finish(tmp_path: Path):
    told = tmp_path / "told"
    with running(["-m", "tests.serving.main"]) as server:
        got: list[httpx.Response] = []
        body = asking("waits_a_little", str(told))
        asked = threading.Thread(
            target=lambda: got.append(httpx.post(server.address + PATH, json=body, timeout=PATIENCE))
        )
        asked.start()
        wait_for(told, "started")
        assert server.stop() == 0
        asked.join()
        assert server.output.read_text().endswith("\nclosed\n")
    assert [response.status_code for response in got] == [200]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_does_not_finish_in_time_ends_with_an_error_its_client_can_read(
    tmp_path: Path, number: int
):
    told = tmp_path / "aloud"
    with (
        running(["-m", "tests.serving.main", "0.1"]) as server,
        httpx.stream(
            "POST",
            server.address + PATH,
            json=asking("waits_long", str(told), stream=True),
            timeout=PATIENCE,
        ) as response,
    ):
        wait_for(told, "started")
        assert server.stop(number) == 0
        last = events(response.read().decode())[-1]
    assert last["error"]["code"] == "shutting_down"
    wait_for(told, "cancelled")


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET /healthz HT", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: "],
    ids=["silent", "half a line", "half a header"],
)
def test_a_connection_without_a_request_is_ended(server: Server, sent: bytes):
    host, port = server.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
        connection.sendall(sent)
        assert connection.recv(1) == b""


def test_headers_that_trickle_in_are_ended(server: Server):
    host, port = server.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n")
        with pytest.raises(OSError, match=r"reset|[Bb]roken pipe|aborted"):  # noqa: PT012
            for number in range(60 * PATIENCE):
                connection.sendall(f"X-{number}: slow\r\n".encode())
                time.sleep(1 / 60)


def test_the_headers_of_a_second_request_are_waited_for_as_long(server: Server):
    host, port = server.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        first = connection.recv(65_536)
        assert first.startswith(b"HTTP/1.1 200")
        while not first.endswith(b'{"status":"ok"}'):
            first += connection.recv(65_536)
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHo")
        assert connection.recv(1) == b""


def test_a_run_that_takes_longer_than_headers_may_is_answered(server: Server):
    response = httpx.post(server.address + PATH, json=asking("waits_longer"), timeout=PATIENCE)
    assert response.status_code == 200


def test_a_body_without_a_key_is_not_read(tmp_path: Path):
    """More than fits into the buffers between two processes: the answer comes though it is never taken."""
    with running(["-m", "tests.serving.main", "1", "a-key"]) as server:
        host, port = server.address.removeprefix("http://").split(":")
        for path in (PATH, "/v1/recommendations", "/v1/runs/0/feedback"):
            with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
                head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                connection.sendall(f"{head}Content-Length: 300000000\r\n\r\n".encode())
                assert connection.recv(65_536).startswith(b"HTTP/1.1 401")
