"""The secrets of a deployment: made anew, readable by containers, and never overwritten."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from orchestrator.settings import Settings
from tests.docker.image import ROOT
from tests.docker.programs import config

PROGRAM = ROOT / "docker" / "new_settings.py"


def made(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(PROGRAM), f"--folder={folder}", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("options", [(), ("--workers",)])
def test_the_settings_are_valid_and_every_secret_is_new(tmp_path: Path, options: tuple[str, ...]):
    seen: set[str] = set()
    for number in range(2):
        folder = tmp_path / str(number)
        assert made(folder, *options).returncode == 0
        settings = Settings(config=folder / "orchestrator.toml")
        grants = [sorted(key.grants) for key in settings.api_keys.values()]
        assert grants == [["public"], ["operator", "public"]]
        operator = (folder / "metrics_key").read_text()
        assert operator in tomllib.loads((folder / "orchestrator.toml").read_text())["api_keys"]
        seen |= {operator, *tomllib.loads((folder / "orchestrator.toml").read_text())["api_keys"]}
        if options:
            password = (folder / "postgres_password").read_text()
            assert settings.database_url == f"postgresql://orchestrator:{password}@postgres:5432/orchestrator"
            assert settings.ports["job_broker"] == "celery"
            broker = settings.connectors["celery"]["broker_url"]
            assert f"requirepass {broker.split(':')[2].split('@')[0]}" in (folder / "valkey.conf").read_text()
            seen |= {password, str(broker)}
    assert len(seen) == (8 if options else 4)


def test_containers_read_them_and_others_on_the_host_do_not(tmp_path: Path):
    folder = tmp_path / "secrets"
    assert made(folder, "--workers").returncode == 0
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {each.stat().st_mode & 0o777 for each in folder.iterdir()} == {0o444}


def test_what_is_there_is_not_overwritten(tmp_path: Path):
    (tmp_path / "metrics_key").write_text("mine")
    done = made(tmp_path)
    assert (done.returncode, (tmp_path / "metrics_key").read_text()) == (2, "mine")
    assert "already has metrics_key" in done.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["metrics_key"]


def test_every_secret_of_the_compose_file_is_made(tmp_path: Path):
    assert made(tmp_path, "--workers").returncode == 0
    named = config({"SECRETS": str(tmp_path), "SETTINGS": str(tmp_path / "orchestrator.toml")})["secrets"]
    assert {Path(each["file"]).name for each in named.values()} == {each.name for each in tmp_path.iterdir()}
