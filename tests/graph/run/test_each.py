"""Maps over many items: in order, bounded, each item on its own, and kept in parts where steps are kept."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connectors.sql import SqlRuns, open_database
from orchestrator import ANONYMOUS, Answer, Question, each, node, workflow
from orchestrator.errors import NodeError
from orchestrator.graph.run.langgraph_backend import PARTS
from orchestrator.ports import Runs

QUESTION = Question("ask", ANONYMOUS)
SEEN: ContextVar[int] = ContextVar("SEEN", default=-1)
RAN: list[int] = []
BREAK: set[int] = set()


@dataclass(frozen=True)
class Number:
    """An item."""

    value: int


@dataclass(frozen=True)
class Twice:
    """A result."""

    value: int


@node
async def count(question: Question, *, to: int) -> tuple[Number, ...]:
    """So many items."""
    return tuple(Number(value) for value in range(to))


@node
async def double(number: Number) -> Twice:
    """Breaks where it is told to, and must find nothing that another item has set."""
    assert SEEN.get() == -1
    SEEN.set(number.value)
    if number.value in BREAK:
        raise ValueError(f"{number.value} is broken")
    RAN.append(number.value)
    return Twice(2 * number.value)


@node
async def total(numbers: tuple[Twice, ...]) -> Answer:
    """All of them, in order."""
    assert [number.value for number in numbers] == [2 * place for place in range(len(numbers))]
    return Answer(str(len(numbers)))


@pytest.fixture(autouse=True)
def _nothing_ran() -> None:
    RAN.clear()
    BREAK.clear()


def over(items: int, body: Any = double, **settings: Any) -> Any:
    """A map over so many items."""
    return workflow("w", count(to=items) >> each(body, over=tuple[Number, ...], **settings) >> total)


@pytest.mark.parametrize("items", [0, 1, 63, 64, 65, pytest.param(10_000, marks=pytest.mark.slow)])
async def test_results_are_in_the_order_of_their_items(items: int) -> None:
    result = await over(items).run(QUESTION, ports={})
    assert (result.answer, len(result.steps)) == (Answer(str(items)), items + 2)
    by_langgraph = await over(items).langgraph.ainvoke({"Question": QUESTION})
    assert by_langgraph["Answer"] == Answer(str(items))


@pytest.mark.quick(every=3)
@pytest.mark.parametrize("items", [0, 1, 65, 1000])
async def test_so_they_are_where_steps_are_kept(items: int, tmp_path: Path) -> None:
    database = open_database(tmp_path / "state.db")
    runs = SqlRuns(database)
    result = await over(items).run(QUESTION, ports={Runs: runs}, durability="step")
    assert (result.answer, len(RAN)) == (Answer(str(items)), items)
    await runs.close()
    database.close()


@pytest.mark.quick(every=2)
@pytest.mark.parametrize("at_once", [1, 3, 200])
@pytest.mark.parametrize("way", ["direct", "langgraph"])
async def test_no_more_run_at_once_than_was_said(at_once: int, way: str) -> None:
    running, most = 0, 0

    @node
    async def work(number: Number) -> Twice:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        return Twice(2 * number.value)

    wf = over(300, work, at_once=at_once)
    if way == "direct":
        await wf.run(QUESTION, ports={})
    else:
        await wf.langgraph.ainvoke({"Question": QUESTION})
    assert most == at_once


async def test_the_first_failure_stops_the_others() -> None:
    BREAK.add(5)
    with pytest.raises(NodeError, match="5 is broken"):
        await over(1000, at_once=2).run(QUESTION, ports={})
    assert len(RAN) < 10


@pytest.mark.quick(every=2)
@pytest.mark.parametrize("items", [PARTS, 10 * PARTS])
async def test_a_resumed_map_repeats_the_part_that_broke_and_what_was_running(
    tmp_path: Path, items: int
) -> None:
    database = open_database(tmp_path / "state.db")
    runs = SqlRuns(database)
    BREAK.add(items - 1)
    wf = over(items, at_once=1)
    with pytest.raises(NodeError, match="is broken"):
        await wf.run(QUESTION, ports={Runs: runs}, durability="step", run_id="r")
    BREAK.clear()
    before = len(RAN)
    result = await wf.resume("r", ports={Runs: runs}, principal=ANONYMOUS)
    assert result.answer == Answer(str(items))
    # What is kept of a map is its parts, of which there are `PARTS`; all but the broken one had ended.
    assert len(RAN) - before == items // PARTS
    await runs.close()
    database.close()
