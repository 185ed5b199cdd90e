"""Shards are made in memory where there is room, and nothing is left there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from connectors.qdrant_edge import memory as module
from connectors.qdrant_edge.workplace import workplace


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for the file system in memory."""
    folder = tmp_path / "memory"
    folder.mkdir()
    monkeypatch.setattr(module, "_MEMORY", folder)
    return folder


def test_what_is_made_in_memory_ends_where_it_was_meant_to_be(tmp_path: Path, memory: Path) -> None:
    with workplace(tmp_path / "shard", 10, 8) as place:
        assert place.is_relative_to(memory)
        (place / "segments").mkdir()
        with (place / "segments" / "page").open("wb") as page:
            page.write(b"begin")
            page.truncate(32 << 20)
            page.seek(10 << 20)
            page.write(bytes(4 << 20))
            page.seek(20 << 20)
            page.write(b"middle")
        (place / "empty").touch()
    page = tmp_path / "shard" / "segments" / "page"
    content = page.read_bytes()
    assert content.startswith(b"begin\0")
    assert content[20 << 20 :].startswith(b"middle\0")
    assert len(content) == 32 << 20
    # Holes stay holes, and zeros become some.
    assert page.stat().st_blocks * 512 < 1 << 20
    assert (tmp_path / "shard" / "empty").stat().st_size == 0
    assert list(memory.iterdir()) == []


def test_the_memory_that_a_container_has_is_too_small(
    tmp_path: Path, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = shutil.disk_usage

    def small(path: Path) -> object:
        return real(path)._replace(free=64 << 20) if path == memory else real(path)

    monkeypatch.setattr(module.shutil, "disk_usage", small)
    with workplace(tmp_path / "shard", 10, 8) as place:
        assert place == tmp_path / "shard"


def test_without_room_it_is_made_on_disk(
    tmp_path: Path, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with workplace(tmp_path / "large", 100_000, 384) as place:
        assert place == tmp_path / "large"
    (tmp_path / "max").write_text("120000000\n")
    (tmp_path / "current").write_text("100000000\n")
    with monkeypatch.context() as contained:
        contained.setattr(module, "_LIMITS", ((tmp_path / "max", tmp_path / "current"),))
        with workplace(tmp_path / "contained", 10, 8) as place:
            assert place == tmp_path / "contained"
    monkeypatch.setattr(module, "_MEMORY", tmp_path / "absent")
    with workplace(tmp_path / "small", 10, 8) as place:
        (place / "file").write_text("here")
    assert (tmp_path / "small" / "file").read_text() == "here"


def test_what_fails_leaves_nothing(tmp_path: Path, memory: Path) -> None:
    with suppress(ZeroDivisionError), workplace(tmp_path / "shard", 10, 8) as place:
        (place / "file").write_text("half")
        raise ZeroDivisionError
    assert not (tmp_path / "shard").exists()
    assert list(memory.iterdir()) == []


def test_what_a_killed_process_left_is_deleted_by_the_next_and_what_a_living_one_makes_is_not(
    tmp_path: Path, memory: Path
) -> None:
    program = (
        "import pathlib, sys, time\n"
        "from connectors.qdrant_edge import memory as module, workplace\n"
        f"module._MEMORY = pathlib.Path({str(memory)!r})\n"
        f"with workplace.workplace(pathlib.Path({str(tmp_path / 'theirs')!r}), 10, 8) as place:\n"
        "    (place / 'file').write_text('half')\n"
        "    print('made', flush=True)\n"
        "    time.sleep(60)\n"
    )
    other = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "made\n"
    with workplace(tmp_path / "mine", 10, 8):
        assert len(list(memory.glob("*/file"))) == 1
    os.kill(other.pid, signal.SIGKILL)
    other.communicate()
    assert len(list(memory.iterdir())) == 2
    with workplace(tmp_path / "mine", 10, 8):
        assert list(memory.glob("*/file")) == []
    assert list(memory.iterdir()) == []
