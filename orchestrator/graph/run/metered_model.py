"""A language model whose every call counts on the run that makes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from orchestrator.graph.run.meter import Meter
from orchestrator.models.wrapper import WrapperModel
from orchestrator.ports import (
    MOST_REASONING,
    Generation,
    GenerationRequest,
    LanguageModel,
    Probabilities,
    Scores,
)
from orchestrator.types import Message, Usage


class _Spent(Protocol):
    @property
    def usage(self) -> Usage: ...


SpentT = TypeVar("SpentT", bound=_Spent)


class MeteredModel(WrapperModel):
    """The model that a node is given. A call beyond the budget raises BudgetExhausted unmade."""

    def __init__(self, model: LanguageModel, meter: Meter) -> None:
        super().__init__(model)
        self._meter = meter

    async def generate(
        self, request: GenerationRequest, *, on_text: Callable[[str], None] | None = None
    ) -> Generation[Any]:
        """A completion; see the port."""
        thoughts = MOST_REASONING if request.reasoning == "model" else request.reasoning
        allowed = self._meter.begin(request.max_tokens + thoughts)
        if allowed < request.max_tokens + thoughts:
            # Where little is left, it goes to the answer first.
            length = min(request.max_tokens, allowed)
            request = replace(request, max_tokens=length, reasoning=allowed - length)
        return await self._counted("generate", lambda: self._model.generate(request, on_text=on_text))

    async def choose(self, prompt: Sequence[Message], options: Sequence[str]) -> Probabilities:
        """Probabilities of options; see the port."""
        self._meter.begin(1)
        return await self._counted("choose", lambda: self._model.choose(prompt, options))

    async def score(self, query: str, texts: Sequence[str]) -> Scores:
        """Relevance scores; see the port."""
        self._meter.begin(0)
        return await self._counted("score", lambda: self._model.score(query, texts))

    async def _counted(self, what: str, call: Callable[[], Awaitable[SpentT]]) -> SpentT:
        # One request was counted when the call began; it may have taken more.
        return await self._meter.count(what, self._model, call, lambda made: made.usage, begun=1)
