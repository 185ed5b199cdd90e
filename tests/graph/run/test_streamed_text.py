"""What a reader of a stream has read at its end is the answer, however it came about."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import pytest

from orchestrator import (
    ANONYMOUS,
    Answer,
    Budget,
    Event,
    Finished,
    Hits,
    NodeFinished,
    Question,
    Restarted,
    Run,
    Text,
    node,
    workflow,
)
from orchestrator.errors import NodeError
from orchestrator.graph.workflow import Workflow
from orchestrator.ports import Cache
from tests.graph import flows as f
from tests.graph.run.test_running import Memory

QUESTION = Question("ask", ANONYMOUS)


async def events_of(wf: Workflow, ports: Any = None, budget: Budget | None = None) -> list[Event]:
    """All events of a run."""
    async with aclosing(wf.stream(QUESTION, ports=ports or {}, budget=budget)) as events:
        return [event async for event in events]


def read(events: list[Event]) -> str:
    """What a reader has before him at the end, if he does what the events say."""
    pieces: list[tuple[str, str]] = []
    for event in events:
        match event:
            case Text(path=path, text=text):
                pieces.append((path, text))
            case Restarted(path=path):
                pieces = [piece for piece in pieces if piece[0] != path]
            case _:
                pass
    return "".join(text for _, text in pieces)


def answer_of(events: list[Event]) -> str:
    """The answer's text."""
    last = events[-1]
    assert isinstance(last, Finished)
    assert last.result.answer is not None
    return last.result.answer.text


async def test_a_node_that_is_tried_again_begins_its_text_anew() -> None:
    tried: list[int] = []

    @node
    async def hello(question: Question, run: Run) -> Answer:
        tried.append(1)
        run.emit("Hello ")
        if len(tried) == 1:
            raise ConnectionError("broke off")
        run.emit("world")
        return Answer("Hello world")

    events = await events_of(workflow("w", hello.within(attempts=2)))
    said = [event for event in events if isinstance(event, Text | Restarted)]
    assert said == [
        Text("hello", "Hello "), Restarted("hello"), Text("hello", "Hello "), Text("hello", "world"),
    ]  # fmt: skip
    assert read(events) == answer_of(events) == "Hello world"


async def test_a_retry_that_had_said_nothing_restarts_nothing() -> None:
    tried: list[int] = []

    @node
    async def hello(question: Question, run: Run) -> Answer:
        tried.append(1)
        if len(tried) == 1:
            raise ConnectionError("broke off")
        run.emit("Hello")
        return Answer("Hello")

    events = await events_of(workflow("w", hello.within(attempts=2)))
    assert [event for event in events if isinstance(event, Text | Restarted)] == [Text("hello", "Hello")]


async def test_a_cached_answer_is_read_too() -> None:
    wf = workflow("w", f.Shout(times=2).within(cache=60))
    ports = {Cache: Memory()}
    first, again = await events_of(wf, ports), await events_of(wf, ports)
    assert [event.cached for event in again if isinstance(event, NodeFinished)] == [True]
    assert read(first) == read(again) == answer_of(again) == "ask!!"
    assert [event for event in again if isinstance(event, Text)] == [Text("shout", "ask!!")]


async def test_an_answer_that_nobody_streamed_is_read_too() -> None:
    events = await events_of(workflow("w", f.find(1) >> f.answer))
    assert read(events) == answer_of(events) == "ask: ask-0"


@pytest.mark.parametrize("said", ["", "The ", "The answer", "Another text", "The answer and more"])
async def test_whatever_was_said_the_reader_has_the_answer(said: str) -> None:
    @node
    async def says(question: Question, run: Run) -> Answer:
        run.emit(said)
        return Answer("The answer")

    assert read(await events_of(workflow("w", says))) == "The answer"


async def test_a_text_that_the_deadline_cut_gives_way_to_the_best_so_far() -> None:
    import asyncio

    @node
    async def says(question: Question, run: Run) -> Answer:
        run.offer(Answer("In short: no."))
        run.emit("At great length, it ")
        await asyncio.sleep(3600)
        return Answer("")

    events = await events_of(workflow("w", says), budget=Budget(seconds=0.1))
    assert read(events) == answer_of(events) == "In short: no."


async def test_what_is_no_answer_is_not_read_out() -> None:
    events = await events_of(workflow("w", f.find(1)))
    assert [event for event in events if isinstance(event, Text)] == []
    assert isinstance(events[-1], Finished)
    assert isinstance(events[-1].result.output, Hits)


async def test_what_is_no_text_is_not_sent() -> None:
    @node
    async def numbers(question: Question, run: Run) -> Answer:
        run.emit(5)  # type: ignore[arg-type]
        return Answer("5")

    with pytest.raises(NodeError, match=r"5, which is no text"):
        async for _ in workflow("w", numbers).stream(QUESTION, ports={}):
            pass
