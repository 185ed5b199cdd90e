"""A server in a process of its own, on a free port, ended by its process id."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from openai import OpenAI

ROOT = Path(__file__).parents[2]
#: Arguments that make Python the command line.
PROGRAM = ("-c", "from orchestrator.cli import main; main()")
#: Seconds that a server may take to come up or go down: far more than it needs, on any machine.
PATIENCE = 60


@dataclass(frozen=True)
class Server:
    """A running server, and the file that it writes to."""

    address: str
    process: subprocess.Popen[bytes]
    output: Path

    def client(self, key: str = "none") -> OpenAI:
        """The official client, which repeats nothing by itself."""
        return OpenAI(base_url=f"{self.address}/v1", api_key=key, max_retries=0, timeout=PATIENCE)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to end; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@contextmanager
def running(arguments: Sequence[str], *, folder: Path = ROOT) -> Generator[Server, None, None]:
    """A server started by a Python command line, which writes its address once it listens."""
    with TemporaryDirectory() as kept:
        output = Path(kept) / "output"
        with output.open("wb") as written:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=folder,
                env=_environment(),
                stdout=written,
                stderr=subprocess.STDOUT,
            )
        try:
            yield Server(_address(process, output), process, output)
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(PATIENCE)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def orchestrator(
    *arguments: str, folder: Path, patience: float = PATIENCE
) -> subprocess.CompletedProcess[str]:
    """A command of the command line, run to its end."""
    return subprocess.run(
        [sys.executable, *PROGRAM, *arguments],
        cwd=folder,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=patience,
        check=False,
    )


def _environment() -> dict[str, str]:
    """This process's, without settings of the project's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ORCHESTRATOR_")}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def _address(process: subprocess.Popen[bytes], output: Path) -> str:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        ended = process.poll()
        text = output.read_text()
        for word in text.split():
            if word.startswith("http://") and text.endswith("\n"):
                return word.removesuffix("/v1")
        if ended is not None:
            raise AssertionError(f"the server ended with {ended}: {text}")
        time.sleep(0.02)
    raise AssertionError(f"the server never listened: {output.read_text()}")
