"""The threads in which nodes that are plain functions run; one that hangs is given up and replaced."""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

from orchestrator.errors import NodeError, told_error

#: Threads for nodes that are plain functions, in each process.
THREADS = 32
#: Threads beside these that may stand in for hung ones.
SPARE_THREADS = 224
#: A call that has waited this many seconds for a thread takes a spare one: those before it may hang.
PATIENCE = 1.0
#: An idle thread ends after this many seconds.
_IDLE = 30.0


@dataclass(slots=True, eq=False)
class _Work:
    """A call that waits for a thread, or is in one. The loop's thread and the worker's both look at it."""

    call: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[tuple[Any, BaseException | None]]
    begun: bool = False
    ended: bool = False
    abandoned: bool = False


class NodeThreads:
    """A bounded pool whose threads may hang without taking the others with them.

    Nobody can stop a thread. One whose call is no longer awaited is *abandoned*: it is counted, does not
    count against `size`, and comes back when its call ends. Threads are daemons, so that a hung one does
    not keep a program from ending.
    """

    def __init__(self, size: int = THREADS, spare: int = SPARE_THREADS, patience: float = PATIENCE) -> None:
        self._size, self._spare, self._patience = size, spare, patience
        self._changed = threading.Condition()
        self._waiting: deque[_Work] = deque()
        self._threads = self._idle = self._abandoned = self._extra = 0

    @property
    def abandoned(self) -> int:
        """Threads that still run a call which nobody awaits any more."""
        return self._abandoned

    @property
    def busy(self) -> int:
        """Threads that run a call, the abandoned ones among them."""
        return self._threads - self._idle

    async def run(self, call: Callable[[], Any]) -> Any:
        """The result of a call in a thread, in a copy of this context; NodeError where none is left."""
        loop = asyncio.get_running_loop()
        inside = contextvars.copy_context()
        work = _Work(lambda: inside.run(call), loop, loop.create_future())
        self._submit(work)
        grown = loop.call_later(self._patience, self._grow, work) if not work.begun else None
        try:
            value, error = await work.done
        except BaseException:
            self._abandon(work)
            raise
        finally:
            if grown is not None:
                grown.cancel()
        if error is None:
            return value
        if isinstance(error, Exception) and not isinstance(error, StopIteration):
            raise error
        # Those have a meaning to the loop's thread that they do not have here.
        raise NodeError(f"Failed with {told_error(error)}.") from error

    def _submit(self, work: _Work) -> None:
        with self._changed:
            if self._abandoned >= self._size + self._spare:
                raise NodeError(
                    f"All {self._abandoned} threads for plain nodes hang in calls that were given up.",
                    hint="Let nodes poll `run.cancelled`, give what they wait for a timeout, and restart "
                    "this process.",
                )
            self._waiting.append(work)
            if len(self._waiting) <= self._idle:
                self._changed.notify()
            elif self._threads < self._size + self._abandoned + self._extra:
                self._start()

    def _start(self) -> None:
        if self._threads < self._size + self._spare:
            self._threads += 1
            threading.Thread(target=self._work, name="orchestrator-node", daemon=True).start()

    def _grow(self, work: _Work) -> None:
        """A call has waited long: let it have a thread of its own."""
        with self._changed:
            if not work.begun and self._threads < self._size + self._spare:
                self._extra += 1
                self._start()

    def _abandon(self, work: _Work) -> None:
        with self._changed:
            if not work.begun:
                self._waiting.remove(work)
            elif not work.ended:
                work.abandoned = True
                self._abandoned += 1
                if self._waiting:
                    self._start()

    def _work(self) -> None:
        while (work := self._taken()) is not None:
            outcome: tuple[Any, BaseException | None]
            try:
                outcome = (work.call(), None)
            except BaseException as error:
                # Whatever it is: a future takes no StopIteration, and this thread has no one to tell.
                outcome = (None, error)
            with self._changed:
                work.ended = True
                if work.abandoned:
                    self._abandoned -= 1
            # The loop of an abandoned call may be closed.
            with suppress(RuntimeError):
                work.loop.call_soon_threadsafe(_deliver, work, outcome)
            del work, outcome

    def _taken(self) -> _Work | None:
        """The next call; None if this thread is to end."""
        with self._changed:
            if self._threads > self._size + self._abandoned + self._extra and not self._waiting:
                return self._ended()
            self._idle += 1
            found = self._changed.wait_for(lambda: self._waiting, _IDLE)
            self._idle -= 1
            if not found:
                return self._ended()
            work = self._waiting.popleft()
            work.begun = True
            return work

    def _ended(self) -> None:
        self._threads -= 1
        self._extra = max(0, min(self._extra, self._threads - self._size))


def _deliver(work: _Work, outcome: tuple[Any, BaseException | None]) -> None:
    if not work.done.done():
        work.done.set_result(outcome)


@cache
def node_threads() -> NodeThreads:
    """The process's threads for nodes that are plain functions."""
    return NodeThreads()


# A forked child has none of its parent's threads.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=node_threads.cache_clear)


def abandoned_threads() -> int:
    """How many threads of this process hang in nodes that nobody awaits any more."""
    return node_threads().abandoned
