"""Trainings that were stopped: they go on, and are given up after a while, never under somebody's hands."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestrator import Application
from orchestrator.errors import StoreError
from orchestrator.recommendation.editions.training import train
from orchestrator.recommendation.editions.unfinished import Unfinished
from orchestrator.settings import Settings
from orchestrator.testing.classic_rankers import classic_rankers
from orchestrator.testing.shop import made_up_log
from tests.recommendation.stored_editions import editions_at

DAY = 86_400.0
REGISTRY = classic_rankers()

#: Trains rankers, says of each that it is trained, and at the last one waits to be killed.
TRAINING = """
import sys, time
from pathlib import Path
from orchestrator.testing.classic_rankers import classic_rankers
from tests.recommendation.stored_editions import editions_at
from orchestrator.recommendation.editions.training import train
from orchestrator.testing.shop import made_up_log
def finished(name):
    print(name, flush=True)
    if name == "rules":
        time.sleep(600)
editions = editions_at(Path(sys.argv[1]), classic_rankers())
train(made_up_log(), editions, rankers=("popularity", "itemknn", "rules"), finished=finished)
"""


@contextmanager
def begun(folder: Path) -> Generator[None]:
    """A training in another process, in the middle of its work, and killed there afterwards."""
    command = [sys.executable, "-c", TRAINING, folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert [process.stdout.readline().strip() for _ in range(3)] == ["popularity", "itemknn", "rules"]
            yield
        finally:
            process.send_signal(signal.SIGKILL)


def aged(folder: Path, days: float) -> None:
    """As if nothing in a folder had been written for so long."""
    then = time.time() - days * DAY
    for each in (*folder.rglob("*"), folder):
        os.utime(each, (then, then))


def left(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir() if each.name.startswith(("training-", ".gone-")))


@pytest.mark.slow
def test_a_killed_training_goes_on_and_is_given_up_only_when_nobody_did(tmp_path: Path) -> None:
    pytest.importorskip("scipy", reason="scipy is not installed: the extra `recommend` has it")
    editions = editions_at(tmp_path, REGISTRY)
    with begun(tmp_path):
        (name,) = left(tmp_path)
        aged(tmp_path / name, 30)
        # It is old, and somebody is at it.
        assert editions.unfinished.prune(time.time()) == 0
        train(made_up_log(), editions, rankers=("popularity",))
        assert left(tmp_path) == [name]
        with pytest.raises(StoreError, match="under way"):
            train(made_up_log(), editions, rankers=("popularity", "itemknn", "rules"))
    aged(tmp_path / name, 6)
    assert editions.unfinished.prune(time.time()) == 0
    train(made_up_log(), editions, rankers=("popularity",))
    before = (tmp_path / name / "itemknn" / "ranker.json").stat().st_mtime
    seen: list[float] = []

    def finished(ranker: str) -> None:
        seen.append((tmp_path / name / "itemknn" / "ranker.json").stat().st_mtime)

    train(made_up_log(), editions, rankers=("popularity", "itemknn", "rules"), finished=finished)
    assert set(seen) == {before}, "what was trained was trained again"
    assert left(tmp_path) == []


@pytest.mark.slow
def test_a_later_training_deletes_what_was_given_up(tmp_path: Path) -> None:
    pytest.importorskip("scipy", reason="scipy is not installed: the extra `recommend` has it")
    with begun(tmp_path):
        pass
    (name,) = left(tmp_path)
    aged(tmp_path / name, 8)
    train(made_up_log(), editions_at(tmp_path, REGISTRY), rankers=("popularity",))
    assert left(tmp_path) == []


def test_a_training_that_is_begun_again_is_new_again(tmp_path: Path) -> None:
    unfinished = Unfinished(tmp_path)

    def stopped() -> None:
        with unfinished.training("a") as folder:
            (folder / "work").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    aged(tmp_path / "training-a", 20)
    with unfinished.training("a") as again, unfinished.training("b"):
        assert (again / "work").read_text() == "half"
    assert left(tmp_path) == []


def test_what_a_release_before_left_without_a_lock_is_given_up_too(tmp_path: Path) -> None:
    (tmp_path / "training-old" / "ease").mkdir(parents=True)
    (tmp_path / "training-new").mkdir()
    (tmp_path / "training-file").write_text("not ours")
    aged(tmp_path / "training-old", 8)
    assert Unfinished(tmp_path).prune(time.time()) == 1
    assert left(tmp_path) == ["training-file", "training-new"]


def test_what_cannot_be_deleted_hinders_nobody(tmp_path: Path) -> None:
    foreign = tmp_path / "training-foreign"
    # Nobody can lock a folder as a file.
    (foreign / ".in-use").mkdir(parents=True)
    aged(foreign, 9)
    with Unfinished(tmp_path).training("a"):
        assert left(tmp_path) == ["training-a", "training-foreign"]


def test_a_deletion_that_was_killed_is_finished(tmp_path: Path) -> None:
    (tmp_path / ".gone-a-1" / "ease").mkdir(parents=True)
    with Unfinished(tmp_path).training("b"):
        assert left(tmp_path) == ["training-b"]
    assert Unfinished(tmp_path / "nowhere").prune(time.time()) == 0
    assert not (tmp_path / "nowhere").exists()


async def test_pruning_an_application_follows_its_settings(tmp_path: Path) -> None:
    folder = tmp_path / "recommendations" / "training-a"
    for days, expected in ((3.0, []), (5.0, ["training-a"])):
        folder.mkdir(parents=True, exist_ok=True)
        aged(folder, 4)
        settings = Settings(home=tmp_path, embedder="light", retention={"trainings": days})
        async with Application(settings) as application:
            await application.prune()
        assert left(folder.parent) == expected
