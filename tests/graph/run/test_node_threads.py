"""The thread boundary: whatever a plain node does in its thread, its run and all others go on."""

from __future__ import annotations

import asyncio
import functools
import threading
import time
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest

from orchestrator import ANONYMOUS, Answer, Budget, Hits, Question, Run, Text, node, workflow
from orchestrator.errors import BudgetExhausted, NodeError, NodeTimeout
from orchestrator.graph.run.node_threads import NodeThreads, abandoned_threads
from orchestrator.types import Hit
from tests.graph import flows as f

QUESTION = Question("ask", ANONYMOUS)


class Odd(BaseException):
    """An error that is no Exception."""


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that another thread does."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110  # no event tells of it
            await asyncio.sleep(0.005)


ODD = [
    StopIteration(),
    StopIteration("value"),
    SystemExit(3),
    GeneratorExit(),
    asyncio.CancelledError(),
    Odd("odd"),
]


@pytest.mark.parametrize("error", [*ODD, KeyboardInterrupt()], ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("budget", [Budget(), Budget(seconds=60)], ids=["no deadline", "deadline"])
async def test_a_plain_node_that_raises_whatever_it_likes_fails(error: BaseException, budget: Budget) -> None:
    @node
    def raises(question: Question) -> Hits:
        raise error

    with pytest.raises(NodeError, match=rf"\[raises\] Failed with {type(error).__name__}"):
        await workflow("w", raises >> f.answer).run(QUESTION, ports={}, budget=budget)


@pytest.mark.parametrize("error", ODD, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("budget", [Budget(), Budget(seconds=60)], ids=["no deadline", "deadline"])
async def test_so_does_an_asynchronous_one(error: BaseException, budget: Budget) -> None:
    @node
    async def raises(question: Question) -> Hits:
        raise error

    with pytest.raises(NodeError, match=r"\[raises\] Failed with "):
        await workflow("w", raises >> f.answer).run(QUESTION, ports={}, budget=budget)

    # A stream would take a GeneratorExit for its reader's leaving, and end in silence.
    async def listen() -> None:
        async with aclosing(workflow("w", raises >> f.answer).stream(QUESTION, ports={})) as events:
            async for _ in events:
                pass

    with pytest.raises(NodeError):
        await listen()


async def test_a_next_that_finds_nothing_fails() -> None:
    @node
    def first_hit(hits: Hits) -> Answer:
        return Answer(next(hit.id for hit in hits if hit.score > 1))

    with pytest.raises(NodeError, match=r"\[first_hit\] Failed with StopIteration"):
        await workflow("w", f.find >> first_hit).run(QUESTION, ports={})


async def test_text_from_a_thread_is_read_while_the_node_runs() -> None:
    read = threading.Event()

    @node
    def speaks(question: Question, run: Run) -> Answer:
        run.emit("one ")
        heard = read.wait(30)  # nobody sets it, if the text comes when this node ends
        run.emit("two")
        return Answer("one two" if heard else "nobody heard")

    texts: list[str] = []
    async with aclosing(workflow("w", speaks).stream(QUESTION, ports={})) as events:
        async for event in events:
            if isinstance(event, Text):
                texts.append(event.text)
                read.set()
    assert texts == ["one ", "two"]


async def test_an_attempt_that_was_given_up_is_not_heard_any_more() -> None:
    attempts: list[int] = []
    go_on = threading.Event()

    @node
    def speaks(question: Question, run: Run) -> Answer:
        attempts.append(1)
        if len(attempts) == 1:
            go_on.wait(30)
            run.emit("too late")
            return Answer("too late")
        run.emit("in time")
        go_on.set()
        return Answer("in time")

    wf = workflow("w", speaks.within(timeout=0.2, attempts=2))
    async with aclosing(wf.stream(QUESTION, ports={})) as events:
        texts = [event.text async for event in events if isinstance(event, Text)]
    assert texts == ["in time"]
    await until(lambda: abandoned_threads() == 0)


async def test_hung_nodes_leave_threads_for_others() -> None:
    release = threading.Event()
    others = abandoned_threads()

    @node
    def hangs(question: Question) -> Hits:
        release.wait(60)
        return Hits()

    @node
    def plain(question: Question) -> Hits:
        return Hits()

    wf = workflow("w", hangs.within(timeout=0.1) >> f.answer)
    try:
        runs = [wf.run(QUESTION, ports={}) for _ in range(40)]
        ended = await asyncio.gather(*runs, return_exceptions=True)
        assert {type(error) for error in ended} == {NodeTimeout}
        assert abandoned_threads() - others >= 32
        await workflow("w", plain >> f.answer).run(QUESTION, ports={}, budget=Budget(seconds=30))
    finally:
        release.set()
    await until(lambda: abandoned_threads() == others)


async def test_a_run_whose_node_hangs_ends_at_its_deadline() -> None:
    release = threading.Event()

    @node
    def hangs(question: Question) -> Hits:
        release.wait(60)
        return Hits()

    began = time.monotonic()
    try:
        with pytest.raises(BudgetExhausted):
            await workflow("w", hangs >> f.answer).run(
                QUESTION, ports={}, budget=Budget(seconds=0.1, grace=0.1)
            )
        assert time.monotonic() - began < 10
    finally:
        release.set()


# -- the threads alone -----------------------------------------------------------------------------


async def test_calls_wait_for_a_thread_while_all_are_busy_and_take_a_spare_one_if_that_lasts() -> None:
    threads = NodeThreads(size=2, spare=1, patience=0.05)
    release = threading.Event()
    hung = [asyncio.create_task(threads.run(lambda: release.wait(60))) for _ in range(2)]
    await until(lambda: threads.busy == 2)
    assert await asyncio.wait_for(threads.run(lambda: "spare"), 30) == "spare"
    assert threads.abandoned == 0
    release.set()
    assert await asyncio.gather(*hung) == [True, True]


async def test_where_every_thread_hangs_a_node_fails_and_says_so() -> None:
    threads = NodeThreads(size=1, spare=1, patience=60)
    release = threading.Event()
    for _ in range(2):
        entered = threading.Event()
        task = asyncio.create_task(threads.run(lambda entered=entered: (entered.set(), release.wait(60))))
        await until(entered.is_set)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert threads.abandoned == 2
    with pytest.raises(NodeError, match="All 2 threads for plain nodes hang in calls that were given up"):
        await threads.run(lambda: None)
    release.set()
    await until(lambda: threads.abandoned == 0)
    assert await threads.run(lambda: "again") == "again"


async def test_a_call_that_is_given_up_while_it_waits_is_never_made() -> None:
    threads = NodeThreads(size=1, spare=0, patience=60)
    release = threading.Event()
    made: list[Any] = []
    entered = threading.Event()
    first = asyncio.create_task(threads.run(lambda: (entered.set(), release.wait(60))))
    await until(entered.is_set)
    second = asyncio.create_task(threads.run(lambda: made.append(1)))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    release.set()
    await first
    assert await threads.run(lambda: "third") == "third"
    assert (made, threads.abandoned) == ([], 0)


async def test_many_calls_at_once_all_come_back_with_their_own_result() -> None:
    threads = NodeThreads(size=4, spare=0)
    found = await asyncio.gather(*(threads.run(lambda number=number: number) for number in range(500)))
    assert found == list(range(500))
    assert threads.busy <= 4


async def test_an_error_that_cannot_say_what_it_is_fails_its_node_all_the_same() -> None:
    class Wordless(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    @node
    def in_a_thread(question: Question) -> Hits:
        raise Wordless

    @node
    async def in_the_loop(question: Question) -> Hits:
        raise Wordless

    for raises in (in_a_thread, in_the_loop):
        with pytest.raises(NodeError, match="Failed with Wordless\\.") as caught:
            await workflow("w", raises >> f.answer).run(QUESTION, ports={})
        assert isinstance(caught.value.__cause__, Wordless)


@pytest.mark.parametrize("budget", [Budget(), Budget(seconds=60)], ids=["no deadline", "deadline"])
async def test_what_a_plain_function_returns_to_be_awaited_is_awaited(budget: Budget) -> None:
    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def counting(*args: Any, **kwargs: Any) -> Any:
            called.append(function.__name__)
            return function(*args, **kwargs)

        return counting

    @node
    @counted
    async def find(question: Question) -> Hits:
        await asyncio.sleep(0)
        return Hits((Hit("a", 1.0),))

    called: list[str] = []
    result = await workflow("w", find >> f.answer).run(QUESTION, ports={}, budget=budget)
    assert (result.output.text, called) == ("ask: a", ["find"])
