"""Sharing of node calls between arms: equal calls are made once for each query."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from orchestrator.graph.plan.plan import Call
from orchestrator.graph.run.state import RunState
from orchestrator.graph.run.step_trace import StepTrace
from orchestrator.types import Usage

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Made:
    """A result, when it was made, and what it had cost; `inputs` are held so that their ids stay theirs."""

    value: Any
    interval: Interval
    usage: Usage
    inputs: tuple[Any, ...]


@dataclass(slots=True)
class SharedCalls:
    """The results of one query's calls, for all the arms that are run on it.

    A call is the same in two arms if its node is equal and it reads the very same objects: values are
    immutable, so that arms which begin alike go on sharing until their nodes differ. A graph that makes
    equal calls twice keeps two results, since they may be independent samples. What a call cost
    is counted on every arm that uses it, so that no arm looks cheaper beside others than alone.

    Results live as long as this object: one a query keeps memory bounded.
    """

    _made: dict[Any, _Made] = field(default_factory=dict[Any, _Made])
    _seen: dict[str, dict[Any, int]] = field(default_factory=dict[str, dict[Any, int]])
    _reused: dict[str, list[Interval]] = field(default_factory=dict[str, list[Interval]])
    #: Seconds of the calls that were really made, each as long as it took.
    seconds: float = 0.0

    async def value(
        self,
        call: Call,
        reads: Mapping[str, Any],
        run: RunState,
        trace: StepTrace,
        make: Callable[[], Awaitable[Any]],
    ) -> Any:
        """The result of a call of a run: made now, or by another run before."""
        key = self._key(call, reads, run)
        made = self._made.get(key)
        if made is not None:
            run.usage = run.usage + made.usage
            trace.usage = made.usage
            trace.cached = True
            self._reused.setdefault(run.run_id, []).append(made.interval)
            return made.value
        reasons = len(run.degraded)
        began = perf_counter()
        value = await make()
        ended = perf_counter()
        self.seconds += ended - began
        # A call without a result was made for its effect, and one that was cut short may do better alone.
        if call.writes and len(run.degraded) == reasons:
            self._made[key] = _Made(value, (began, ended), trace.usage, tuple(reads.values()))
        return value

    def reused_seconds(self, run_id: str) -> float:
        """The seconds that a run saved by results of other arms, which count as its latency.

        Calls that were made side by side count once: it is the length of their intervals together.
        """
        total, reached = 0.0, float("-inf")
        for began, ended in sorted(self._reused.get(run_id, ())):
            total += max(0.0, ended - max(began, reached))
            reached = max(reached, ended)
        return total

    def _key(self, call: Call, reads: Mapping[str, Any], run: RunState) -> Any:
        inputs = tuple((name, _identity(value)) for name, value in sorted(reads.items()))
        same = (call.node, call.policy, inputs)
        seen = self._seen.setdefault(run.run_id, {})
        seen[same] = number = seen.get(same, 0) + 1
        return (same, number)


def _identity(value: Any) -> Any:
    """What names a value: itself, or for the gathered results of branches each of them."""
    if isinstance(value, tuple):
        return tuple(_identity(item) for item in value)  # pyright: ignore[reportUnknownVariableType]
    return id(value)
