"""An order is planned by one worker, and its parts are done by all: once, whoever dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from orchestrator.application.application import Application
from orchestrator.application.job_runners import JobRunners
from orchestrator.indexing.orders import add_payload, remove_payload
from orchestrator.jobs.job_run import JobRunner
from orchestrator.jobs.ledger_worker import LedgerWorker
from orchestrator.jobs.order_runner import OrderRunner
from orchestrator.jobs.write_lock import write_lock
from orchestrator.ports import Job, Ledger, index_scope, order_prefix
from orchestrator.progress import silent
from orchestrator.settings import Settings
from tests.workers.deployment import hashes, published, submit_add

pytestmark = pytest.mark.slow

SCOPE = index_scope("default")


class Death(BaseException):
    """What ends a planner without a word to the ledger."""


class Silent:
    """A `RunningJob` whose lease nobody renews."""

    def extend(self, seconds: float) -> None: ...

    def count(self, **done: int) -> None: ...

    def report(self, done: int, total: int, doing: str) -> None: ...


@pytest.fixture
async def app(tmp_path: Path) -> AsyncGenerator[Application]:
    async with Application(Settings(home=tmp_path / "home")) as application:
        yield application


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    root = tmp_path / "docs"
    root.mkdir()
    for number in range(12):
        (root / f"note{number}.md").write_text(f"# Note {number}\n\nOtter {number} holds hands.\n")
    return root


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what another task does."""
    async with asyncio.timeout(120):
        while not holds():  # noqa: ASYNC110 - what the ledger says has no event
            await asyncio.sleep(0.05)


def ledger_of(app: Application) -> Ledger:
    return app.container.get(Ledger)


async def test_an_order_adds_rebuilds_and_removes(app: Application, docs: Path) -> None:
    first = submit_add(app, docs)
    rebuilding = app.jobs.submit("rebuild", SCOPE, {})
    removing = app.jobs.submit("remove", SCOPE, remove_payload([str(docs / "note3.md")]))
    assert await app.jobs.work(until_idle=True) == 3
    jobs = {job.id: job for job in app.jobs.list()}
    assert {job.state for job in jobs.values()} == {"done"}
    added, rebuilt, removed = (jobs[job.id].effects for job in (first, rebuilding, removing))
    assert added is not None
    assert rebuilt is not None
    assert removed is not None
    assert (added["reports"][0]["added"], published(app, first)) == (12, 12)
    assert rebuilt["reports"][0]["passages"] == 12
    assert removed["reports"][0]["removed_documents"] == 1
    assert jobs[first.id].progress["done"] == 12
    assert (await app.indexer().verify()).faults == ()
    assert len(hashes(app)) == 11


