"""Several writers of one index: they take turns, say for whom they wait, and leave it free."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from orchestrator.application.application import Application
from orchestrator.errors import IndexBusy
from orchestrator.ports import Ledger

pytestmark = pytest.mark.slow


async def test_a_second_writer_waits_and_says_for_whom(app: Application, docs: Path) -> None:
    told: list[str] = []
    one, two = await asyncio.gather(
        app.indexer().add(docs),
        app.indexer().add(docs, progress=lambda done, total, doing: told.append(doing)),
    )
    assert sorted((one.added, two.added)) == [0, 3]
    assert sorted((one.unchanged, two.unchanged)) == [0, 3]
    if two.unchanged:
        assert f"waiting for process {os.getpid()} on " in " ".join(told)
    assert (await app.indexer().verify()).ok


async def test_a_second_writer_that_may_not_wait_says_who_has_the_index(app: Application, docs: Path) -> None:
    started = asyncio.Event()

    async def first() -> None:
        await app.indexer().add(docs, progress=lambda done, total, doing: started.set())

    running = asyncio.create_task(first())
    await started.wait()
    with pytest.raises(IndexBusy, match=rf"is being changed by process {os.getpid()} on"):
        await app.indexer(wait=0.0).add(docs)
    await running


async def test_a_writer_that_is_cancelled_leaves_the_index_free(app: Application, docs: Path) -> None:
    started = asyncio.Event()

    def progress(done: int, total: int, doing: str) -> None:
        if doing == "reading":
            started.set()

    running = asyncio.create_task(app.indexer().add(docs, progress=progress))
    await started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert app.container.get(Ledger).jobs(states=("pending", "running", "failed")) == []
    assert (await app.indexer(wait=0.0).add(docs)).documents == 4
