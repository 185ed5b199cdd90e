"""The state of one run that its nodes share: budget, usage, trace, events, cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Protocol

from orchestrator.budget import Budget
from orchestrator.graph.plan.plan import Call
from orchestrator.graph.run.events import Event, NodeFinished, NodeStarted, Text
from orchestrator.graph.run.step_trace import StepTrace
from orchestrator.types import NOBODY, Principal, Usage


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
    usage: Usage = field(default_factory=Usage)
    degraded: list[str] = field(default_factory=list[str])
    steps: list[StepTrace] = field(default_factory=list[StepTrace])
    cancelled: bool = False
    tracer: Any = None
    durable: bool = False
    sharing: Sharing | None = None

    def remaining(self) -> float | None:
        """Seconds until the deadline, never negative; None without one."""
        if self.budget.seconds is None:
            return None
        return max(0.0, self.started + self.budget.seconds - perf_counter())

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
        """Note a reason, once."""
        if reason not in self.degraded:
            self.degraded.append(reason)

    def emit(self, path: str, text: str) -> None:
        """Send text to whoever listens."""
        if self.events is not None and text:
            self.events.put_nowait(Text(path, text))

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
