"""The state of one run that its nodes share: budget, usage, trace, events, cancellation."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Protocol

from orchestrator.budget import Budget
from orchestrator.errors import LeaseLost, NodeError, sentence
from orchestrator.graph.plan.plan import Call
from orchestrator.graph.run.events import Event, NodeFinished, NodeStarted, Restarted, Text
from orchestrator.graph.run.step_trace import StepTrace
from orchestrator.ports import IndexedPorts, RunLease
from orchestrator.types import NOBODY, Principal, Usage

#: Seconds that are left to what is stopped at a deadline, and to what has its result at once.
MOMENT = 0.05
#: Seconds that a node has to clean up after it was stopped while there is time.
_CLEAN_UP = 1.0
_NOTHING = Usage()


class Lease(Protocol):
    """That this process is the one that carries a durable run on."""

    lease: RunLease
    lost: LeaseLost | None

    async def check(self) -> None: ...


class Sharing(Protocol):
    """Lets several runs make a call that they have in common once.

    It gets every call of a run with the values that it reads, and returns what `make` gives, or what
    it gave another run. It counts what a reused result had cost on `run` and `trace`.
    """

    async def value(
        self,
        call: Call,
        reads: Mapping[str, Any],
        run: RunState,
        trace: StepTrace,
        make: Callable[[], Awaitable[Any]],
    ) -> Any: ...


@dataclass(slots=True)
class RunState:
    """What the engine knows of a run. Times are seconds of `perf_counter`."""

    run_id: str
    ports: Mapping[Any, Any]
    principal: Principal = NOBODY
    budget: Budget = field(default_factory=Budget)
    events: asyncio.Queue[Event | None] | None = None
    started: float = field(default_factory=perf_counter)
    usage: Usage = _NOTHING
    degraded: list[str] = field(default_factory=list[str])
    steps: list[StepTrace] = field(default_factory=list[StepTrace])
    cancelled: bool = False
    tracer: Any = None
    durable: bool = False
    sharing: Sharing | None = None
    lease: Lease | None = None
    #: The first node that took part of the grace time.
    late: str | None = None
    #: Nothing is told to the reader any more.
    ended: bool = False
    #: Text that was sent and still stands, with who sent it; kept only where somebody listens.
    said: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    _thread: int = 0
    _loop: asyncio.AbstractEventLoop | None = None

    def __post_init__(self) -> None:
        if self.events is not None:
            self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()

    def ports_of(self, index: str) -> Mapping[Any, Any]:
        """The ports of the index that a node names, or the run's; NodeError if that has one index alone."""
        if not index:
            return self.ports
        if isinstance(self.ports, IndexedPorts):
            return self.ports.of(index)
        raise NodeError(
            f"Names the index {index!r}, but the ports of this run belong to one index.",
            hint="Give it the ports of an application: ports=application.ports().",
        )

    def remaining(self) -> float | None:
        """Seconds until the deadline, never negative; None without one."""
        if self.budget.seconds is None:
            return None
        return max(0.0, self.started + self.budget.seconds - perf_counter())

    def left(self, share: float = 1.0) -> float | None:
        """Seconds until this share of the grace time is over, never negative; None without a deadline.

        The grace is one for the whole run: who comes late finds less of it.
        """
        if self.budget.seconds is None:
            return None
        end = self.started + self.budget.seconds + share * self.budget.grace
        return max(0.0, end - perf_counter())

    def clean_up_seconds(self) -> float:
        """How long to wait for something that was stopped: no run is late for it."""
        return MOMENT if self.remaining() == 0.0 else _CLEAN_UP

    async def check_ownership(self) -> None:
        """LeaseLost if the run may be another's by now: called before whatever is kept."""
        if self.lease is not None:
            await self.lease.check()

    def exhausted(self) -> bool:
        """Whether time, calls or tokens have run out."""
        return self.shortage() is not None

    def shortage(self) -> str | None:
        """What has run out, in words."""
        budget = self.budget
        if self.remaining() == 0.0:
            return f"the deadline of {budget.seconds:g} s"
        return self.spent_out()

    def spent_out(self) -> str | None:
        """Which of calls and tokens have run out, in words."""
        budget = self.budget
        if budget.calls is not None and self.usage.calls >= budget.calls:
            return f"the budget of {budget.calls} model calls"
        if budget.tokens is not None and self.usage.tokens >= budget.tokens:
            return f"the budget of {budget.tokens} tokens"
        return None

    def degrade(self, reason: str) -> None:
        """Note a reason, once, as a sentence."""
        reason = sentence(reason)
        if reason not in self.degraded:
            self.degraded.append(reason)

    def emit(self, path: str, text: str) -> None:
        """Send text to whoever listens, at once, from whatever thread."""
        if self.events is None or not text:
            return
        if threading.get_ident() == self._thread:
            self._say(path, text)
        elif self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._say, path, text)

    def _say(self, path: str, text: str) -> None:
        if self.events is not None and not (self.ended or self.cancelled):
            self.said.append((path, text))
            self.events.put_nowait(Text(path, text))

    def restart(self, path: str) -> None:
        """Make void what a node has said so far."""
        if self.events is not None and any(speaker == path for speaker, _ in self.said):
            self.said = [(speaker, text) for speaker, text in self.said if speaker != path]
            self.events.put_nowait(Restarted(path))

    def settle_text(self, path: str, text: str) -> None:
        """Let what was said be `text`, the answer: send what lacks, or begin again where another was said."""
        if self.events is None:
            return
        said = "".join(piece for _, piece in self.said)
        if not text.startswith(said):
            for speaker in dict.fromkeys(speaker for speaker, _ in self.said):
                self.restart(speaker)
            said = ""
        if len(text) > len(said):
            self._say(path, text[len(said) :])

    def step_started(self, path: str, reads: Mapping[str, Any]) -> StepTrace:
        """Open a step of the trace."""
        trace = StepTrace(path, perf_counter() - self.started, reads)
        self.steps.append(trace)
        if self.events is not None:
            self.events.put_nowait(NodeStarted(path, trace.started))
        return trace

    def step_finished(self, trace: StepTrace) -> None:
        """Close a step of the trace."""
        trace.seconds = perf_counter() - self.started - trace.started
        if self.events is not None:
            self.events.put_nowait(
                NodeFinished(trace.path, trace.started, trace.seconds, trace.usage, trace.cached)
            )


#: The run that the current task belongs to.
current_run: ContextVar[RunState | None] = ContextVar("orchestrator_run", default=None)


def forgotten(task: asyncio.Task[Any]) -> None:
    """Take note of how a task ended that was given up, so that nobody is warned of it."""
    if not task.cancelled():
        task.exception()
