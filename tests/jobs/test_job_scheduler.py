"""What a scheduler announces: each job once, again only if messages were lost, and at most at a rate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest

from connectors.sql import SqlLedger, open_database
from orchestrator.jobs.broker import BrokerAway
from orchestrator.jobs.job_scheduler import AGAIN, JobQueue, JobScheduler
from orchestrator.ports import index_scope
from orchestrator.testing.clock import ManualClock

ONE = {"all": JobQueue()}


class Queues:
    """Queues of a broker, with what waits in them."""

    def __init__(self) -> None:
        self.waiting: list[tuple[str, int]] = []
        self.away = False

    def send(self, queue: str, job: int) -> None:
        """Take a message, if it is there."""
        if self.away:
            raise BrokerAway("It is away.")
        self.waiting.append((queue, job))

    def depths(self) -> Counter[str]:
        """How many wait."""
        return Counter(queue for queue, _ in self.waiting)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def ledger(tmp_path: Path, clock: ManualClock) -> Generator[SqlLedger]:
    database = open_database(tmp_path / "state.db")
    yield SqlLedger(database, clock)
    database.close()


def submitted(ledger: SqlLedger, number: int, kind: str = "add") -> list[int]:
    return [ledger.submit(kind, index_scope("i"), f"submitted:{kind}{n}", {}).id for n in range(number)]


def test_a_job_is_announced_once_while_its_message_waits(ledger: SqlLedger, clock: ManualClock) -> None:
    queues = Queues()
    scheduler = JobScheduler(ledger, clock, ONE, queues.send, queues.depths)
    jobs = submitted(ledger, 50)
    for _ in range(20):
        scheduler.announce()
        clock.advance(AGAIN)
    assert [job for _, job in queues.waiting] == jobs


def test_what_a_broker_lost_is_announced_again(ledger: SqlLedger, clock: ManualClock) -> None:
    queues = Queues()
    scheduler = JobScheduler(ledger, clock, ONE, queues.send, queues.depths)
    jobs = submitted(ledger, 5)
    assert scheduler.announce() == 5
    del queues.waiting[2:]
    clock.advance(AGAIN / 2)
    assert scheduler.announce() == 0
    clock.advance(AGAIN / 2)
    assert scheduler.announce() == 3
    queues.waiting.clear()
    clock.advance(AGAIN)
    assert scheduler.announce() == 5
    assert sorted(job for _, job in queues.waiting) == jobs


def test_a_job_that_a_worker_left_is_announced_at_once(ledger: SqlLedger, clock: ManualClock) -> None:
    queues = Queues()
    scheduler = JobScheduler(ledger, clock, ONE, queues.send, queues.depths)
    (job,) = submitted(ledger, 1)
    scheduler.announce()
    queues.waiting.clear()
    assert ledger.claim("a worker", seconds=60, job=job) is not None
    assert scheduler.announce() == 0
    clock.advance(61)
    assert scheduler.announce() == 1


def test_a_job_that_was_given_back_is_announced_when_it_has_rested(
    ledger: SqlLedger, clock: ManualClock
) -> None:
    queues = Queues()
    scheduler = JobScheduler(ledger, clock, ONE, queues.send, queues.depths)
    first, *others = submitted(ledger, 3)
    scheduler.announce()
    clock.advance(1)
    claimed = ledger.claim("a worker", seconds=60, job=first)
    assert claimed is not None
    queues.waiting.remove(("all", first))
    ledger.give_back(claimed, rest=2.0)
    assert scheduler.announce() == 0
    clock.advance(2)
    assert scheduler.announce() == 1
    assert [job for _, job in queues.waiting] == [*others, first]


def test_a_broker_that_was_away_gets_everything_afterwards(ledger: SqlLedger, clock: ManualClock) -> None:
    queues = Queues()
    scheduler = JobScheduler(ledger, clock, ONE, queues.send, queues.depths)
    jobs = submitted(ledger, 3)
    queues.away = True
    with pytest.raises(BrokerAway):
        scheduler.announce()
    queues.away = False
    scheduler.announce()
    assert [job for _, job in queues.waiting] == jobs


def test_kinds_have_queues_and_queues_a_rate(ledger: SqlLedger, clock: ManualClock) -> None:
    queues = Queues()
    given = {"slow": JobQueue(("index.*",), rate=60.0), "models": JobQueue(("tree.*", "index.add"))}
    scheduler = JobScheduler(ledger, clock, given, queues.send, queues.depths)
    adds = submitted(ledger, 5)
    tree = ledger.submit("build", index_scope("i"), "submitted:tree", {})
    assert scheduler.queue_of(tree.name) == "slow"
    assert scheduler.queue_of("tree.build") == "models"
    assert scheduler.queue_of("features.make") is None
    for _ in range(3):
        scheduler.announce()
        clock.advance(1.0)
    assert queues.waiting == [("slow", job) for job in adds[:3]]
