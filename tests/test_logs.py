"""Logs as JSON: an object a line that says what it is about, without documents and secrets."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestrator.logs import JsonFormatter, logged


def line(message: str, *given: object, error: BaseException | None = None) -> dict[str, Any]:
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("orchestrator.test", logging.WARNING, __file__, 1, message, given, info)
    written = JsonFormatter().format(record)
    assert "\n" not in written
    return json.loads(written)


def test_a_line_says_when_how_grave_and_from_where() -> None:
    told = line("%s is\nslow", "Ä")
    assert (told["level"], told["logger"], told["message"]) == ("warning", "orchestrator.test", "Ä is\nslow")
    assert told["time"].endswith("+00:00")


def test_a_line_says_which_job_and_part_it_is_about_as_long_as_that_lasts() -> None:
    with logged(job=3, part=None):
        with logged(part=4, run="abc"):
            told = line("begins")
            assert (told["job"], told["part"], told["run"]) == (3, 4, "abc")
        assert "part" not in line("ends")
    assert "job" not in line("rests")


def test_an_error_is_told_by_its_type_and_place() -> None:
    with pytest.raises(ValueError, match="Otters") as raised:
        int("Otters hold hands")
    told = line("It failed.", error=raised.value)
    assert told["error"] == "ValueError"
    assert told["stack"][0].startswith(__file__)
    assert "Otters" not in json.dumps(told)


@pytest.mark.slow
def test_the_lines_of_a_worker_hold_neither_documents_nor_keys(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "good.md").write_text("Otters hold hands.")
    (tmp_path / "docs" / "bad.jsonl").write_text('{"text": "Badgers dig setts"} {')
    environment = {
        **os.environ,
        "ORCHESTRATOR_HOME": str(tmp_path / "home"),
        "ORCHESTRATOR_LOG_FORMAT": "json",
        "ORCHESTRATOR_LOG_LEVEL": "debug",
        "ORCHESTRATOR_LLM_API_KEY": "not-a-key-of-anyone",
        "ORCHESTRATOR_CONNECTORS__S3__SECRET_KEY": "nor-this-one",
        "ORCHESTRATOR_CONNECTORS__S3__ACCESS_KEY": "and-nor-this",
    }

    def told(*arguments: str) -> str:
        command = [sys.executable, "-m", "orchestrator.cli", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stderr

    told("index", "add", str(tmp_path / "docs"), "--background")
    written = told("worker", "--once")
    lines = [json.loads(each) for each in written.splitlines() if each.startswith("{")]
    begun = [each for each in lines if each["message"].startswith("job 1 index.add begins")]
    assert len(begun) == 1
    assert begun[0]["job"] == 1
    for secret in ("Otters", "Badgers", "not-a-key", "nor-this", "and-nor"):
        assert secret not in written
