"""A client's `max_tokens`: a limit on the text that the user reads, not on the work behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.models.wrapper import WrapperModel
from orchestrator.ports import Generation, LanguageModel, Operation, Reasoning
from orchestrator.types import Message

if TYPE_CHECKING:
    from pydantic import BaseModel


@dataclass(slots=True)
class _Cut:
    """Whether a text was cut short: known to all views of one model."""

    reached: bool = False


class CappedModel(WrapperModel):
    """A language model whose streamed texts are at most `tokens` long. One request has one.

    A generation that streams is one that the user reads. The others (a rewritten question, a
    judgement) are left alone: cut short they would be worth nothing, and nobody asked for that.
    """

    def __init__(self, model: LanguageModel, tokens: int) -> None:
        super().__init__(model)
        self._tokens = tokens
        self._cut = _Cut()

    @property
    def reached(self) -> bool:
        """Whether a text was cut short, through this model or a view of it."""
        return self._cut.reached

    @property
    def name(self) -> str:
        """The model's name; the limit is part of it, since it is part of what a cached text depends on."""
        return self._capped(self._model.name)

    async def resolved_name(self, operation: Operation = "generate") -> str:
        """The name of what answers now, with the limit where texts are concerned."""
        name = await super().resolved_name(operation)
        return self._capped(name) if operation == "generate" else name

    def _capped(self, name: str) -> str:
        return f"{name} (at most {self._tokens} tokens)"

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
        limit = min(max_tokens, self._tokens) if on_text is not None else max_tokens
        generation = await self._model.generate(
            prompt,
            schema=schema,
            on_text=on_text,
            max_tokens=limit,
            temperature=temperature,
            top_p=top_p,
            seed=seed,
            reasoning=reasoning,
        )
        self._cut.reached = self.reached or (on_text is not None and generation.finish == "length")
        return generation
