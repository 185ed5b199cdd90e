"""A tiny language model and real vLLM servers for it, on the CPU.

`ORCHESTRATOR_VLLM_PYTHON` names the interpreter of an environment that has vLLM; `make test-vllm` makes one.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.services.ports import free_ports

#: The key that the servers ask for.
KEY = "a-key-for-tests"
#: Seconds that a server may take to start: it imports for half a minute on an idle machine.
_STARTING = 420


class NoVllm(Exception):
    """Why no server can be started here."""


@dataclass(frozen=True)
class VllmServer:
    """A running server."""

    url: str
    process: subprocess.Popen[bytes]
    model: Path
    log: Path

    @property
    def running(self) -> int:
        """Requests under way or waiting, by the server's own metrics.

        A server that gets too little of the processors tells of a request when it is over.
        """
        return self._metric("num_requests_(?:running|waiting)")

    @property
    def finished(self) -> int:
        """Requests that came to their end so far; those that were given up are not among them."""
        return self._metric("request_success_total")

    def _metric(self, name: str) -> int:
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        return int(sum(map(float, re.findall(rf"^vllm:{name}\{{[^}}]*\}} (\S+)", text, re.MULTILINE))))

    @contextmanager
    def silenced(self) -> Generator[None]:
        """It does nothing and says nothing meanwhile, and goes on where it was."""
        os.killpg(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.process.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it as a crash would: the server and its workers at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def vllm_python() -> str:
    """The interpreter that has vLLM; NoVllm if none is named."""
    named = os.environ.get("ORCHESTRATOR_VLLM_PYTHON")
    if not named:
        raise NoVllm("ORCHESTRATOR_VLLM_PYTHON names no interpreter: run `make test-vllm`")
    if not Path(named).is_file():
        raise NoVllm(f"ORCHESTRATOR_VLLM_PYTHON names {named}, which does not exist")
    return named


def tiny_model(folder: Path) -> Path:
    """Make the tiny language model in `folder`; it takes half a minute of one core."""
    from tests.services.tiny_chats import write_chats

    python = vllm_python()
    write_chats(folder / "chats.jsonl")
    script = Path(__file__).with_name("tiny_model.py")
    done = subprocess.run(
        [python, str(script), str(folder / "chats.jsonl"), str(folder / "model")],
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder / "model"


@contextmanager
def vllm_server(model: Path, *arguments: str, folder: Path, name: str = "tiny") -> Generator[VllmServer]:
    """A server of the model in a folder, on a port of its own; killed at the end.

    `arguments` go to vLLM, such as `--runner pooling`. Prompts are read in one piece: on a CPU, vLLM 0.32
    dies of a seeded request that it reads in several.
    """
    python, port = vllm_python(), free_port()
    command = [
        python,
        *("-m", "vllm.entrypoints.openai.api_server"),
        *("--model", str(model), "--served-model-name", name, "--dtype", "bfloat16"),
        *("--host", "127.0.0.1", "--port", str(port), "--api-key", KEY),
        *_unless(arguments, "--max-model-len", "8192"),
        *_unless(arguments, "--max-num-batched-tokens", "8192"),
        "--enforce-eager",
        *arguments,
    ]
    log = folder / f"vllm-{port}.log"
    with log.open("wb") as opened:
        process = subprocess.Popen(
            command,
            env=_environment(),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=opened,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = VllmServer(f"http://127.0.0.1:{port}", process, model, log)
    try:
        _await(server)
        yield server
    finally:
        if process.poll() is None:
            server.kill()


def free_port() -> int:
    """A port that was free a moment ago."""
    return free_ports(1)[0]


def _await(server: VllmServer) -> None:
    end = time.monotonic() + _STARTING
    while time.monotonic() < end:
        if server.process.poll() is not None:
            raise AssertionError(f"vLLM does not start:\n{server.log.read_text(errors='replace')[-3000:]}")
        try:
            with urllib.request.urlopen(f"{server.url}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    said = server.log.read_text(errors="replace")[-3000:]
    raise AssertionError(f"vLLM is not up after {_STARTING} s:\n{said}")


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return {
        **kept,
        # Its sitecustomize.py.
        "PYTHONPATH": str(Path(__file__).with_name("vllm_process")),
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        # One thread, unpinned: with more, small kernels wait for one another where other work runs beside.
        "OMP_NUM_THREADS": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    }


def _unless(arguments: Sequence[str], name: str, value: str) -> tuple[str, ...]:
    return () if name in arguments else (name, value)


if __name__ == "__main__":
    # python -m tests.services.vllm FOLDER: a server to try things with, until it is interrupted.
    # Ended from outside, it ends its server, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    place = Path(sys.argv[1])
    place.mkdir(parents=True, exist_ok=True)
    made = place / "model" if (place / "model").is_dir() else tiny_model(place)
    with vllm_server(made, *sys.argv[2:], folder=place) as started:
        sys.stdout.write(f"{started.url} (key {KEY})\n")
        sys.stdout.flush()
        started.process.wait()
