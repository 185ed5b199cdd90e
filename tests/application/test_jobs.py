"""`Application.jobs`: jobs are submitted and run here, under the write lock of what they change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator import plugins
from orchestrator.application.application import Application
from orchestrator.errors import BadInput, IndexBusy
from orchestrator.jobs.write_lock import write_lock
from orchestrator.ports import Job, JobEffects, JobScope, Ledger, RunningJob, order_prefix
from orchestrator.progress import silent
from orchestrator.settings import Settings

TREE = JobScope("tree", "papers")


def grow(job: Job, running: RunningJob) -> JobEffects:
    """A handler, as a package registers it."""
    return JobEffects.of({"leaves": 2 * job.payload["leaves"]})


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Application:
    here = "tests.application.test_jobs:grow"
    found = plugins.Plugin(plugins.JOBS, "tree.grow", here, "orchestrator-tree", "1")

    def scanned(group: str, before: Any = plugins.plugins) -> Any:
        return {"tree.grow": (found,)} if group == plugins.JOBS else before(group)

    monkeypatch.setattr(plugins, "plugins", scanned)
    return Application(Settings(home=tmp_path))


async def test_what_is_submitted_is_run_once(app: Application) -> None:
    async with app:
        first = app.jobs.submit("grow", TREE, {"leaves": 3}, key="spring")
        assert app.jobs.submit("grow", TREE, {"leaves": 3}, key="spring") == first
        app.jobs.submit("grow", TREE, {"leaves": 4})
        done = await app.jobs.run(scope=TREE)
        assert [(job.state, job.effects) for job in done] == [
            ("done", {"leaves": 6}),
            ("done", {"leaves": 8}),
        ]
        assert list(await app.jobs.run()) == []
        with pytest.raises(BadInput, match="is done"):
            app.jobs.cancel(first.id)


async def test_a_part_of_what_is_over_is_not_retried_alone(app: Application) -> None:
    async with app:
        ledger = app.container.get(Ledger)
        order = ledger.claim("a worker", seconds=60, job=app.jobs.submit("grow", TREE, {"leaves": 3}).id)
        assert order is not None
        part = ledger.submit("grow", TREE, f"{order_prefix(order.id)}1:x", {"leaves": 1}, order=order)
        app.jobs.cancel(order.id)
        with pytest.raises(BadInput, match=f"is a part of job {order.id}") as refused:
            app.jobs.retry(part.id)
        assert f"Retry job {order.id}" in refused.value.hint
        assert app.jobs.retry(order.id).state == "pending"


async def test_a_scope_that_another_writes_is_waited_for_and_its_jobs_stay(app: Application) -> None:
    async with app:
        job = app.jobs.submit("grow", TREE, {"leaves": 3})
        ledger = app.container.get(Ledger)
        async with write_lock(ledger, TREE, wait=0, progress=silent, end_stale=False):
            with pytest.raises(IndexBusy, match="tree 'papers'"):
                await app.jobs.run(wait=0)
        assert [each.state for each in app.jobs.list()] == ["pending"]
        assert [each.id for each in await app.jobs.run()] == [job.id]


async def test_jobs_of_a_command_at_work_are_left_to_it(app: Application) -> None:
    async with app:
        app.container.get(Ledger).submit("grow", TREE, "lock:1", {"leaves": 1})
        assert list(await app.jobs.run()) == []
        assert [each.state for each in app.jobs.list(scope=TREE)] == ["pending"]
