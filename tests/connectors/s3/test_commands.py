"""The commands on files of S3, as they are typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.connectors.s3.conftest import Folder

pytestmark = pytest.mark.slow

Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path, s3_folder: Folder) -> Run:
    """Runs a command with `--json`, and reads what it prints."""
    table = {**s3_folder.table, "artifacts": f"{s3_folder.url}artifacts"}
    environment = {
        **os.environ,
        "ORCHESTRATOR_HOME": str(tmp_path / "home"),
        "ORCHESTRATOR_CONNECTORS": json.dumps({"s3": table}),
        "ORCHESTRATOR_PORTS": '{"artifact_store": "s3"}',
    }

    def ran(*arguments: str, code: int = 0) -> Any:
        command = [sys.executable, "-m", "orchestrator.cli", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout) if "--json" in arguments and not code else done.stderr

    return ran


def test_files_are_counted_added_asked_and_removed(run: Run, s3_folder: Folder) -> None:
    s3_folder.put("otters.md", "# Otters\n\nOtters hold hands while they sleep.")
    s3_folder.put("owls.md", "# Owls\n\nOwls hunt without a sound.")
    (counted,) = run("index", "add", s3_folder.url, "--dry-run", "--json")["runs"]
    added = run("index", "add", s3_folder.url, "--json")
    assert counted["documents"] == added["added"] == added["documents"] == 2
    answer = run("ask", "What do otters do while they sleep?", "--json")
    assert f"{s3_folder.url}otters.md" in json.dumps(answer)
    removed = run("index", "remove", f"{s3_folder.url}owls.md", "--json")
    assert removed["documents"] == 1


def test_a_worker_does_what_was_submitted(run: Run, s3_folder: Folder) -> None:
    s3_folder.put("otters.md", "# Otters\n\nOtters hold hands while they sleep.")
    run("index", "add", s3_folder.url, "--background", "--json")
    run("worker", "--once")
    assert run("index", "status", "--json")["documents"] == 1


def test_doctor_says_whether_the_artifacts_can_be_reached(run: Run) -> None:
    findings = run("doctor", "--json")
    (found,) = [each for each in findings if each["name"] == "artifacts"]
    assert (found["state"], found["detail"]) == ("ok", "0 on s3.")


def test_a_wrong_bucket_is_told_with_the_next_step(run: Run) -> None:
    told = run("index", "add", "s3://no-such-bucket/docs", code=2)
    assert "has no bucket of 's3://no-such-bucket/docs" in told
    assert "Traceback" not in told
