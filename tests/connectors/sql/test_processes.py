"""Real processes on one database: what they claim and publish, and what is left when they are killed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from random import Random

import pytest

from connectors.sql import Database, SqlIndexRegistry, SqlLedger, SqlShardRegistry
from connectors.sql.access import label_set
from connectors.sql.statistics import recounted
from orchestrator.errors import LeaseLost
from orchestrator.ports import index_scope
from orchestrator.testing.rows import FORMAT
from orchestrator.types import ANONYMOUS, PUBLIC
from tests.connectors.sql.worker import WallClock

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]


@contextmanager
def worker(task: str, url: str, name: str) -> Generator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.connectors.sql.worker", task, url, name]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def printed(*processes: subprocess.Popen[str]) -> list[list[int]]:
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes)
    return [[int(line) for line in output.split()] for output in outputs]


def test_no_job_is_claimed_twice(database: Database, url: str) -> None:
    ledger = SqlLedger(database, WallClock())
    submitted = [ledger.submit("add", index_scope("default"), str(number), {}).id for number in range(60)]
    with (
        worker("claim_all", url, "a") as a,
        worker("claim_all", url, "b") as b,
        worker("claim_all", url, "c") as c,
    ):
        claimed = printed(a, b, c)
    assert sorted(chain(*claimed)) == submitted
    assert all(mine == sorted(mine) for mine in claimed)
    assert {(job.state, job.attempt, job.fence) for job in ledger.jobs()} == {("done", 1, 1)}


def test_a_killed_workers_job_goes_to_the_next(database: Database, url: str) -> None:
    ledger = SqlLedger(database, WallClock())
    submitted = ledger.submit("add", index_scope("default"), "key", {})
    with worker("hang", url, "victim") as victim:
        assert victim.stdout is not None
        assert int(victim.stdout.readline()) == submitted.id
        victim.kill()
        victim.wait()
    (orphan,) = ledger.jobs()
    assert (orphan.state, orphan.attempt, orphan.fence) == ("running", 1, 1)
    while (job := ledger.claim("heir", seconds=60)) is None:
        assert time.time() < orphan.lease_until + 60
        time.sleep(0.05)
    assert time.time() >= orphan.lease_until
    assert (job.id, job.attempt, job.fence) == (submitted.id, 2, 2)
    with pytest.raises(LeaseLost):
        ledger.finish(orphan, {})
    ledger.finish(job, {})


def sound(database: Database) -> None:
    """Counts, statistics and dead passages are what the passages themselves say."""
    registry = SqlIndexRegistry(database)
    version = registry.current("default")
    assert version is not None
    rows = registry.documents("default", limit=10_000)
    passages = {passage.id for row in rows for passage in row.passages}
    assert (len(rows), len(passages)) == (version.documents, version.passages)
    with database.reading() as connection:
        held, frequency = recounted(connection, 1).get(("default", label_set([PUBLIC])), (0, {}))
    kept = registry.statistics(version, ANONYMOUS)
    assert (kept.passages, dict(kept.frequency)) == (held, dict(frequency))
    lying = SqlShardRegistry(database).current("default")
    assert lying is not None
    dead = sum(len(removed) for removed in lying.removed.values())
    assert sum(shard.points for shard in lying.shards) - dead == version.passages


def test_writers_of_one_index_publish_one_after_the_other(database: Database, url: str) -> None:
    registry, ledger = SqlIndexRegistry(database), SqlLedger(database, WallClock())
    first = registry.create("default", FORMAT)
    for seed in range(24):
        ledger.submit("add", index_scope("default"), str(seed), {"seed": seed})
    with (
        worker("publish", url, "a") as a,
        worker("publish", url, "b") as b,
        worker("publish", url, "c") as c,
    ):
        numbers = list(chain(*printed(a, b, c)))
    assert sorted(numbers) == list(range(first.number + 1, first.number + 25))
    assert {job.state for job in ledger.jobs()} == {"done"}
    sound(database)


def test_publishing_survives_being_killed_anywhere(database: Database, url: str) -> None:
    registry, ledger = SqlIndexRegistry(database), SqlLedger(database, WallClock())
    first = registry.create("default", FORMAT)
    for seed in range(12):
        ledger.submit("add", index_scope("default"), str(seed), {"seed": seed})
    random = Random(7)
    for _ in range(6):
        with worker("publish", url, "victim") as victim:
            assert victim.stdout is not None
            victim.stdout.readline()
            time.sleep(random.uniform(0, 0.03))
            victim.kill()
            victim.wait()
        sound(database)
        for job in ledger.jobs(states=("dead",)):
            ledger.retry(job.id)
    while any(job.state != "done" for job in ledger.jobs()):
        with worker("publish", url, "heir") as heir:
            printed(heir)
        for job in ledger.jobs(states=("dead",)):
            ledger.retry(job.id)
        time.sleep(0.1)
    sound(database)
    version = registry.current("default")
    assert version is not None
    # Every job published exactly once, however often it was begun.
    assert version.number == first.number + 12
    assert sorted((job.effects or {})["version"] for job in ledger.jobs()) == list(
        range(first.number + 1, first.number + 13)
    )
