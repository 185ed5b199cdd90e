"""What is damaged is told by `doctor` and `verify`, and mended by `index add`; a backup tells its size."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Command

pytestmark = pytest.mark.slow


def test_a_shard_that_is_gone_is_told_and_mended(cli: Command, notes: Path, folder: Path) -> None:
    assert cli("index", "add", notes).code == 0
    for shard in (folder / ".orchestrator" / "indexes" / "default").iterdir():
        shutil.rmtree(shard)
    told = cli("doctor")
    assert told.code == 2
    assert "damaged in its store, or gone: " in told.out
    assert cli("index", "verify").code == 2
    asked = cli("ask", "What do otters do?")
    assert asked.code != 0
    assert "index add" in asked.err
    assert "Traceback" not in asked.err
    mended = cli("index", "add", notes)
    assert mended.code == 0
    assert "were embedded again" in mended.err
    assert cli("index", "verify").code == 0
    assert cli("doctor").code == 0


def test_a_damaged_database_is_told(cli: Command, notes: Path, folder: Path) -> None:
    assert cli("index", "add", notes).code == 0
    (path,) = (folder / ".orchestrator").glob("*.db")
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + bytes(len(whole) - 8192))
    for command in ("doctor", "index verify"):
        told = cli(*command.split())
        assert told.code != 0
        assert "damaged" in told.out + told.err or "malformed" in told.out + told.err
        assert "Traceback" not in told.err


def test_a_backup_is_as_large_as_its_file(cli: Command, notes: Path, folder: Path) -> None:
    cli("index", "add", notes)
    told = cli("backup", folder / "b.tar.gz", "--json")
    assert told.json["bytes"] == (folder / "b.tar.gz").stat().st_size
