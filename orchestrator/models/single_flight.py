"""Equal questions that are asked at the same moment: one is asked, and all wait for its answer."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Generic, TypeVar

from orchestrator.errors import OrchestratorError

AnswerT = TypeVar("AnswerT")
AskerT = TypeVar("AskerT")


class Joining(Generic[AskerT, AnswerT]):
    """What is under way, by key. Who asks for something that is, waits for it.

    The work stops when nobody waits any more. What is asked in another event loop is not waited for.
    """

    def __init__(self) -> None:
        self._joints: dict[str, _Joint[AskerT, AnswerT]] = {}

    async def answer(
        self, key: str, asker: AskerT, make: Callable[[Sequence[AskerT]], Coroutine[Any, Any, AnswerT]]
    ) -> tuple[AnswerT, bool]:
        """The answer, and whether it is this asker's own: of all who get it, it is the first one's.

        `make` is given everybody who has asked so far, in a list that grows. Its error is everybody's, each
        with a copy that nothing was `spent` on, but for the first.
        """
        loop = asyncio.get_running_loop()
        joint = self._joints.get(key)
        if joint is None or joint.task.get_loop() is not loop:
            askers: list[AskerT] = []
            joint = _Joint(loop.create_task(make(askers)), askers)
            self._joints[key] = joint
            joint.task.add_done_callback(lambda _, joint=joint: self._leave(key, joint))
        me = object()
        joint.askers.append(asker)
        joint.waiting.append(me)
        try:
            # Who is cancelled while it waits cancels only its waiting.
            await asyncio.wait({joint.task})
        except asyncio.CancelledError:
            joint.waiting.remove(me)
            if not joint.waiting:
                self._leave(key, joint)
                await joint.stopped()
            raise
        return joint.outcome(me)

    def _leave(self, key: str, joint: _Joint[AskerT, AnswerT]) -> None:
        """Nobody joins it any more."""
        if self._joints.get(key) is joint:
            del self._joints[key]
        if joint.task.done() and not joint.task.cancelled():
            # All who waited for it may be gone: an error of theirs is no news to anybody.
            joint.task.exception()


class _Joint(Generic[AskerT, AnswerT]):
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
