"""Trainings are jobs: one at a time, in the ledger, and nothing is published of one that was cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from connectors.folder_artifacts import FolderArtifacts
from connectors.sql import Database, SqlLedger, SqlRecommenderState, open_database
from orchestrator.clock import SystemClock
from orchestrator.errors import BadInput, IndexBusy, StoreError
from orchestrator.jobs.write_lock import write_lock
from orchestrator.ports import Ledger
from orchestrator.progress import silent
from orchestrator.recommendation.editions.editions import Editions
from orchestrator.recommendation.training_jobs import (
    RECOMMENDER,
    LocalTraining,
    refresh_locally,
    train_locally,
)
from orchestrator.testing.classic_rankers import classic_rankers
from orchestrator.testing.shop import write_shop

pytest.importorskip("scipy", reason="scipy is not installed: the extra `recommend` has it")


@pytest.fixture
def database(tmp_path: Path) -> Generator[Database]:
    opened = open_database(tmp_path / "state.db")
    yield opened
    opened.close()


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return SqlLedger(database, SystemClock())


@pytest.fixture
def editions(tmp_path: Path, database: Database) -> Editions:
    registry = classic_rankers()
    folder = tmp_path / "recommendations"
    return Editions(folder, FolderArtifacts(folder), registry, SqlRecommenderState(database))


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    write_shop(tmp_path / "shop")
    return tmp_path / "shop"


def wanted(data: Path, **other: Any) -> dict[str, Any]:
    usual = {"rankers": ["rules"], "without": [], "settings": {}, "seed": 0, "only": False}
    return {"data": str(data), **usual, **other}


def training(editions: Editions, finished: Callable[[str], None] = lambda name: None) -> LocalTraining:
    return LocalTraining(editions, silent, finished)


async def test_a_training_and_a_refresh_leave_jobs_and_editions(
    ledger: Ledger, editions: Editions, shop: Path
) -> None:
    done: list[str] = []
    trained = await train_locally(ledger, training(editions, done.append), wanted(shop), wait=0)
    assert (trained.edition, trained.rankers, done) == ("version-1", ("rules",), ["rules"])
    refreshed = await refresh_locally(ledger, training(editions), shop, wait=0)
    assert (refreshed.trained.edition, refreshed.new, refreshed.gone) == ("version-2", 0, 0)
    assert editions.current() == "version-2"
    jobs = ledger.jobs(scope=RECOMMENDER)
    assert [(job.kind, job.state, job.attempt) for job in jobs] == [
        ("train", "done", 1),
        ("refresh", "done", 1),
    ]
    assert (jobs[0].effects or {})["edition"] == "version-1"


async def test_two_at_once_wait_for_each_other_or_are_refused(
    ledger: Ledger, editions: Editions, shop: Path
) -> None:
    async with write_lock(ledger, RECOMMENDER, wait=0, progress=silent):
        with pytest.raises(IndexBusy, match="recommender 'default' is being changed"):
            await train_locally(ledger, training(editions), wanted(shop), wait=0)
    both = (wanted(shop), wanted(shop, seed=1))
    trained = await asyncio.gather(
        *(train_locally(ledger, training(editions), each, wait=60) for each in both)
    )
    assert {each.edition for each in trained} == {"version-1", "version-2"}


async def test_a_cancelled_training_publishes_nothing(ledger: Ledger, editions: Editions, shop: Path) -> None:
    def cancel(name: str) -> None:
        (job,) = ledger.jobs(scope=RECOMMENDER, states=("running",))
        ledger.cancel(job.id)

    with pytest.raises(StoreError, match="It was cancelled"):
        await train_locally(ledger, training(editions, cancel), wanted(shop), wait=0)
    assert editions.current() is None
    trained = await train_locally(ledger, training(editions), wanted(shop), wait=0)
    assert trained.edition == "version-1"


async def test_what_stops_a_training_is_told_as_it_was_and_not_tried_again(
    ledger: Ledger, editions: Editions, tmp_path: Path
) -> None:
    with pytest.raises(BadInput) as caught:
        await train_locally(ledger, training(editions), wanted(tmp_path / "nowhere"), wait=0)
    assert "nowhere" in str(caught.value)
    (job,) = ledger.jobs(scope=RECOMMENDER)
    assert (job.state, job.attempt) == ("dead", 1)
