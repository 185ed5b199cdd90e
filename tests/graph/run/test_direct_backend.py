"""Runs without LangGraph: failures, cancellation, budgets and traces are those of the compiled graph."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any, Literal

import pytest

from orchestrator import ANONYMOUS, Answer, Budget, Hits, Question, fuse, node, repeat, route, workflow
from orchestrator.errors import NodeError, WrongReturn
from orchestrator.graph.plan.plan import Call
from orchestrator.graph.run.state import RunState
from orchestrator.graph.run.step_trace import StepTrace
from orchestrator.graph.workflow import Workflow
from tests.graph import flows as f

QUESTION = Question("ask", ANONYMOUS)


class Nothing:
    """Shares nothing: every call is made."""

    async def value(
        self,
        call: Call,
        reads: Mapping[str, Any],
        run: RunState,
        trace: StepTrace,
        make: Callable[[], Awaitable[Any]],
    ) -> Any:
        return await make()


WAYS = pytest.mark.parametrize("sharing", [None, Nothing()], ids=["compiled", "walked"])


@pytest.fixture(autouse=True)
def _nothing_seen() -> None:
    f.SEEN.clear()


@node
async def fails(question: Question) -> Hits:
    """Fails while others are at work."""
    await asyncio.sleep(0.01)
    raise ValueError("no")


@WAYS
async def test_a_branch_that_fails_stops_the_others(sharing: Nothing | None) -> None:
    wf = workflow("w", fuse(f.hang | fails, by=f.rank_fusion))
    with pytest.raises(NodeError, match=r"\[fails\] Failed with ValueError: no") as raised:
        await wf.run(QUESTION, ports={}, sharing=sharing, run_id="mine")
    assert (raised.value.node, raised.value.run_id) == ("fails", "mine")
    assert f.SEEN == ["hang was cancelled"]


@WAYS
async def test_cancelling_the_run_cancels_its_nodes(sharing: Nothing | None) -> None:
    wf = workflow("w", fuse(f.hang | f.find, by=f.rank_fusion))
    task = asyncio.create_task(wf.run(QUESTION, ports={}, sharing=sharing))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert f.SEEN == ["hang was cancelled"]


async def by_lie(question: Question) -> Literal["short", "long"]:
    """A label that is none."""
    return "neither"  # type: ignore[return-value]


@WAYS
async def test_a_label_that_is_none_is_refused(sharing: Nothing | None) -> None:
    wf = workflow("w", route({"short": f.find, "long": f.find_other}, by=by_lie))
    with pytest.raises(WrongReturn, match="Chose 'neither'"):
        await wf.run(QUESTION, ports={}, sharing=sharing)


async def never(text: Answer) -> bool:
    """Goes on for ever."""
    await asyncio.sleep(0.02)
    return False


@WAYS
async def test_a_loop_ends_with_its_rounds_or_with_the_budget(sharing: Nothing | None) -> None:
    wf = workflow("w", repeat(f.draft, until=never, at_most=4))
    result = await wf.run(QUESTION, ports={}, sharing=sharing)
    assert (result.output, result.degraded) == (Answer("xxxx"), ())
    wf = workflow("w", repeat(f.draft, until=never, at_most=1000))
    result = await wf.run(QUESTION, ports={}, sharing=sharing, budget=Budget(seconds=0.1))
    assert result.answer is not None
    assert 1 <= len(result.answer.text) < 1000
    assert "since the budget ran out" in result.degraded[0]


def stepped(wf: Workflow, sharing: Nothing | None) -> list[str]:
    """The paths of a run's steps."""
    return sorted(step.path for step in asyncio.run(wf.run(QUESTION, ports={}, sharing=sharing)).steps)


def test_the_trace_is_the_same() -> None:
    inner = workflow("inner", f.find >> f.add_one)
    wf = workflow("w", fuse(inner | f.find_other, by=f.rank_fusion) >> f.answer)
    assert stepped(wf, Nothing()) == stepped(wf, None) != []


#: What a node may set for those that come after it in the run.
SET: ContextVar[str] = ContextVar("SET", default="nothing")


@node
async def sets(question: Question) -> Hits:
    """Sets something in its context."""
    SET.set("something")
    return Hits()


@node
async def cannot_be_stopped(question: Question) -> Hits:
    """Goes on although it is cancelled."""
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        f.SEEN.append("went on")
    return Hits()


LINES = pytest.mark.parametrize(
    "composed",
    [
        lambda a_node: workflow("line", a_node),
        lambda a_node: workflow("fork", fuse(a_node | f.find, by=f.rank_fusion)),
    ],
    ids=["a straight line", "a fork"],
)


@WAYS
@LINES
async def test_what_a_node_sets_in_its_context_stays_in_the_run(
    composed: Callable[[Any], Workflow], sharing: Nothing | None
) -> None:
    await composed(sets).run(QUESTION, ports={}, sharing=sharing)
    assert SET.get() == "nothing"


@WAYS
@LINES
async def test_a_cancelled_run_ends_so_even_if_its_node_goes_on(
    composed: Callable[[Any], Workflow], sharing: Nothing | None
) -> None:
    task = asyncio.create_task(composed(cannot_be_stopped).run(QUESTION, ports={}, sharing=sharing))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert f.SEEN == ["went on"]
