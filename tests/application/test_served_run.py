"""A run for somebody outside: its place, its errors, and what becomes of it when nobody listens."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from orchestrator import Answer, Finished, Question, Run, Text, node, workflow
from orchestrator.application.served_run import ServedRun
from orchestrator.errors import NoModel, RunFailed
from orchestrator.graph.workflow import Workflow
from orchestrator.ports import Conversations
from orchestrator.serving.limits.admission import Admission
from orchestrator.types import ANONYMOUS, Message

ENDED: list[str] = []


@node
async def speaks(question: Question, run: Run) -> Answer:
    for word in ("one ", "two ", "three"):
        run.emit(word)
        await asyncio.sleep(0)
    return Answer("one two three")


@node
async def hangs(question: Question, run: Run) -> Answer:
    run.emit("word")
    try:
        await asyncio.sleep(60)
    finally:
        ENDED.append(question.text)
    return Answer("in vain")


@node
async def lacks(question: Question) -> Answer:
    raise NoModel("This needs a model.")


class Broken:
    """A store that fails in a way that nobody foresaw."""

    async def append(self, *_: object, **__: object) -> str:
        raise ZeroDivisionError("tulip")

    async def read(self, *_: object, **__: object) -> tuple[Message, ...]:
        return ()


def run_of(flow: Workflow, admission: Admission | None = None, **more: Any) -> ServedRun:
    question = Question("ask", ANONYMOUS)
    return ServedRun(flow, (question,), ANONYMOUS, more.pop("ports", {}), admission=admission, **more)


async def ended(run: ServedRun, streamed: bool) -> None:
    """Wait for the end of a run, by the one way or the other."""
    if not streamed:
        await run.result()
        return
    async with aclosing(run.events(9)) as events:
        async for _ in events:
            pass


def one_place() -> Admission:
    return Admission(concurrent=1, queued=0, patience=9)


async def test_events_and_result_are_of_the_same_run() -> None:
    flow, admission = workflow("speaks", speaks), one_place()
    run = run_of(flow, admission)
    async with aclosing(run.events(9)) as events:
        seen = [event async for event in events]
    assert [event.text for event in seen if isinstance(event, Text)] == ["one ", "two ", "three"]
    last = seen[-1]
    assert isinstance(last, Finished)
    assert last.result.run_id == run.run_id
    assert admission.running == 0
    result = await run_of(flow, admission).result()
    assert result.output.text == last.result.output.text
    assert admission.running == 0


@pytest.mark.parametrize("streamed", [False, True])
async def test_an_error_names_the_run(streamed: bool) -> None:
    run = run_of(workflow("lacks", lacks), one_place())
    with pytest.raises(NoModel) as caught:
        await ended(run, streamed)
    assert caught.value.run_id == run.run_id


@pytest.mark.parametrize("streamed", [False, True])
async def test_an_error_that_nobody_foresaw_is_a_failed_run(streamed: bool) -> None:
    earlier = (Message("user", "before"),)
    run = run_of(workflow("speaks", speaks), ports={Conversations: Broken()}, earlier=earlier)
    with pytest.raises(RunFailed, match=r"The run failed with ZeroDivisionError: tulip\.") as caught:
        await ended(run, streamed)
    assert caught.value.run_id == run.run_id
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


async def test_nobody_listening_stops_the_run() -> None:
    admission = one_place()
    ENDED.clear()
    events = run_of(workflow("hangs", hangs), admission).events(9)
    async for event in events:
        if isinstance(event, Text):
            break
    await events.aclose()
    assert ENDED == ["ask"]
    assert admission.running == 0


async def test_who_reads_slowly_holds_no_place() -> None:
    admission = one_place()
    events = run_of(workflow("speaks", speaks), admission).events(9)
    await anext(events)
    async with asyncio.timeout(30):
        # The run goes on to its end, though nobody takes what it says.
        while admission.running:  # noqa: ASYNC110
            await asyncio.sleep(0)
    await events.aclose()


async def test_silence_is_told() -> None:
    events = run_of(workflow("hangs", hangs)).events(0.01)
    async for event in events:
        if event is None:
            break
    await events.aclose()
