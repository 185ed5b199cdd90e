"""What calls of models spend, counted on the run that makes them and on the step of its trace."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import Any, TypeVar

from orchestrator.errors import BudgetExhausted, OrchestratorError
from orchestrator.graph.run.state import RunState
from orchestrator.graph.run.step_trace import StepTrace
from orchestrator.ports import NamedModel
from orchestrator.types import Usage

ResultT = TypeVar("ResultT")


class Meter:
    """Counts the calls of one node. A call beyond the budget raises BudgetExhausted unmade."""

    __slots__ = ("_run", "_trace")

    def __init__(self, run: RunState, trace: StepTrace) -> None:
        self._run = run
        self._trace = trace

    def begin(self, tokens: int) -> int:
        """Count a call as begun, so that parallel ones add up; how many tokens it may generate."""
        run = self._run
        self.require(run.shortage())
        self._add(Usage(calls=1))
        if run.budget.tokens is None:
            return tokens
        return max(1, min(tokens, run.budget.tokens - run.usage.tokens))

    def require(self, shortage: str | None) -> None:
        """Raise BudgetExhausted if something has run out."""
        if shortage is not None:
            raise BudgetExhausted(
                f"{shortage} ran out before this model call.",
                hint="Give the run a larger Budget.",
                node=self._trace.path,
                run_id=self._run.run_id,
            )

    @property
    def spent_out(self) -> str | None:
        """Which of calls and tokens have run out, in words; time is left to the engine's deadline."""
        return self._run.spent_out()

    async def count(
        self,
        what: str,
        model: NamedModel,
        call: Callable[[], Awaitable[ResultT]],
        usage_of: Callable[[ResultT], Usage],
        *,
        begun: int = 0,
    ) -> ResultT:
        """Make a call of a model in a span of its own; `begun` of its calls are counted already."""
        tracer = self._run.tracer
        span = tracer.start_as_current_span(f"model.{what}") if tracer else nullcontext()
        with span as current:
            try:
                result = await call()
            except OrchestratorError as error:
                # What could not be used was paid as well. Taken off the error, so that it counts once.
                self._charge(error.spent or Usage(), begun, model, current)
                error.spent = None
                raise
            self._charge(usage_of(result), begun, model, current)
            return result

    def _charge(self, told: Usage, begun: int, model: NamedModel, span: Any) -> None:
        spent = Usage(max(0, told.calls - begun), told.prompt_tokens, told.completion_tokens)
        self._add(spent)
        if span is not None:
            span.set_attribute("gen_ai.request.model", model.name)
            span.set_attribute("gen_ai.usage.input_tokens", spent.prompt_tokens)
            span.set_attribute("gen_ai.usage.output_tokens", spent.completion_tokens)

    def _add(self, usage: Usage) -> None:
        self._run.usage = self._run.usage + usage
        self._trace.usage = self._trace.usage + usage
