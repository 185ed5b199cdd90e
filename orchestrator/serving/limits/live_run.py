"""A run while a client waits for it: it waits for a place first, and stops when nobody listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from orchestrator.graph.run.events import Event, Finished
from orchestrator.serving.limits.admission import Admission


async def live(
    run: AsyncGenerator[Event, None], admission: Admission, quiet: float, caller: str = ""
) -> AsyncGenerator[Event | None, None]:
    """The events of a run, up to and with Finished; None each time that `quiet` seconds bring none.

    The run goes on in a task of its own, so that a client that reads slowly holds no place. Closing
    the generator cancels it.
    """
    queue: asyncio.Queue[Event | Exception] = asyncio.Queue()

    async def follow() -> None:
        try:
            async with admission.place(caller), aclosing(run):
                async for event in run:
                    queue.put_nowait(event)
            queue.put_nowait(RuntimeError("the run ended without a result"))
        except Exception as error:
            queue.put_nowait(error)

    following = asyncio.create_task(follow())
    try:
        while True:
            try:
                async with asyncio.timeout(quiet):
                    event = await queue.get()
            except TimeoutError:
                yield None
                continue
            if isinstance(event, Exception):
                raise event
            if isinstance(event, Finished):
                # Its place is free, and the run kept, before anybody hears of the result.
                await following
            yield event
            if isinstance(event, Finished):
                return
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
