"""The result of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, cast

from orchestrator.graph.channel import Channel
from orchestrator.graph.plan.plan import Plan
from orchestrator.graph.run.step_trace import StepTrace
from orchestrator.graph.run.trace import step_record
from orchestrator.ports import StepRecord
from orchestrator.types import Answer, Usage
from orchestrator.values import Accounted

ValueT = TypeVar("ValueT")


class Spent(Protocol):
    """What a run tells of itself at its end; see `orchestrator.graph.run.state`."""

    run_id: str
    usage: Usage
    degraded: list[str]
    steps: list[StepTrace]


@dataclass(frozen=True, slots=True)
class RunResult:
    """The result of a run: its last value, every other value it ended with, and what it cost.

    `degraded` lists what was left out and why; `seconds` is the whole run's.
    """

    output: Any
    run_id: str
    degraded: tuple[str, ...]
    usage: Usage
    seconds: float
    _values: Mapping[Channel, Any] = field(repr=False)
    _steps: Sequence[StepTrace] = field(repr=False)

    @classmethod
    def of(cls, plan: Plan, state: Mapping[str, Any], run: Spent, seconds: float) -> RunResult:
        """Read a result off the final state of a run."""
        values = {slot.channel: state[slot.key] for slot in plan.final if slot.key in state}
        degraded = tuple(run.degraded)
        output = values.get(plan.output.channel) if plan.output else None
        # A protocol's `isinstance` looks its members up anew each time, which took a fifth of an empty run.
        if plan.output is not None and hasattr(output, "accounted"):
            told = cast("Accounted", output)
            degraded = tuple(dict.fromkeys((*told.degraded, *degraded)))
            output = told.accounted(degraded, run.usage)
            values = {**values, plan.output.channel: output}
        return cls(output, run.run_id, degraded, run.usage, seconds, values, run.steps)

    @property
    def answer(self) -> Answer | None:
        """The output, if it is an answer."""
        return self.output if isinstance(self.output, Answer) else None

    @property
    def steps(self) -> tuple[StepRecord, ...]:
        """The trace: every call of a node, in the order in which they began."""
        return tuple(step_record(trace) for trace in self._steps)

    def noted(self, tp: type[ValueT]) -> tuple[ValueT, ...]:
        """The values of a type that nodes noted in the trace (`Run.note`), in the order of their steps."""
        found = (note for step in self._steps for note in step.notes.values())
        return tuple(note for note in found if isinstance(note, tp))

    def get(self, tp: type[ValueT], name: str = "") -> ValueT | None:
        """The value that a channel ended with; None if nothing was written to it."""
        return cast("ValueT | None", self._values.get(Channel(tp, name)))
