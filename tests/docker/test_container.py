"""What the containers run, run as processes: index, serve, health, ask, stop."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.settings import Settings
from tests.docker.image import ROOT, image
from tests.docker.programs import config
from tests.docs.page import blocks

#: Seconds that a process may take: far more than it needs, on any machine.
PATIENCE = 60
KEY = "a-key-of-the-test"


@dataclass(frozen=True)
class Container:
    """A folder in the place of a container's root, and its environment in the place of the image's."""

    root: Path
    port: int

    @property
    def environment(self) -> dict[str, str]:
        """What the image sets, with folders below `root`, and loopback for every address."""
        said = image().environment
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("ORCHESTRATOR_")},
            **{name: self.path(value) for name, value in said.items() if name != "PATH"},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "ORCHESTRATOR_EMBEDDER": "light",
            "ORCHESTRATOR_CONFIG": str(self.settings),
            "ORCHESTRATOR_SERVE__HOST": "127.0.0.1",
            "ORCHESTRATOR_SERVE__PORT": str(self.port),
        }

    @property
    def settings(self) -> Path:
        return self.root / "orchestrator.toml"

    def path(self, text: str) -> str:
        """An absolute path of the container as one of this machine; anything else as it is."""
        return f"{self.root}{text}" if text.startswith("/") else text

    def run(self, command: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
        """A command as `docker compose run` or a health check runs it."""
        return subprocess.run(
            [self.path(word) for word in command],
            cwd=self.root / "data",
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    @contextmanager
    def serving(self) -> Iterator[subprocess.Popen[str]]:
        """The image's command, once its health check has passed."""
        with (self.root / "log").open("w") as log:
            server = subprocess.Popen(
                image().command,
                cwd=self.root / "data",
                env=self.environment,
                stdout=log,
                stderr=log,
                text=True,
            )
        try:
            end = time.monotonic() + PATIENCE
            while self.run(image().health_command).returncode != 0:
                assert server.poll() is None, (self.root / "log").read_text()
                assert time.monotonic() < end, (self.root / "log").read_text()
            yield server
        finally:
            if server.poll() is None:
                server.terminate()
                server.wait(PATIENCE)


@pytest.fixture
def container(tmp_path: Path) -> Container:
    """A container with one document, no data yet, and the example of settings as they are shipped."""
    for name in ("data", "tmp", "documents"):
        (tmp_path / name).mkdir()
    (tmp_path / "documents" / "bees.md").write_text("# Bees\n\nBees dance to tell where flowers are.\n")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = Container(tmp_path, port)
    made.settings.write_text((ROOT / "docker" / "orchestrator.example.toml").read_text(encoding="utf-8"))
    return made


def give_key(container: Container) -> None:
    """Does what the page says about keys."""
    with container.settings.open("a") as file:
        file.write(f'\n[api_keys]\n"{KEY}" = {{ grants = ["public"], name = "reading room" }}\n')


def test_the_shipped_settings_are_valid_and_hold_no_key(container: Container):
    assert Settings(config=container.settings).api_keys == {}


@pytest.mark.slow
def test_the_image_as_it_is_does_not_serve_without_a_key(container: Container):
    done = container.run(
        image().command, ORCHESTRATOR_SERVE__HOST=image().environment["ORCHESTRATOR_SERVE__HOST"]
    )
    assert done.returncode != 0
    assert "Serving on '0.0.0.0' without an API key would let anyone in." in done.stderr


def test_a_health_check_without_a_server_fails(container: Container):
    assert container.run(image().health_command).returncode != 0


@pytest.mark.slow
def test_the_commands_of_the_image_index_serve_and_are_healthy(container: Container):
    give_key(container)
    index = config()["services"]["index"]["command"]
    indexed = container.run(index)
    assert indexed.returncode == 0, indexed.stderr
    with container.serving() as server:
        with socket.socket() as elsewhere:
            elsewhere.bind(("127.0.0.1", 0))
            wrong = str(elsewhere.getsockname()[1])
            assert container.run(image().health_command, ORCHESTRATOR_SERVE__PORT=wrong).returncode != 0
        assert "Bees dance" in ask(container, KEY).stdout
        assert "401" in ask(container, "another-key").stderr
        server.send_signal(signal.SIGTERM)
        assert server.wait(PATIENCE) == 0
    assert container.run(image().health_command).returncode != 0
    # Whatever is written goes where a container with a read-only root can write.
    assert {each.name for each in container.root.iterdir()} == {
        "data",
        "tmp",
        "documents",
        "orchestrator.toml",
        "log",
    }
    assert (container.root / "data" / "state.db").exists()


def ask(container: Container, key: str) -> subprocess.CompletedProcess[str]:
    """The request of docs/deployment.md, with its question replaced."""
    page = ROOT / "docs" / "deployment.md"
    commands = [each for block in blocks(page) if block.language == "text" for each in block.commands]
    request = next(each for each in commands if "/v1/chat/completions" in each)
    request = request.replace(":8000/", f":{container.port}/").replace("--silent", "--silent --show-error")
    request = request.replace("Who may read a document?", "Where do bees say that flowers are?")
    return container.run(["bash", "-c", request], KEY=key)
