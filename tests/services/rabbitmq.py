"""A RabbitMQ server of a test's own: on free ports of loopback, with its messages in a temporary folder."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from tests.services.ports import free_ports

#: Debian's program for all users changes to one of its own; this one does not.
_PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


class NoRabbit(Exception):
    """Why no server can be started here."""


class RabbitServer:
    """A server in a folder, which can be killed and started again."""

    def __init__(self) -> None:
        found = str(_PROGRAM) if _PROGRAM.exists() else shutil.which("rabbitmq-server")
        if found is None:
            raise NoRabbit("no rabbitmq-server on the path: apt-get install rabbitmq-server")
        self._program = found
        self._folder = Path(tempfile.mkdtemp(prefix="rabbitmq-"))
        self._port, distribution, self._names = free_ports(3)
        (self._folder / "plugins").write_text("[].")
        self._environment = {
            **os.environ,
            "HOME": str(self._folder),
            "ERL_EPMD_PORT": str(self._names),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"tests{self._port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self._port),
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_MNESIA_BASE": str(self._folder / "data"),
            "RABBITMQ_LOG_BASE": str(self._folder / "log"),
            "RABBITMQ_PID_FILE": str(self._folder / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._folder / "plugins"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": str(self._folder / "rabbitmq"),
        }
        self._process: subprocess.Popen[bytes] | None = None
        #: What clients are given.
        self.url = f"amqp://guest:guest@127.0.0.1:{self._port}//"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self._folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                [self._program],
                env=self._environment,
                stdout=output,
                stderr=output,
                # The program is a script: its server goes with its group.
                start_new_session=True,
            )
        deadline = time.monotonic() + 60
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "output").read_text()
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.1)

    def crash(self) -> None:
        """Kill it: what it had written is there when it is started again."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def remove(self) -> None:
        """Remove all of it, and the process that knows the names of nodes."""
        deadline = time.monotonic() + 10
        while self._listens(self._names) and time.monotonic() < deadline:
            # As long as it believes that a node lives, it refuses.
            subprocess.run(["epmd", "-kill"], env=self._environment, capture_output=True, check=False)
            time.sleep(0.1)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _listens(self, port: int) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=1) as opened:
                opened.sendall(b"AMQP\x00\x00\x09\x01")
                return bool(opened.recv(1))
        except OSError:
            return False
