"""Work done side by side: a bounded number at once, and at the deadline what is done by then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from orchestrator.errors import BudgetExhausted
from orchestrator.graph.run.state import MOMENT, RunState

Work = Callable[[], Coroutine[Any, Any, Any]]


@dataclass(slots=True)
class SideBySide:
    """Several pieces of work, each in a task of its own, at most `at_once` of them at a time.

    The first failure stops the others and is what is raised. One that ran out of budget is no failure: it
    is left out. At the deadline whatever is not done is left out too, as soon as something is done.
    """

    work: Sequence[Work]
    at_once: int
    run: RunState
    #: Whether nothing can be left out.
    all_needed: bool = False
    #: Results by position; what was left out has none.
    results: dict[int, Any] = field(default_factory=dict[int, Any])
    exhausted: BudgetExhausted | None = None
    _failure: BaseException | None = None
    _next: int = 0
    _running: set[asyncio.Task[Any]] = field(default_factory=set[asyncio.Task[Any]])
    _settled: asyncio.Event = field(default_factory=asyncio.Event)
    _first_is_enough: bool = False
    _stopping: bool = False

    async def done(self) -> dict[int, Any]:
        """The results, by position in `work`."""
        try:
            for _ in range(min(self.at_once, len(self.work))):
                self._begin_next()
            if self._running:
                await self._wait()
        finally:
            await self._stop()
        if self._failure is not None:
            raise self._failure
        return self.results

    async def _wait(self) -> None:
        """To the end, or at the deadline until something is done; nodes end their own grace."""
        remaining = self.run.remaining()
        if remaining is None or self.all_needed:
            await self._settled.wait()
            return
        # After the deadline those that have a result so far give it, which takes a moment.
        in_time = await self._settles_within(remaining) or await self._settles_within(MOMENT)
        if not in_time and not self.results:
            self._first_is_enough = True
            await self._settled.wait()

    async def _settles_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._settled.wait()
        except TimeoutError:
            return False
        return True

    def _begin_next(self) -> None:
        if self._stopping or self._next >= len(self.work):
            return
        if self.results and not self.all_needed and self.run.remaining() == 0.0:
            return
        number, self._next = self._next, self._next + 1
        task = asyncio.ensure_future(self.work[number]())
        self._running.add(task)
        task.add_done_callback(partial(self._ended, number))

    def _ended(self, number: int, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is None:
            self.results[number] = task.result()
        elif isinstance(error, BudgetExhausted) and not self.all_needed:
            self.exhausted = self.exhausted or error
        elif not self._stopping:
            self._failure = self._failure or error
        if self._failure is None:
            self._begin_next()
        enough = self._first_is_enough and self.results
        if enough or self._failure is not None or not self._running:
            self._settled.set()

    async def _stop(self) -> None:
        """Stop what still runs. Without a deadline it may clean up as long as it must."""
        self._stopping = True
        if not self._running:
            return
        running = list(self._running)
        for task in running:
            task.cancel()
        seconds = None if self.run.budget.seconds is None else self.run.clean_up_seconds()
        await asyncio.wait(running, timeout=seconds)