async def test_two_workers_share_the_parts_of_an_order(
    app: Application, docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.indexing.index_plan.JOB_FILES", 3)
    order = submit_add(app, docs)
    began: list[tuple[str, str]] = []
    real = JobRunner.do

    async def watched(self: JobRunner, job: Job) -> None:
        began.append((job.name, str(asyncio.current_task())))
        await real(self, job)
        await asyncio.sleep(0.2)

    monkeypatch.setattr(JobRunner, "do", watched)
    async with Application(Settings(home=tmp_path / "home")) as other:
        await asyncio.gather(app.jobs.work(until_idle=True), other.jobs.work(until_idle=True))
    readers = {task for name, task in began if name == "index.read"}
    assert (len(readers), published(app, order)) == (len(readers), 12)
    assert len(readers) > 1, "one worker did all of it"
    assert len(hashes(app)) == 12


async def test_what_a_dead_planner_had_begun_is_finished_and_not_repeated(
    app: Application, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.indexing.index_plan.JOB_FILES", 3)
    order = submit_add(app, docs)
    ledger = ledger_of(app)
    real = OrderRunner._do_one
    done = 0

    async def dies(self: OrderRunner) -> bool:
        nonlocal done
        done += 1
        if done > 2:
            raise Death
        return await real(self)

    monkeypatch.setattr(OrderRunner, "_do_one", dies)
    planned = ledger.claim("elsewhere 1 2", seconds=1.0, job=order.id)
    assert planned is not None
    planner = JobRunners(app.container, lease=1.0)
    async with planner.indexer(planned, Silent()) as indexer:
        with pytest.raises(Death):
            await indexer.add(docs)
    planner.close()
    monkeypatch.undo()
    monkeypatch.setattr("orchestrator.indexing.index_plan.JOB_FILES", 5)
    parts = ledger.jobs(prefix=order_prefix(order.id), brief=True)
    assert {part.state for part in parts} == {"done", "pending"}
    await app.jobs.work(until_idle=True, lease=1.0)
    assert app.jobs.find(order.id).state == "done"
    assert (published(app, order), len(hashes(app))) == (12, 12)
    assert (await app.indexer().verify()).faults == ()


async def test_a_command_and_an_order_keep_out_of_each_others_way(
    app: Application, docs: Path, tmp_path: Path
) -> None:
    order = submit_add(app, docs)
    async with write_lock(ledger_of(app), SCOPE, wait=0.0, progress=silent):
        worker: list[LedgerWorker] = []
        working = asyncio.create_task(app.jobs.work(started=worker.append))
        await until(lambda: bool(app.jobs.find(order.id).progress.get("doing")))
        waiting = app.jobs.find(order.id)
        assert (waiting.state, waiting.attempt) in (("pending", 0), ("running", 1))
        assert "is being changed by" in waiting.progress["doing"]
    await until(lambda: app.jobs.find(order.id).state == "done")
    worker[0].stop()
    await working
    # The command's own jobs are not the worker's, and it leaves those of others alone.
    (docs / "new.md").write_text("# New\n\nSwifts sleep while they fly.")
    later = app.jobs.submit("add", SCOPE, add_payload([docs]))
    assert (await app.indexer().add(docs)).added == 1
    assert app.jobs.find(later.id).state == "pending"
    await app.jobs.work(until_idle=True)
    assert (app.jobs.find(later.id).state, published(app, later)) == ("done", 0)


async def test_a_worker_that_is_told_to_end_gives_its_order_back(
    app: Application, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.indexing.index_plan.JOB_FILES", 3)
    order = submit_add(app, docs)
    worker: list[LedgerWorker] = []
    real = OrderRunner._do_one

    async def told(self: OrderRunner) -> bool:
        worker[0].stop()
        return await real(self)

    monkeypatch.setattr(OrderRunner, "_do_one", told)
    await app.jobs.work(started=worker.append)
    monkeypatch.undo()
    given_back = app.jobs.find(order.id)
    assert (given_back.state, given_back.attempt) == ("pending", 0)
    parts = ledger_of(app).jobs(prefix=order_prefix(order.id), brief=True)
    assert sorted(part.state for part in parts) == ["done", *["pending"] * 3]
    await app.jobs.work(until_idle=True)
    assert (app.jobs.find(order.id).state, published(app, order)) == ("done", 12)


async def test_a_cancelled_order_stops_with_its_parts(
    app: Application, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.indexing.index_plan.JOB_FILES", 3)
    order = submit_add(app, docs)
    real = OrderRunner._do_one

    async def cancelled(self: OrderRunner) -> bool:
        did = await real(self)
        if app.jobs.find(order.id).state != "dead":
            app.jobs.cancel(order.id)
        return did

    monkeypatch.setattr(OrderRunner, "_do_one", cancelled)
    await app.jobs.work(until_idle=True, lease=1.0)
    monkeypatch.undo()
    assert app.jobs.find(order.id).error == "It was cancelled."
    assert published(app, order) == 3
    app.jobs.retry(order.id)
    await app.jobs.work(until_idle=True)
    assert (app.jobs.find(order.id).state, published(app, order)) == ("done", 12)


async def test_a_part_that_fails_for_good_ends_its_order_with_the_reason(
    app: Application, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestrator.indexing.context import IndexingContext

    async def broken(*_: object, **__: object) -> None:
        raise ValueError("the embedder is broken")

    order = submit_add(app, docs)
    monkeypatch.setattr(IndexingContext, "encode", broken)
    await app.jobs.work(until_idle=True)
    dead = app.jobs.find(order.id)
    assert (dead.state, dead.attempt) == ("dead", 1)
    assert "the embedder is broken" in (dead.error or "")
    monkeypatch.undo()
    app.jobs.retry(order.id)
    await app.jobs.work(until_idle=True)
    assert (app.jobs.find(order.id).state, len(hashes(app))) == ("done", 12)


async def test_an_index_that_is_dropped_takes_its_orders_along(app: Application, docs: Path) -> None:
    submit_add(app, docs)
    await app.jobs.work(until_idle=True)
    waiting = submit_add(app, docs)
    await app.indexer().drop()
    assert waiting.id not in [job.id for job in app.jobs.list()]
