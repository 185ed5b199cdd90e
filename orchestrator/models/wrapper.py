"""Base class of language models that wrap another one and pass all calls on."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, Self

from orchestrator.ports import (
    Generation,
    GenerationRequest,
    LanguageModel,
    ModelCall,
    Operation,
    Probabilities,
    Scores,
    close_model,
    for_call,
    for_tenant,
    resolved_name,
    scores_texts,
)
from orchestrator.types import Message


class WrapperModel:
    """A language model that wraps another one and passes all calls on; subclasses add behaviour.

    Derive from it and override what should be different: everything else is the wrapped model's, whatever
    a model may have besides the port included. A view (for a tenant, for a call) is the same wrapper around
    the view of the wrapped model.
    """

    def __init__(self, model: LanguageModel) -> None:
        self._model = model

    @property
    def wrapped(self) -> LanguageModel:
        """The model behind this one."""
        return self._model

    def around(self, model: LanguageModel) -> Self:
        """The same wrapper around another model; what it remembers is shared."""
        other = copy.copy(self)
        other.wrap(model)
        return other

    def wrap(self, model: LanguageModel) -> None:
        """Set the wrapped model; for views under construction."""
        self._model = model

    def __getattr__(self, name: str) -> Any:
        # Only what no wrapper defines comes here. Python itself asks for names that begin so, before
        # there is a model to ask.
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self._model, name)

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model.name

    @property
    def available(self) -> bool:
        """Whether there is a model that writes."""
        return self._model.available

    @property
    def scores_texts(self) -> bool:
        """Whether it scores."""
        return scores_texts(self._model)

    async def resolved_name(self, operation: Operation = "generate") -> str:
        """The name of what answers now."""
        return await resolved_name(self._model, operation)

    def for_tenant(self, tenant: str) -> LanguageModel:
        """The view of a tenant."""
        view = for_tenant(self._model, tenant)
        return self if view is self._model else self.around(view)

    def for_call(self, call: ModelCall) -> LanguageModel:
        """The view of a node of a run."""
        view = for_call(self._model, call)
        return self if view is self._model else self.around(view)

    async def close(self) -> None:
        """Close what the model holds open."""
        await close_model(self._model)

    async def generate(
        self, request: GenerationRequest, *, on_text: Callable[[str], None] | None = None
    ) -> Generation[Any]:
        """A completion; see the port."""
        return await self._model.generate(request, on_text=on_text)

    async def choose(self, prompt: Sequence[Message], options: Sequence[str]) -> Probabilities:
        """Probabilities of options; see the port."""
        return await self._model.choose(prompt, options)

    async def score(self, query: str, texts: Sequence[str]) -> Scores:
        """Relevance scores; see the port."""
        return await self._model.score(query, texts)
