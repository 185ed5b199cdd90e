"""Places for runs, and what becomes of those that hold one when the server stops."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator.serving.limits.admission import Admission
from orchestrator.serving.wire.errors import Overloaded, ShuttingDown, TooManyRequests


async def hold(admission: Admission, until: asyncio.Event) -> str:
    async with admission.place():
        await until.wait()
        return "done"


async def test_no_more_run_at_once_than_there_are_places():
    admission = Admission(concurrent=2, queued=9, patience=9)
    at_once: list[int] = []
    inside = 0

    async def one() -> None:
        nonlocal inside
        async with admission.place():
            inside += 1
            at_once.append(inside)
            await asyncio.sleep(0.001)
            inside -= 1

    await asyncio.gather(*(one() for _ in range(8)))
    assert max(at_once) == 2
    assert (admission.running, admission.waiting) == (0, 0)


async def test_who_gives_up_waiting_leaves_the_queue():
    admission = Admission(concurrent=1, queued=1, patience=9)
    over = asyncio.Event()
    first = asyncio.create_task(hold(admission, over))
    second = asyncio.create_task(hold(admission, over))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await hold(admission, over)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    third = asyncio.create_task(hold(admission, over))
    await asyncio.sleep(0)
    over.set()
    assert await asyncio.gather(first, third) == ["done", "done"]


async def test_places_that_come_free_go_to_the_callers_in_turn():
    admission = Admission(concurrent=1, queued=9, patience=9)
    served: list[str] = []

    async def one(caller: str) -> None:
        async with admission.place(caller):
            served.append(caller)
            await asyncio.sleep(0)

    await asyncio.gather(*(one(caller) for caller in "aaaabbc"))
    assert "".join(served) == "abcabaa"
    assert (admission.running, admission.waiting) == (0, 0)


async def test_who_is_given_a_place_while_giving_up_gives_it_on():
    admission = Admission(concurrent=1, queued=9, patience=9)
    over = asyncio.Event()
    first, second, third = (asyncio.create_task(hold(admission, over)) for _ in range(3))
    await asyncio.sleep(0)
    first.cancel()
    # The second is given the place now, and cancelled before it can take it.
    await asyncio.wait({first})
    second.cancel()
    over.set()
    assert await third == "done"
    await asyncio.gather(first, second, return_exceptions=True)
    assert await hold(admission, over) == "done"


async def test_one_caller_has_a_share_of_the_places_to_wait():
    admission = Admission(concurrent=1, queued=4, share=2, patience=9)
    over = asyncio.Event()
    held = [asyncio.create_task(hold(admission, over)) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(TooManyRequests, match="2 of your requests wait already"):
        await hold(admission, over)

    async def other() -> None:
        async with admission.place("other"):
            pass

    others = asyncio.create_task(other())
    await asyncio.sleep(0)
    over.set()
    await asyncio.gather(*held, others)


async def test_stopping_ends_those_inside_and_those_that_wait():
    admission = Admission(concurrent=1, queued=1, patience=9)
    held = [asyncio.create_task(hold(admission, asyncio.Event())) for _ in range(2)]
    await asyncio.sleep(0)
    admission.stop()
    ended = await asyncio.gather(*held, return_exceptions=True)
    assert [type(each) for each in ended] == [ShuttingDown, ShuttingDown]
    with pytest.raises(ShuttingDown):
        await hold(admission, asyncio.Event())


async def test_closing_lets_those_inside_finish():
    admission = Admission(concurrent=1, queued=1, patience=9)
    over = asyncio.Event()
    inside = asyncio.create_task(hold(admission, over))
    await asyncio.sleep(0)
    admission.close()
    with pytest.raises(ShuttingDown):
        await hold(admission, over)
    over.set()
    assert await inside == "done"


async def test_a_cancelled_run_stays_cancelled():
    admission = Admission(concurrent=1, queued=1, patience=9)
    inside = asyncio.create_task(hold(admission, asyncio.Event()))
    await asyncio.sleep(0)
    inside.cancel()
    with pytest.raises(asyncio.CancelledError):
        await inside
    assert admission.running == 0
