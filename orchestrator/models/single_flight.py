"""Single flight: of equal requests at the same moment one is made, and all wait for its answer."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Generic, TypeVar

from orchestrator.errors import OrchestratorError

AnswerT = TypeVar("AnswerT")
AskerT = TypeVar("AskerT")


class SingleFlight(Generic[AskerT, AnswerT]):
    """Deduplicates concurrent requests: equal keys share one request and its answer.

    The work stops when nobody waits any more. What is asked in another event loop is not waited for.
    """

    def __init__(self) -> None:
        self._flights: dict[str, _Flight[AskerT, AnswerT]] = {}

    async def answer(
        self, key: str, asker: AskerT, make: Callable[[Sequence[AskerT]], Coroutine[Any, Any, AnswerT]]
    ) -> tuple[AnswerT, bool]:
        """The answer, and whether this caller made the request (others share it).

        `make` is given everybody who has asked so far, in a list that grows. Its error is everybody's, each
        with a copy that nothing was `spent` on, but for the first.
        """
        loop = asyncio.get_running_loop()
        flight = self._flights.get(key)
        if flight is None or flight.task.get_loop() is not loop:
            askers: list[AskerT] = []
            flight = _Flight(loop.create_task(make(askers)), askers)
            self._flights[key] = flight
            flight.task.add_done_callback(lambda _, flight=flight: self._leave(key, flight))
        me = object()
        flight.askers.append(asker)
        flight.waiting.append(me)
        try:
            # Who is cancelled while it waits cancels only its waiting.
            await asyncio.wait({flight.task})
        except asyncio.CancelledError:
            flight.waiting.remove(me)
            if not flight.waiting:
                self._leave(key, flight)
                await flight.stopped()
            raise
        return flight.outcome(me)

    def _leave(self, key: str, flight: _Flight[AskerT, AnswerT]) -> None:
        """Nobody is added to it any more."""
        if self._flights.get(key) is flight:
            del self._flights[key]
        if flight.task.done() and not flight.task.cancelled():
            # All who waited for it may be gone: an error of theirs is no news to anybody.
            flight.task.exception()


class _Flight(Generic[AskerT, AnswerT]):
    """Work that is under way, who asked for it, and who waits for it still."""

    def __init__(self, task: asyncio.Task[AnswerT], askers: list[AskerT]) -> None:
        self.task = task
        self.askers = askers
        self.waiting: list[object] = []

    async def stopped(self) -> None:
        """Stop the work, and wait until it has let go of what it held."""
        self.task.cancel()
        await asyncio.wait({self.task})

    def outcome(self, waiter: object) -> tuple[AnswerT, bool]:
        """What came of it, and whether it came for this one."""
        own = self.waiting[0] is waiter
        try:
            return self.task.result(), own
        except OrchestratorError as error:
            if own:
                raise
            # What an error says of where it ended, and of what it cost, is another's.
            other = copy.copy(error)
            other.node = other.run_id = other.spent = None
            raise other from error.__cause__
