"""How many runs go on at once: so many, as many again in a queue, and a clear answer to the rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from orchestrator.serving.errors import Overloaded, ShuttingDown


class Admission:
    """Places for runs. A place is held while its run goes on, not while its client reads.

    `concurrent` runs at once, `queued` that wait for at most `patience` seconds; Overloaded beyond.
    Belongs to one event loop.
    """

    def __init__(self, *, concurrent: int, queued: int, patience: float) -> None:
        self._concurrent = concurrent
        self._queued = queued
        self._patience = patience
        self._places = asyncio.Semaphore(concurrent)
        self._waiting = 0
        self._running: set[asyncio.Task[object]] = set()
        self._closed = False

    @property
    def running(self) -> int:
        """Runs that hold a place."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Runs that wait for one."""
        return self._waiting

    @asynccontextmanager
    async def place(self) -> AsyncGenerator[None, None]:
        """Hold a place; Overloaded if none comes free in time, ShuttingDown if the server stops first."""
        task = asyncio.current_task()
        assert task is not None
        self.check_open()
        if self._places.locked() and self._waiting >= self._queued:
            raise Overloaded(
                f"{self._concurrent} requests are being answered and {self._waiting} wait.",
                hint="Try again in a few seconds.",
            )
        self._running.add(task)
        try:
            await self._wait()
            try:
                yield
            finally:
                self._places.release()
        except asyncio.CancelledError:
            if self._closed and task.cancelling() <= 1:
                task.uncancel()
                raise _stopping() from None
            raise
        finally:
            self._running.discard(task)

    async def _wait(self) -> None:
        self._waiting += 1
        try:
            async with asyncio.timeout(self._patience):
                await self._places.acquire()
        except TimeoutError:
            raise Overloaded(
                f"No place came free within {self._patience:g} s: "
                f"{self._concurrent} requests are being answered.",
                hint="Try again in a few seconds.",
            ) from None
        finally:
            self._waiting -= 1

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
