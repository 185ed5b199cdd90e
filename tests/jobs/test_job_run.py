"""Jobs are typed functions that are run like nodes: with ports, a budget, and an end when they are lost."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from pathlib import Path
from typing import Any, Protocol

import pytest

from connectors.sql import SqlLedger, open_database
from orchestrator.budget import Budget
from orchestrator.clock import SystemClock
from orchestrator.errors import BadInput, StoreError, WorkflowError
from orchestrator.graph.context import Run
from orchestrator.graph.node import node
from orchestrator.jobs.job_run import JobRunner
from orchestrator.jobs.local_runner import LocalRunner
from orchestrator.jobs.registry import JobHandlers
from orchestrator.jobs.write_lock import write_lock
from orchestrator.ports import Job, JobEffects, JobScope, Ledger, RunningJob
from orchestrator.progress import silent
from orchestrator.types import Principal

TREE = JobScope("tree", "papers")


class Leaves(Protocol):
    """A port of a family that `jobs` knows nothing of."""

    def grow(self, number: int) -> int: ...


class Oak:
    def __init__(self) -> None:
        self.leaves = 0

    def grow(self, number: int) -> int:
        self.leaves += number
        return self.leaves


@pytest.fixture
def ledger(tmp_path: Path) -> Generator[Ledger]:
    database = open_database(tmp_path / "state.db")
    yield SqlLedger(database, SystemClock())
    database.close()


async def grow(job: Job, oak: Leaves, running: RunningJob, *, times: int = 1) -> JobEffects:
    """A handler: asynchronous, with a port, a setting and effects."""
    running.count(leaves=job.payload["number"] * times)
    return JobEffects.of({"leaves": oak.grow(job.payload["number"] * times)})


def shed(job: Job, oak: Leaves, run: Run) -> None:
    """A handler that is a plain function, and leaves no effects."""
    oak.grow(-job.payload["number"])
    if run.principal.tenant != "red":
        raise ValueError("leaves are shed in red only")


HANDLERS = JobHandlers({"tree.grow": grow, "tree.shed": shed, "tree.double": node(grow)(times=2)})
RED = Principal(tenant="red", grants=frozenset({"public"}))


def runner(ledger: Ledger, oak: Oak, **options: Any) -> JobRunner:
    return JobRunner(ledger, HANDLERS, {Leaves: oak}, principal=RED, **options)


async def test_a_handler_is_given_its_ports_its_settings_and_the_job(ledger: Ledger) -> None:
    oak, told = Oak(), list[dict[str, int]]()
    doing = runner(ledger, oak, watch=lambda done: told.append(dict(done)))
    for number, kind in enumerate(("grow", "double", "shed")):
        job = ledger.submit(kind, TREE, f"key{number}", {"number": 5})
        assert await doing.run(job.id, "worker")
        assert not await doing.run(job.id, "another")
    assert oak.leaves == 10
    assert told == [{"leaves": 5}, {"leaves": 10}]
    assert [(job.state, job.effects) for job in ledger.jobs(scope=TREE)] == [
        ("done", {"leaves": 5}),
        ("done", {"leaves": 15}),
        ("done", {}),
    ]


async def test_a_failure_is_told_in_its_own_words_and_tried_again(ledger: Ledger) -> None:
    oak = Oak()
    doing = JobRunner(ledger, HANDLERS, {Leaves: oak})
    job = ledger.submit("shed", TREE, "key", {"number": 1})
    for _ in range(4):
        await doing.run(job.id, "worker")
    (dead,) = ledger.jobs(states=("dead",))
    assert (dead.attempt, dead.error) == (3, "ValueError: leaves are shed in red only")
    assert oak.leaves == -3


async def test_a_job_that_nothing_does_and_a_port_that_nobody_gives_are_named(ledger: Ledger) -> None:
    doing = JobRunner(ledger, HANDLERS, {})
    for kind in ("fell", "grow"):
        job = ledger.submit(kind, TREE, kind, {"number": 1})
        for _ in range(3):
            await doing.run(job.id, "worker")
    fell, grown = (job.error or "" for job in ledger.jobs(states=("dead",)))
    assert "'tree.fell'" in fell
    assert "tree.grow" in fell
    assert "needs the port Leaves" in grown


def test_a_handler_that_is_no_node_is_refused_with_every_fault() -> None:
    def nameless(job, oak: Leaves):  # type: ignore[no-untyped-def]
        return None

    job = Job(1, "key", "nameless", TREE)
    with pytest.raises(WorkflowError, match="no type"):
        JobHandlers({"tree.nameless": nameless}).handler(job)
    with pytest.raises(BadInput, match=r"Nothing does jobs of the kind 'tree.nameless'"):
        JobHandlers({}).handler(job)


async def test_a_budget_ends_a_job_that_takes_too_long(ledger: Ledger) -> None:
    async def sleep(job: Job) -> JobEffects:
        await asyncio.sleep(3600)
        return JobEffects()

    handlers = JobHandlers({"tree.sleep": sleep})
    doing = JobRunner(ledger, handlers, {}, budget=Budget(seconds=0.05, grace=0.05))
    job = ledger.submit("sleep", TREE, "key", {})
    await doing.run(job.id, "worker")
    (failed,) = ledger.jobs(scope=TREE)
    assert failed.state == "failed"
    assert "deadline" in (failed.error or "")


async def test_a_job_that_is_cancelled_stops_and_leaves_nothing(ledger: Ledger) -> None:
    started, stopped = asyncio.Event(), asyncio.Event()

    async def sleep(job: Job) -> JobEffects:
        started.set()
        try:
            await asyncio.sleep(3600)
        finally:
            stopped.set()
        return JobEffects()

    doing = JobRunner(ledger, JobHandlers({"tree.sleep": sleep}), {}, lease=0.2)
    job = ledger.submit("sleep", TREE, "key", {})
    working = asyncio.create_task(doing.run(job.id, "worker"))
    await started.wait()
    assert ledger.cancel(job.id).state == "dead"
    assert await working
    assert stopped.is_set()
    (dead,) = ledger.jobs(scope=TREE)
    assert (dead.state, dead.error) == ("dead", "It was cancelled.")
    assert ledger.retry(job.id).state == "pending"


async def test_scopes_have_a_writer_each_whose_jobs_are_apart(ledger: Ledger) -> None:
    oak = Oak()
    async with (
        write_lock(ledger, TREE, wait=0.0, progress=silent) as one,
        write_lock(ledger, JobScope("index", "papers"), wait=0.0, progress=silent),
    ):
        local = LocalRunner(TREE, one, runner(ledger, oak), None, silent)
        left = ledger.submit("grow", JobScope("index", "papers"), "left", {"number": 100})
        done = await local.there(
            "grow", [{"number": 1}, {"number": 2}, {"number": 1}], total=3, doing="", unit="leaves"
        )
        # Equal work is one job.
        assert [job.effects for job in done] == [{"leaves": 1}, {"leaves": 3}]
        assert [job.id for job in ledger.jobs(states=("pending",))] == [left.id]
        with pytest.raises(StoreError, match="Not everything could be done: Nothing does jobs"):
            await local.here("fell", [{}, {}])
