"""A client's `max_tokens`: a limit on the text that the user reads, not on the work behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from orchestrator.ports import (
    Generation,
    LanguageModel,
    ModelCall,
    Probabilities,
    Scores,
    for_call,
    for_tenant,
    scores_texts,
)
from orchestrator.types import Message

if TYPE_CHECKING:
    from pydantic import BaseModel


class CappedModel:
    """A language model whose streamed texts are at most `tokens` long.

    A generation that streams is one that the user reads. The others (a rewritten question, a
    judgement) are left alone: cut short they would be worth nothing, and nobody asked for that.
    """

    def __init__(self, model: LanguageModel, tokens: int) -> None:
        self._model = model
        self._tokens = tokens
        #: Whether a text was cut short.
        self.reached = False

    def for_tenant(self, tenant: str) -> CappedModel:
        """Itself, over the tenant's view of its model: one request has one tenant."""
        self._model = for_tenant(self._model, tenant)
        return self

    def for_call(self, use: ModelCall) -> CappedModel:
        """Itself, over the view of its model: one request is one run."""
        self._model = for_call(self._model, use)
        return self

    @property
    def name(self) -> str:
        """The model's name; the limit is part of it, since it is part of what a cached text depends on."""
        return f"{self._model.name} (at most {self._tokens} tokens)"

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
        limit = min(max_tokens, self._tokens) if on_text is not None else max_tokens
        generation = await self._model.generate(
            prompt,
            schema=schema,
            on_text=on_text,
            max_tokens=limit,
            temperature=temperature,
            seed=seed,
        )
        self.reached = self.reached or (on_text is not None and generation.finish == "length")
        return generation

    async def choose(self, prompt: Sequence[Message], options: Sequence[str]) -> Probabilities:
        """Probabilities of options; see the port."""
        return await self._model.choose(prompt, options)

    async def score(self, query: str, texts: Sequence[str]) -> Scores:
        """Relevance scores; see the port."""
        return await self._model.score(query, texts)
