"""A real small language model, SmolLM2-135M-Instruct, behind llama.cpp's OpenAI server.

`ORCHESTRATOR_LLM_PYTHON` names the interpreter of an environment that has both; `make test-llm` makes one.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.services.vllm import free_port

#: Seconds that a server may take to start: it reads a file of 98 MB.
_STARTING = 120


class NoLlama(Exception):
    """Why no server can be started here."""


@dataclass(frozen=True)
class LlamaServer:
    """A running server."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def running(self) -> int:
        """Requests that are being answered."""
        with urllib.request.urlopen(f"{self.url}/slots", timeout=60) as answer:
            return sum(bool(slot["is_processing"]) for slot in json.load(answer))

    def end(self) -> None:
        """End it, and wait until it is gone."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def llama_python() -> str:
    """The interpreter that has the server and the model; NoLlama if none is named."""
    named = os.environ.get("ORCHESTRATOR_LLM_PYTHON")
    if not named:
        raise NoLlama("ORCHESTRATOR_LLM_PYTHON names no interpreter: run `make test-llm`")
    if not Path(named).is_file():
        raise NoLlama(f"ORCHESTRATOR_LLM_PYTHON names {named}, which does not exist")
    return named


@contextmanager
def llama_server(folder: Path, *arguments: str) -> Generator[LlamaServer]:
    """A server in a process of its own, on loopback and a port of its own; ended by its process id.

    `arguments` follow the port on the command line of `llama_server.py`.
    """
    python, port = llama_python(), free_port()
    script = Path(__file__).with_name("llama_server.py")
    log = folder / f"llama-{port}.log"
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with log.open("wb") as opened:
        process = subprocess.Popen(
            [python, str(script), str(port), *arguments],
            env=kept,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=opened,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = LlamaServer(f"http://127.0.0.1:{port}", process, log)
    try:
        _await(server)
        yield server
    finally:
        if process.poll() is None:
            server.end()


def _await(server: LlamaServer) -> None:
    end = time.monotonic() + _STARTING
    while time.monotonic() < end:
        if server.process.poll() is not None:
            raise AssertionError(
                f"The server does not start:\n{server.log.read_text(errors='replace')[-3000:]}"
            )
        try:
            with urllib.request.urlopen(f"{server.url}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    said = server.log.read_text(errors="replace")[-3000:]
    raise AssertionError(f"The server is not up after {_STARTING} s:\n{said}")


if __name__ == "__main__":
    # python -m tests.services.llama FOLDER [MODEL]: a server to try things with, until it is interrupted.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    place = Path(sys.argv[1])
    place.mkdir(parents=True, exist_ok=True)
    with llama_server(place, *sys.argv[2:]) as started:
        sys.stdout.write(f"{started.url}\n")
        sys.stdout.flush()
        started.process.wait()
