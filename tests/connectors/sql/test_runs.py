from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import pytest

from connectors.sql import Database, SqlIndexRegistry, SqlLedger, SqlRuns
from orchestrator.ports import Runs
from orchestrator.testing.clock import ManualClock
from orchestrator.testing.publisher import Publisher
from orchestrator.testing.rows import FORMAT, document, ids
from orchestrator.testing.runs import ANNA, RUN, RunsConformance, answered, citation


@pytest.fixture
async def runs(database: Database) -> AsyncGenerator[SqlRuns]:
    store = SqlRuns(database)
    yield store
    await store.close()


class TestSqlRuns(RunsConformance):
    @pytest.fixture
    def runs(self, runs: SqlRuns) -> Runs:
        return runs


@pytest.fixture
def index(database: Database) -> Publisher:
    registry = SqlIndexRegistry(database, ManualClock())
    registry.create("default", FORMAT)
    return Publisher(registry, SqlLedger(database, ManualClock()))


def cited(passage: str, *labels: str) -> dict[str, Any]:
    return {**citation(1, *labels), "id": passage}


async def test_a_citation_reads_the_same_after_an_edit(runs: SqlRuns, index: Publisher) -> None:
    a = document("a", "as it was", tenant="red")
    index.publish(a)
    ended = answered(cited(ids(a)[0], "public"))
    await runs.finish(ended)
    index.publish(document("a", "as it is", tenant="red"))
    assert await runs.read("run-1", principal=ANNA) == ended
    index.registry.collect(grace_seconds=0)
    assert await runs.read("run-1", principal=ANNA) == ended


async def test_a_citation_is_closed_when_its_passage_is(runs: SqlRuns, index: Publisher) -> None:
    a = document("a", "as it was", tenant="red")
    index.publish(a)
    await runs.finish(answered(cited(ids(a)[0], "public")))
    index.registry.relabel("default", "/library", ["board"])
    found = await runs.read("run-1", principal=ANNA)
    assert found is not None
    assert found.output is not None
    assert found.output["withheld"] == 1
    assert "text 1" not in repr(found)
    assert "Because" not in repr(found)
    member = replace(ANNA, grants=ANNA.grants | {"board"})
    shown = await runs.read("run-1", principal=member)
    assert shown is not None
    assert "text 1" in repr(shown)


async def test_old_runs_are_pruned_with_all_they_kept(runs: SqlRuns) -> None:
    await runs.finish(answered(citation(1, "public")))
    await runs.begin(replace(RUN, id="newer", created=2000.0))
    assert await runs.prune(before=1500.0) == 1
    assert await runs.read("run-1", principal=ANNA) is None
    assert await runs.read("newer", principal=ANNA) is not None


async def test_checkpoints_go_with_their_run(runs: SqlRuns) -> None:
    from langgraph.checkpoint.base import empty_checkpoint

    saver = runs.saver()
    config = {"configurable": {"thread_id": "run-1", "checkpoint_ns": ""}}
    await runs.begin(replace(RUN, durability="step"))
    await saver.aput(config, empty_checkpoint(), {}, {})
    assert await saver.aget_tuple(config) is not None
    await runs.prune(before=1500.0)
    assert await saver.aget_tuple(config) is None


async def test_checkpoints_are_pruned_before_their_run(runs: SqlRuns) -> None:
    from langgraph.checkpoint.base import empty_checkpoint

    saver = runs.saver()
    for name, created in (("old", 1000.0), ("new", 2000.0)):
        await runs.begin(replace(RUN, id=name, durability="step", created=created))
        config = {"configurable": {"thread_id": name, "checkpoint_ns": ""}}
        await saver.aput(config, empty_checkpoint(), {}, {})
    assert await runs.prune_checkpoints(before=1500.0) == 1
    kept = [
        name
        for name in ("old", "new")
        if await saver.aget_tuple({"configurable": {"thread_id": name, "checkpoint_ns": ""}}) is not None
    ]
    assert kept == ["new"]
    assert await runs.read("old", principal=ANNA) is not None


def test_every_loop_has_its_own_saver(database: Database) -> None:
    from langgraph.checkpoint.base import empty_checkpoint

    runs = SqlRuns(database)
    config = {"configurable": {"thread_id": "run-1", "checkpoint_ns": ""}}

    async def write() -> None:
        await runs.saver().aput(config, empty_checkpoint(), {}, {})
        await runs.close()

    async def read() -> bool:
        found = await runs.saver().aget_tuple(config)
        await runs.close()
        return found is not None

    asyncio.run(write())
    assert asyncio.run(read())


@pytest.mark.slow
async def test_savers_pass_the_suite_of_langgraph(database: Database) -> None:
    conformance = pytest.importorskip("langgraph.checkpoint.conformance")

    async def made() -> AsyncGenerator[Any]:
        store = SqlRuns(database)
        yield store.saver()
        await store.close()

    report = await conformance.validate(conformance.checkpointer_test(name="SqlRuns")(made))
    assert report.passed_all_base(), report.to_dict()


async def test_savers_of_one_loop_write_side_by_side(runs: SqlRuns) -> None:
    from langgraph.checkpoint.base import empty_checkpoint

    async def step(number: int) -> bool:
        config = {"configurable": {"thread_id": str(number), "checkpoint_ns": ""}}
        saver = runs.saver()
        written = await saver.aput(config, empty_checkpoint(), {}, {})
        await saver.aput_writes(written, [("channel", number)], "task")
        found = await saver.aget_tuple(config)
        return bool(found and found.pending_writes == [("task", "channel", number)])

    assert all(await asyncio.gather(*(step(number) for number in range(30))))
