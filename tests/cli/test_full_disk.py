"""Commands whose home lies on a full disk: one clear error, and nothing half-written is found afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

_MEBIBYTE = 1 << 20
_COMMAND = "from orchestrator.cli import main; main()"
#: How the process is limited where no disk of our own can be mounted: no file grows.
_LIMITED = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); "


@dataclass
class Disk:
    """A small disk, or a limit on what commands write, where mounting is not allowed."""

    path: Path
    mounted: bool
    full: bool = False

    def fill(self) -> None:
        """Let nothing more be written."""
        self.full = True
        if self.mounted:
            with suppress(OSError), (self.path / "filling").open("wb", buffering=0) as filling:
                while filling.write(bytes(4096)):
                    pass

    def empty(self) -> None:
        """Give the room back."""
        self.full = False
        (self.path / "filling").unlink(missing_ok=True)

    def command(self, *arguments: str | Path, home: str = "home") -> tuple[int, str]:
        """A command's exit code, negative if a signal ended it, and all that it said."""
        code = _LIMITED + _COMMAND if self.full and not self.mounted else _COMMAND
        ended = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            env={**os.environ, "ORCHESTRATOR_HOME": str(self.path / home)},
            cwd=self.path.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        return ended.returncode, ended.stdout


@pytest.fixture
def disk(tmp_path: Path) -> Generator[Disk]:
    """A disk of twelve mebibytes."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={12 * _MEBIBYTE}", "none", str(path)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    try:
        yield Disk(path, mounted)
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(path)], check=True)


@pytest.fixture
def notes(tmp_path: Path) -> Callable[[str, str], Path]:
    """Makes a folder of one note."""

    def made(name: str, text: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"{name}.md").write_text(text)
        return folder

    return made


def refused(outcome: tuple[int, str]) -> None:
    """The command ended with one error, by itself, and says what is wrong."""
    code, said = outcome
    assert code in (1, 2), said
    assert "Traceback" not in said
    assert "Unexpected" not in said
    assert any(words in said.lower() for words in ("full", "space", "room", "too large", "i/o")), said


@pytest.mark.slow
def test_what_is_added_to_a_full_disk_is_not_found(disk: Disk, notes: Callable[[str, str], Path]) -> None:
    assert disk.command("index", "add", notes("otters", "Otters swim in rivers."))[0] == 0
    badgers = notes("badgers", "Badgers dig setts in woods.")
    disk.fill()
    refused(disk.command("index", "add", badgers))
    code, said = disk.command("ask", "Where do otters swim?")
    # A run that cannot be recorded may be refused; it must not end without a word.
    if code:
        refused((code, said))
    disk.empty()
    assert "sound" in disk.command("index", "verify")[1]
    code, said = disk.command("ask", "What do badgers dig?")
    assert code == 0
    assert "setts" not in said
    assert disk.command("index", "add", badgers)[0] == 0
    assert "setts" in disk.command("ask", "What do badgers dig?")[1]


def listed(disk: Disk) -> list[str]:
    """What is recommended now."""
    code, said = disk.command("recommend", "top", "--user", "u1")
    assert code == 0, said
    return [line for line in said.splitlines() if line.strip()[:1].isdigit()]


@pytest.mark.slow
def test_a_recommender_trained_on_a_full_disk_is_not_published(disk: Disk, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    rows = [f"u{user},i{(user * 7 + step) % 40},{step}" for user in range(60) for step in range(6)]
    log.write_text("\n".join(["user,item,time", *rows]))
    train = ("recommend", "train", "--data", log, "--rankers", "rules")
    assert disk.command(*train)[0] == 0
    before = listed(disk)
    assert before
    disk.fill()
    refused(disk.command(*train))
    disk.empty()
    assert listed(disk) == before
    assert disk.command(*train)[0] == 0
