"""A language model whose every call counts on the run that makes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from orchestrator.errors import BudgetExhausted, OrchestratorError
from orchestrator.graph.run.state import RunState
from orchestrator.graph.run.step_trace import StepTrace
from orchestrator.ports import Generation, LanguageModel, Probabilities, Scores, scores_texts
from orchestrator.types import Message, Usage

if TYPE_CHECKING:
    from pydantic import BaseModel


class _Spent(Protocol):
    @property
    def usage(self) -> Usage: ...


SpentT = TypeVar("SpentT", bound=_Spent)


class MeteredModel:
    """The model that a node is given. A call beyond the budget raises BudgetExhausted unmade."""

    def __init__(self, model: LanguageModel, run: RunState, trace: StepTrace) -> None:
        self._model = model
        self._run = run
        self._trace = trace
        self._begun = 0

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model.name

    @property
    def available(self) -> bool:
        """Whether there is a model."""
        return self._model.available

    @property
    def scores_texts(self) -> bool:
        """Whether it scores."""
        return scores_texts(self._model)

    async def generate(
        self,
        prompt: Sequence[Message],
        *,
        schema: type[BaseModel] | None = None,
        on_text: Callable[[str], None] | None = None,
        max_tokens: int = 512,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Generation[Any]:
        """A completion; see the port."""
        allowed = self._allowed(max_tokens)
        return await self._count(
            "generate",
            lambda: self._model.generate(
                prompt,
                schema=schema,
                on_text=on_text,
                max_tokens=allowed,
                temperature=temperature,
                seed=seed,
            ),
        )

    async def choose(self, prompt: Sequence[Message], options: Sequence[str]) -> Probabilities:
        """Probabilities of options; see the port."""
        self._allowed(1)
        return await self._count("choose", lambda: self._model.choose(prompt, options))

    async def score(self, query: str, texts: Sequence[str]) -> Scores:
        """Relevance scores; see the port."""
        self._allowed(0)
        return await self._count("score", lambda: self._model.score(query, texts))

    def _allowed(self, tokens: int) -> int:
        """How many tokens may be generated; counts the call as begun, so that parallel ones add up."""
        run = self._run
        shortage = run.shortage()
        if shortage is not None:
            raise BudgetExhausted(
                f"{shortage} ran out before this model call.",
                hint="Give the run a larger Budget.",
                node=self._trace.path,
                run_id=run.run_id,
            )
        run.usage = run.usage + Usage(calls=1)
        self._trace.usage = self._trace.usage + Usage(calls=1)
        if run.budget.tokens is None:
            return tokens
        return max(1, min(tokens, run.budget.tokens - run.usage.tokens))

    async def _count(self, what: str, call: Callable[[], Awaitable[SpentT]]) -> SpentT:
        tracer = self._run.tracer
        span = tracer.start_as_current_span(f"model.{what}") if tracer else nullcontext()
        with span as current:
            try:
                result = await call()
            except OrchestratorError as error:
                # What could not be used was paid as well. Taken off the error, so that it counts once.
                self._charge(error.spent or Usage(), current)
                error.spent = None
                raise
            self._charge(result.usage, current)
            return result

    def _charge(self, told: Usage, span: Any) -> None:
        # One request was counted when the call began; it may have taken more.
        spent = Usage(max(0, told.calls - 1), told.prompt_tokens, told.completion_tokens)
        self._run.usage = self._run.usage + spent
        self._trace.usage = self._trace.usage + spent
        if span is not None:
            span.set_attribute("gen_ai.request.model", self._model.name)
            span.set_attribute("gen_ai.usage.input_tokens", spent.prompt_tokens)
            span.set_attribute("gen_ai.usage.output_tokens", spent.completion_tokens)
