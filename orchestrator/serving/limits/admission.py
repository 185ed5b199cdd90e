"""Admission control: a limit on concurrent runs, a queue, and an error for the rest."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from orchestrator.serving.wire.errors import Overloaded, ShuttingDown, TooManyRequests


class Admission:
    """Limits concurrent runs. A place is held while its run is executed, not while its client reads.

    `concurrent` runs at once, `queued` that wait for at most `patience` seconds; Overloaded beyond. A place
    that comes free goes to the caller who was given one the longest ago, so that one with many requests
    delays another by the run that goes on, and not by those that wait. `share` is how many of a caller may
    wait; TooManyRequests beyond.
    Belongs to one event loop.
    """

    def __init__(self, *, concurrent: int, queued: int, patience: float, share: int | None = None) -> None:
        self._concurrent = concurrent
        self._queued = queued
        self._patience = patience
        self._share = queued if share is None else share
        self._free = concurrent
        # Callers in the order in which they came, each with those of its runs that wait.
        self._queues: dict[str, deque[asyncio.Future[None]]] = {}
        # When each caller was last given a place, as a count of places: there are as many as API keys.
        self._turns: dict[str, int] = {}
        self._given = 0
        self._running: set[asyncio.Task[object]] = set()
        self._closed = False

    @property
    def running(self) -> int:
        """Runs that hold a place."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Runs that wait for one."""
        return sum(map(len, self._queues.values()))

    @asynccontextmanager
    async def place(self, caller: str = "") -> AsyncGenerator[None, None]:
        """Hold a place; Overloaded if none comes free in time, ShuttingDown if the server stops first."""
        task = asyncio.current_task()
        assert task is not None
        self.check_open()
        if not self._free:
            self._check_room(caller)
        self._running.add(task)
        try:
            await self._wait(caller)
            try:
                yield
            finally:
                self._release()
        except asyncio.CancelledError:
            if self._closed and task.cancelling() <= 1:
                task.uncancel()
                raise _stopping() from None
            raise
        finally:
            self._running.discard(task)

    def _check_room(self, caller: str) -> None:
        mine, all_of_them = len(self._queues.get(caller, ())), self.waiting
        if mine >= self._share and self._share < self._queued:
            raise TooManyRequests(
                f"{mine} of your requests wait already, which is the share of one API key.",
                hint="Wait for an answer before you ask again.",
            )
        if all_of_them >= self._queued:
            raise Overloaded(
                f"{self._concurrent} requests are being answered and {all_of_them} wait.",
                hint="Try again in a few seconds.",
            )

    async def _wait(self, caller: str) -> None:
        if self._free:
            self._free -= 1
            self._take_turn(caller)
            return
        turn = asyncio.get_running_loop().create_future()
        self._queues.setdefault(caller, deque()).append(turn)
        try:
            async with asyncio.timeout(self._patience):
                await turn
        except TimeoutError:
            raise Overloaded(
                f"No place came free within {self._patience:g} s: "
                f"{self._concurrent} requests are being answered.",
                hint="Try again in a few seconds.",
            ) from None
        finally:
            if turn.cancelled():
                self._leave(caller, turn)
            elif sys.exception() is not None:
                # It was given a place in the moment in which it gave up.
                self._release()

    def _leave(self, caller: str, turn: asyncio.Future[None]) -> None:
        queue = self._queues.get(caller, deque())
        if turn in queue:
            queue.remove(turn)
            if not queue:
                del self._queues[caller]

    def _release(self) -> None:
        """Give a place to the caller who has gone without one for the longest."""
        while self._queues:
            caller = min(self._queues, key=lambda each: self._turns.get(each, -1))
            queue = self._queues[caller]
            turn = queue.popleft()
            if not queue:
                del self._queues[caller]
            if not turn.done():
                self._take_turn(caller)
                turn.set_result(None)
                return
        self._free += 1

    def _take_turn(self, caller: str) -> None:
        self._given += 1
        self._turns[caller] = self._given

    def check_open(self) -> None:
        """Raise ShuttingDown if nobody is admitted any more."""
        if self._closed:
            raise _stopping()

    def close(self) -> None:
        """Admit nobody any more."""
        self._closed = True

    def stop(self) -> None:
        """Admit nobody any more, and end what is running: each run raises ShuttingDown."""
        self._closed = True
        for task in tuple(self._running):
            task.cancel()


def _stopping() -> ShuttingDown:
    return ShuttingDown("The server is shutting down.", hint="Try again when it is back.")
