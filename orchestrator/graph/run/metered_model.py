"""A language model whose every call counts on the run that makes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from orchestrator.graph.run.meter import Meter
from orchestrator.models.wrapper import WrapperModel
from orchestrator.ports import (
    MOST_REASONING,
    Generation,
    LanguageModel,
    Probabilities,
    Reasoning,
    Scores,
)
from orchestrator.types import Message, Usage

if TYPE_CHECKING:
    from pydantic import BaseModel


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
        self,
        prompt: Sequence[Message],
        *,
        schema: type[BaseModel] | None = None,
        on_text: Callable[[str], None] | None = None,
        max_tokens: int = 512,
        temperature: float = 0.0,
        top_p: float = 1.0,
        seed: int = 0,
        reasoning: Reasoning = 0,
    ) -> Generation[Any]:
        """A completion; see the port."""
        thoughts = MOST_REASONING if reasoning == "model" else reasoning
        allowed = self._meter.begin(max_tokens + thoughts)
        # Where little is left, it goes to the answer first.
        length = min(max_tokens, allowed)
        if allowed < max_tokens + thoughts:
            reasoning = allowed - length
        return await self._counted(
            "generate",
            lambda: self._model.generate(
                prompt,
                schema=schema,
                on_text=on_text,
                max_tokens=length,
                temperature=temperature,
                top_p=top_p,
                seed=seed,
                reasoning=reasoning,
            ),
        )

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
