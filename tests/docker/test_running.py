"""The shipped files start: images are built, and api, worker, PostgreSQL and Valkey answer a question."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.docker.engine import Engine, engine
from tests.docker.image import ROOT
from tests.docker.programs import config

pytestmark = [pytest.mark.slow, pytest.mark.containers]


@dataclass(frozen=True)
class Deployment:
    """The services of the profile `workers`, with documents and secrets of their own."""

    engine: Engine
    variables: Mapping[str, str]
    secrets: Path

    def compose(self, *arguments: str) -> str:
        """A command that must succeed."""
        done = self.engine.compose(*arguments, variables=self.variables, profiles=["workers"])
        assert done.returncode == 0, f"{arguments}\n{done.stdout}{done.stderr}\n{self.logs()}"
        return done.stdout

    def logs(self) -> str:
        """What the services said."""
        return self.engine.compose("logs", variables=self.variables, profiles=["workers"]).stdout[-6000:]

    def start(self, *services: str) -> None:
        """Start services, and run their health checks until they pass: no timer does here."""
        self.compose("up", "--detach", "--no-deps", "--no-build", *services)
        for service in services:
            while not self.healthy(service):
                assert self.engine.left > 30, f"{service} does not become healthy:\n{self.logs()}"
                time.sleep(0.5)

    def healthy(self, service: str) -> bool:
        """Whether the health check of a service passes."""
        kind, *command = config()["services"][service]["healthcheck"]["test"]
        words = command if kind == "CMD" else ["sh", "-c", *command]
        told = ("exec", "--no-TTY", service, *words)
        return self.engine.compose(*told, variables=self.variables, profiles=["workers"]).returncode == 0

    def jobs(self) -> list[dict[str, Any]]:
        """The jobs, as `orchestrator jobs` shows them."""
        return json.loads(self.compose("exec", "--no-TTY", "api", "orchestrator", "jobs", "list", "--json"))

    def get(self, path: str, key: str, body: Mapping[str, Any] | None = None) -> str:
        """What the endpoint answers."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.variables['API_PORT']}{path}",
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read().decode()


@pytest.fixture
def deployment(tmp_path: Path) -> Generator[Deployment]:
    documents, secrets = tmp_path / "documents", tmp_path / "secrets"
    documents.mkdir()
    (documents / "bees.md").write_text("# Bees\n\nBees dance to tell where flowers are.\n")
    made = [sys.executable, str(ROOT / "docker" / "new_settings.py"), "--workers", f"--folder={secrets}"]
    subprocess.run(made, check=True)
    # The containers' user reads what is below.
    for folder in (documents, *list(tmp_path.parents)[:2], tmp_path):
        folder.chmod(0o755)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    with engine() as running:
        running.make_images()
        variables = {
            "API_PORT": port,
            "COMPOSE_PROJECT_NAME": "tested",
            "DOCUMENTS": str(documents),
            "SECRETS": str(secrets),
            "SETTINGS": str(secrets / "orchestrator.toml"),
            "POSTGRES_IMAGE": "localhost/postgres:test",
            "VALKEY_IMAGE": "localhost/valkey:test",
        }
        with running.serving():
            yield Deployment(running, variables, secrets)


def test_workers_index_and_the_api_answers_with_a_citation(deployment: Deployment) -> None:
    deployment.start("postgres", "valkey")
    deployment.start("api", "worker")
    add = ("orchestrator", "index", "add", "/documents", "--background")
    deployment.compose("run", "--rm", "--no-deps", "--no-TTY", "index", *add)
    while (job := deployment.jobs()[0])["state"] != "done":
        assert job["state"] in ("pending", "running"), job
        assert deployment.engine.left > 30, job
        time.sleep(0.5)

    settings = tomllib.loads((deployment.secrets / "orchestrator.toml").read_text())
    reader = next(key for key, said in settings["api_keys"].items() if said["name"] == "readers")
    question = {"role": "user", "content": "Where do bees say that flowers are?"}
    answer = json.loads(
        deployment.get("/v1/chat/completions", reader, {"model": "chat", "messages": [question]})
    )
    message = answer["choices"][0]["message"]
    assert "Bees dance to tell where flowers are." in message["content"]
    assert message["annotations"][0]["url_citation"]["url"] == "file:///documents/bees.md"

    operator = (deployment.secrets / "metrics_key").read_text()
    assert 'orchestrator_jobs{state="done"}' in deployment.get("/metrics", operator)
    doctor = deployment.compose("exec", "--no-TTY", "worker", "orchestrator", "doctor", "--json")
    assert [each for each in json.loads(doctor) if each["state"] == "fault"] == []

    # Nothing but the data and /tmp can be written, by a user without rights.
    for service in ("api", "worker", "postgres", "valkey"):
        seen = deployment.compose(
            "exec", "--no-TTY", service, "sh", "-c", "id -u; touch /usr/x 2>/dev/null || echo refused"
        )
        assert seen.split() == [config()["services"][service]["user"].partition(":")[0], "refused"]
    deployment.compose("stop", "worker", "api")
