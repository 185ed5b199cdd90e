"""Where a server may listen."""

from __future__ import annotations

import gc
import signal
import socket

import pytest

from orchestrator import workflow
from orchestrator.errors import BadInput, SettingsError
from orchestrator.serving import serve
from orchestrator.serving.server import bind
from tests.serving.asgi import Ports
from tests.serving.flows import whole


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "example.org"])
def test_an_open_address_without_a_key_is_refused(host: str):
    with pytest.raises(SettingsError, match="without an API key would let anyone in"):
        serve(Ports(), [workflow("whole", whole)], host=host)


def test_a_port_in_use_is_said_to_be():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BadInput, match=f"Port {port} on 127.0.0.1 is in use. Stop what listens there"):
            serve(Ports(), [workflow("whole", whole)], port=port)


@pytest.mark.parametrize(
    ("host", "port"), [("127.0.0.1", 70_000), ("198.51.100.7", 0), ("no.such.host.invalid", 0)]
)
def test_an_address_that_is_not_ours_is_named(host: str, port: int):
    with pytest.raises(BadInput, match=f"Cannot serve on {host}:{port}"):
        bind(host, port)


@pytest.mark.slow
def test_the_collector_passes_over_what_was_loaded_at_the_start():
    frozen: list[int] = []

    def announce(_: str) -> None:
        frozen.append(gc.get_freeze_count())
        signal.raise_signal(signal.SIGTERM)

    try:
        serve(Ports(), [workflow("whole", whole)], port=0, announce=announce)
    finally:
        gc.unfreeze()
    assert frozen[0] > 10_000
