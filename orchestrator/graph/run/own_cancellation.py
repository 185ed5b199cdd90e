"""A node that asks for its own task to be cancelled has failed, and its run has not been cancelled.

Such a call comes while the code of the node runs; what others ask for comes between two of its steps.
"""

from __future__ import annotations

import asyncio
import types
from asyncio import current_task
from collections.abc import Awaitable, Coroutine, Generator
from typing import Any


async def without_own_cancellation(work: Coroutine[Any, Any, Any]) -> Any:
    """Await the work of a node in the current task, and take back each `cancel()` that its own code asks for.

    CancelledError is raised all the same: with nobody else asking for it, it is an error of the node.
    """
    task: asyncio.Task[Any] = current_task()  # pyright: ignore[reportAssignmentType]
    before = task.cancelling()
    try:
        asked = work.send(None)
    except StopIteration as done:
        # Most nodes wait for nothing.
        if task.cancelling() > before:
            await _delivered(task, task.cancelling() - before)
        return done.value
    except BaseException:
        _take_back(task, task.cancelling() - before)
        raise
    return await _resumed(work, asked, task, task.cancelling() - before)


async def awaited(work: Awaitable[Any]) -> Any:
    """What need be no coroutine, such as a future, as one."""
    return await work


@types.coroutine
def _resumed(
    work: Coroutine[Any, Any, Any], asked: Any, task: asyncio.Task[Any], own: int
) -> Generator[Any, Any, Any]:
    """Go on with what waits for something, step by step."""
    while True:
        sent: Any = None
        thrown: BaseException | None = None
        try:
            sent = yield asked
        except GeneratorExit:
            work.close()
            raise
        except BaseException as error:
            thrown = error
        before = task.cancelling()
        try:
            asked = work.send(sent) if thrown is None else work.throw(thrown)
        except StopIteration as done:
            own += task.cancelling() - before
            if own > 0:
                yield from _delivered(task, own).__await__()
            return done.value
        except BaseException:
            _take_back(task, own + task.cancelling() - before)
            raise
        own += task.cancelling() - before


async def _delivered(task: asyncio.Task[Any], own: int) -> None:
    """Let a cancellation come that was asked for at the very end, so that it does not meet the next node."""
    try:
        await asyncio.sleep(0)
    finally:
        _take_back(task, own)


def _take_back(task: asyncio.Task[Any], own: int) -> None:
    for _ in range(own):
        task.uncancel()
