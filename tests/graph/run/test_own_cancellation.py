"""A node that cancels its own task has failed; only who runs the workflow can cancel the run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from connectors.sql import SqlRuns, open_database
from orchestrator import ANONYMOUS, Answer, Budget, Hits, Question, each, fuse, node, workflow
from orchestrator.errors import NodeError
from orchestrator.ports import Runs
from orchestrator.types import Facets
from tests.graph import flows as f

QUESTION = Question("ask", ANONYMOUS)


def cancel_me() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()


@node
async def cancels_and_waits(question: Question) -> Hits:
    cancel_me()
    await asyncio.sleep(3600)
    return Hits()


@node
async def cancels_later(question: Question) -> Hits:
    await asyncio.sleep(0)
    cancel_me()
    cancel_me()
    await asyncio.sleep(3600)
    return Hits()


@node
async def cancels_at_the_end(question: Question) -> Hits:
    cancel_me()
    return Hits()


@node
async def cancels_for_an_item(facet: str) -> Hits:
    cancel_me()
    await asyncio.sleep(3600)
    return Hits()


@node
async def collect(found: tuple[Hits, ...]) -> Answer:
    return Answer(str(len(found)))


NODES = [cancels_and_waits, cancels_later, cancels_at_the_end]


@pytest.fixture(params=["none", "step", "exit"])
async def kept(request: pytest.FixtureRequest, tmp_path: Any) -> AsyncGenerator[Any]:
    """How to run: with nothing kept, with every step kept, and with the last."""
    database = open_database(f"sqlite:///{tmp_path / 'state.db'}")
    runs = SqlRuns(database)
    yield {"ports": {Runs: runs}, "durability": request.param}
    await runs.close()
    database.close()


@pytest.mark.parametrize("cancels", NODES, ids=lambda one: one.title)
@pytest.mark.slow
async def test_it_is_an_error_of_the_node(kept: Any, cancels: Any) -> None:
    with pytest.raises(NodeError, match="CancelledError") as raised:
        await workflow("w", cancels >> f.answer).run(QUESTION, **kept)
    assert raised.value.node == cancels.title
    assert raised.value.run_id is not None
    record = await kept["ports"][Runs].read(raised.value.run_id, principal=ANONYMOUS)
    assert record.status == "failed"
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    # Whoever ran it goes on.
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    "how",
    [
        lambda one: one.within(timeout=30) >> f.answer,
        lambda one: one.within(attempts=2) >> f.answer,
        lambda one: fuse(f.find | one, by=f.rank_fusion) >> f.answer,
        lambda one: one >> f.add_one >> f.answer,
        lambda one: f.list_facets >> each(cancels_for_an_item, over=Facets) >> collect,
    ],
    ids=["with a timeout", "with attempts", "in a branch", "before others", "for an item"],
)
@pytest.mark.parametrize("budget", [None, Budget(seconds=60)], ids=["no deadline", "a deadline"])
async def test_it_is_so_wherever_the_node_stands(how: Any, budget: Budget | None) -> None:
    for cancels in NODES:
        with pytest.raises(NodeError, match="CancelledError"):
            await workflow("w", how(cancels)).run(QUESTION, ports={}, budget=budget)


async def test_who_runs_it_cancels_it_all_the_same() -> None:
    began = asyncio.Event()

    @node
    async def cancels_and_is_cancelled(question: Question) -> Hits:
        began.set()
        try:
            await asyncio.sleep(3600)
        finally:
            cancel_me()
        return Hits()

    for waits in (cancels_and_is_cancelled, f.hang):
        run = asyncio.create_task(workflow("w", waits >> f.answer).run(QUESTION, ports={}))
        if waits is f.hang:
            await asyncio.sleep(0)
        else:
            await began.wait()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run


async def test_a_node_may_take_back_what_it_asked_for() -> None:
    @node
    async def changes_its_mind(question: Question) -> Hits:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(0)
        task.uncancel()
        return Hits()

    @node
    async def forgets_to(question: Question) -> Hits:
        cancel_me()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(0)
        return Hits()

    for changes in (changes_its_mind, forgets_to):
        result = await workflow("w", changes >> f.answer).run(QUESTION, ports={})
        assert result.answer is not None
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0


async def test_timeouts_and_groups_of_tasks_within_a_node_work() -> None:
    @node
    async def waits_a_moment(question: Question) -> Hits:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await asyncio.sleep(3600)

        async def fails() -> None:
            raise LookupError("nothing there")

        async def together() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(fails())
                group.create_task(asyncio.sleep(3600))

        with pytest.raises(ExceptionGroup):
            await together()
        return Hits()

    assert (await workflow("w", waits_a_moment >> f.answer).run(QUESTION, ports={})).answer is not None
