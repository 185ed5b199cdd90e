"""A server in a process of its own, on a free port, ended by its process id."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from openai import OpenAI

ROOT = Path(__file__).parents[2]
#: Seconds that a server may take to come up or go down: far more than it needs, on any machine.
PATIENCE = 60


@dataclass(frozen=True)
class Server:
    """A running server."""

    address: str
    process: subprocess.Popen[str]

    def client(self, key: str = "none") -> OpenAI:
        """The official client, which repeats nothing by itself."""
        return OpenAI(base_url=f"{self.address}/v1", api_key=key, max_retries=0, timeout=PATIENCE)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to end; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@contextmanager
def running(
    arguments: Sequence[str], *, environment: Mapping[str, str] | None = None, folder: Path = ROOT
) -> Generator[Server, None, None]:
    """A server started by a Python command line, which prints its address once it listens."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **(environment or {})},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Server(_address(process), process)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        assert process.stdout is not None
        process.stdout.close()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        address = next((word for word in line.split() if word.startswith("http://")), None)
        if address is not None:
            return address.removesuffix("/").removesuffix("/v1")
    raise AssertionError(f"the server ended with {process.wait()} and never listened")
