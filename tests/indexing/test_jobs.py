"""A job is done once, by whoever holds its lease; what kills its workers is found and named."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from orchestrator.application.application import Application
from orchestrator.application.indexing import indexing_context
from orchestrator.errors import OrchestratorError
from orchestrator.indexing.context import IndexingContext
from orchestrator.indexing.file_documents import Recipe
from orchestrator.indexing.files import scan
from orchestrator.indexing.index_plan import compare, read_jobs, target
from orchestrator.indexing.indexer import Indexer
from orchestrator.indexing.isolated_reading import Limits, Reader
from orchestrator.indexing.readers import READERS
from orchestrator.jobs.job_run import DIED, job_key
from orchestrator.jobs.write_lock import end_stale_jobs, write_lock
from orchestrator.ports import IndexRegistry, Job, index_scope
from tests.indexing.contents import stored


@pytest.fixture
def context(app: Application, reader: Reader) -> IndexingContext:
    return indexing_context(app.container, reader)


def submitted(context: IndexingContext, root: Path, lock_name: str = "write lock") -> Job:
    """The job that reads a whole folder."""
    context.registry.create("default", context.format)
    plan = compare(scan(root, READERS), [], target(root, "default", []), Recipe())
    (payload,) = read_jobs(plan, Recipe(), Limits())
    return context.ledger.submit("read", index_scope("default"), job_key(lock_name, "read", payload), payload)


def left(context: IndexingContext) -> list[Job]:
    return context.ledger.jobs(states=("pending", "running", "failed"))


async def test_a_job_is_done_by_its_number_and_only_once(
    context: IndexingContext, docs: Path, app: Application
) -> None:
    job = submitted(context, docs)
    assert await context.runner().run(job.id, "one")
    version = app.container.get(IndexRegistry).current("default")
    assert not await context.runner().run(job.id, "two")
    assert app.container.get(IndexRegistry).current("default") == version
    (done,) = context.ledger.jobs(states=("done",))
    assert done.effects is not None
    assert (done.effects["documents"], done.effects["files"]) == (4, 3)


@pytest.mark.slow
async def test_a_worker_that_lost_its_lease_publishes_nothing(
    context: IndexingContext, docs: Path, app: Application
) -> None:
    submitted(context, docs)
    stalled = context.ledger.claim("stalled", seconds=0.0)
    quick = context.ledger.claim("quick", seconds=60.0)
    assert stalled is not None
    assert quick is not None
    await context.runner().do(quick)
    for each in left(context):
        await context.runner().run(each.id, "quick")
    before = stored(app)
    assert before["counts"] == (4, 4)
    version = app.container.get(IndexRegistry).current("default")
    await context.runner().do(stalled)
    assert (app.container.get(IndexRegistry).current("default"), stored(app)) == (version, before)
    assert left(context) == []


@pytest.mark.slow
async def test_what_an_earlier_writer_left_cannot_be_published(
    context: IndexingContext, docs: Path, app: Application, indexer: Indexer
) -> None:
    submitted(context, docs)
    zombie = context.ledger.claim("zombie", seconds=600.0)
    assert zombie is not None
    submitted(context, docs, "another")
    async with write_lock(context.ledger, index_scope("default"), wait=0.0, progress=lambda *_: None):
        assert left(context) == []
        await context.runner().do(zombie)
        assert app.container.get(IndexRegistry).current("default").number == 0  # type: ignore[union-attr]
    assert (await indexer.add(docs)).added == 3
    assert (await indexer.verify()).ok


@pytest.mark.slow
async def test_files_that_a_worker_died_on_are_tried_one_by_one(
    context: IndexingContext, docs: Path, app: Application
) -> None:
    job = submitted(context, docs)
    first = context.ledger.claim("one", seconds=60.0)
    assert first is not None
    context.ledger.fail(first, f"{DIED} (SIGKILL).")
    assert await context.runner().run(job.id, "two")
    alone = left(context)
    assert sorted(each.payload["files"] for each in alone) == [
        ["birds.jsonl"],
        ["guide/badgers.md"],
        ["guide/otters.md"],
    ]
    # One of them kills its worker twice more, and is named; the others are indexed.
    bad = next(each for each in alone if each.payload["files"] == ["guide/otters.md"])
    for _ in range(2):
        claimed = context.ledger.claim("three", seconds=60.0, job=bad.id)
        assert claimed is not None
        context.ledger.fail(claimed, f"{DIED} (SIGSEGV).")
    for each in alone:
        assert await context.runner().run(each.id, "four")
    errors = {row.file: row.error for row in app.container.get(IndexRegistry).files("default")}
    assert errors == {
        "birds.jsonl": None,
        "guide/badgers.md": None,
        "guide/otters.md": f"{DIED} (SIGSEGV) each time that it was indexed.",
    }
    assert left(context) == []


@pytest.mark.slow
async def test_an_error_is_told_and_tried_three_times(
    context: IndexingContext, docs: Path, indexer: Indexer, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0
    real = context.embedder.embed

    async def broken(texts: Any, *, kind: Any) -> Any:
        nonlocal calls
        calls += 1
        vectors = await real(texts, kind=kind)
        return vectors * float("nan")

    monkeypatch.setattr(context.embedder, "embed", broken)
    broken_indexer = Indexer(context, settings=None)
    with pytest.raises(OrchestratorError, match="values that are not finite"):
        await broken_indexer.add(docs)
    assert calls >= 3
    status = await broken_indexer.status()
    assert [(job.state, job.attempt) for job in status.jobs] == [("dead", 3)]
    monkeypatch.undo()
    assert (await indexer.add(docs)).added == 3
    assert (await indexer.status()).jobs == ()


def test_setting_aside_ends_every_job_that_is_not_done(context: IndexingContext) -> None:
    for number in range(4):
        context.ledger.submit("read", index_scope("default"), f"key{number}", {})
    claimed = [context.ledger.claim("one", seconds=60.0) for _ in range(2)]
    assert claimed[1] is not None
    context.ledger.fail(claimed[1], "broken")
    context.ledger.submit("read", index_scope("other"), "elsewhere", {})
    assert end_stale_jobs(context.ledger, index_scope("default")) == 4
    assert [job.key for job in left(context)] == ["elsewhere"]
    assert all(job.effects == {"set_aside": True} for job in context.ledger.jobs(states=("done",)))


def test_payloads_are_json_of_a_bounded_size(context: IndexingContext, docs: Path) -> None:
    import json

    job = submitted(context, docs)
    assert json.loads(job.payload.text) == job.payload
    assert job.payload["limits"] == asdict(Limits())
