"""Kill anything at any moment, run it again: the index is exactly that of an undisturbed run."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from orchestrator.application.application import Application
from orchestrator.application.indexing import indexing_context
from orchestrator.indexing.indexer import Indexer
from orchestrator.indexing.isolated_reading import Reader
from orchestrator.settings import Settings
from tests.indexing.contents import assert_alike, found, stored
from tests.indexing.samples import pdf

WORDS = "otter badger swift owl heron fox river stone snow night sound wing nest water tree".split()
QUESTIONS = ("otter river", "owl sound night", "what does a heron build?")


def _sentence(chance: random.Random) -> str:
    return " ".join(chance.choices(WORDS, k=8)).capitalize() + "."


def change(root: Path, chance: random.Random) -> None:
    """Add, change and remove some files of every kind below a root."""
    for number in range(8):
        path = root / f"part{number % 3}" / f"note{number}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        fate = chance.random()
        if fate < 0.2:
            path.unlink(missing_ok=True)
        elif fate < 0.7 or not path.exists():
            path.write_text(f"# {_sentence(chance)}\n\n" + " ".join(_sentence(chance) for _ in range(5)))
    records = [
        f'{{"_id": "r{number}", "text": "{_sentence(chance)}"}}' for number in range(chance.randint(20, 60))
    ]
    (root / "records.jsonl").write_text("\n".join(records))
    if chance.random() < 0.5:
        (root / "paper.pdf").write_bytes(pdf(*(_sentence(chance) for _ in range(3))))
    if chance.random() < 0.3:
        (root / "broken.txt").write_bytes(b"\xff\xff")
    (root / "always.txt").write_text("This one never changes.")


class Adding:
    """A run of the adding process, with the processes that it started."""

    def __init__(self, home: Path, root: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.indexing.adding", str(home), str(root)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "began\n"

    def descendants(self) -> list[int]:
        """The worker and its reader, if they have been started."""
        return list(_descendants(self.process.pid))

    def finish(self) -> str:
        """Wait for its end; what it complained of."""
        return self.process.communicate(timeout=120)[1]


def _descendants(pid: int) -> Iterator[int]:
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(child) for child in listing.read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
        for child in children:
            yield child
            yield from _descendants(child)


def kill(pid: int) -> None:
    """What `kill -9` does, to a process that may have ended just now."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


async def compared(app: Application, reader: Reader, root: Path, tmp_path: Path) -> None:
    """Assert that an index is sound and like one that was made without any disturbance."""
    report = await app.indexer().verify()
    assert report.faults == ()
    async with Application(Settings(home=tmp_path / "fresh")) as fresh:
        await Indexer(indexing_context(fresh.container, reader), settings=None).add(root)
        assert stored(app) == stored(fresh)
        for question in QUESTIONS:
            assert_alike(await found(app, question), await found(fresh, question))


async def killed_again_and_again(
    app: Application, reader: Reader, tmp_path: Path, *, kills: int, seed: int
) -> None:
    chance = random.Random(seed)
    root = tmp_path / "docs"
    home = app.settings.home
    change(root, chance)
    began = time.monotonic()
    assert Adding(home, root).finish() == ""
    whole = time.monotonic() - began
    killed = {"parent": 0, "child": 0, "both": 0}
    for _ in range(kills):
        change(root, chance)
        adding = Adding(home, root)
        await asyncio.sleep(chance.uniform(0.0, whole))
        whom = chance.choice(["parent", "child", "both"])
        children = adding.descendants() if whom != "parent" else []
        if whom != "child" or not children:
            kill(adding.process.pid)
            whom = "parent" if not children else whom
        for child in children if whom == "both" else children[: chance.randint(1, 2)]:
            kill(child)
        adding.finish()
        killed[whom] += 1
    assert killed["parent"] > 0
    change(root, chance)
    assert Adding(home, root).finish() == ""
    await compared(app, reader, root, tmp_path)


@pytest.mark.slow
async def test_five_kills_leave_exactly_the_right_index(
    app: Application, reader: Reader, tmp_path: Path
) -> None:
    await killed_again_and_again(app, reader, tmp_path, kills=5, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 4))
async def test_many_kills_leave_exactly_the_right_index(
    app: Application, reader: Reader, tmp_path: Path, seed: int
) -> None:
    await killed_again_and_again(app, reader, tmp_path, kills=15, seed=seed)
