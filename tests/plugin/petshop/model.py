"""A language model that says one thing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.ports import Generation, GenerationRequest, Probabilities, Scores
from orchestrator.types import Message


@dataclass(frozen=True)
class Parrot:
    phrase: str
    name: str = "parrot"
    available: bool = True

    async def generate(
        self, request: GenerationRequest, *, on_text: Callable[[str], None] | None = None
    ) -> Generation[Any]:
        if on_text is not None:
            on_text(self.phrase)
        return Generation(self.phrase)

    async def choose(self, prompt: Sequence[Message], options: Sequence[str]) -> Probabilities:
        return Probabilities(tuple(1 / len(options) for _ in options))

    async def score(self, query: str, texts: Sequence[str]) -> Scores:
        return Scores(tuple(0.0 for _ in texts))
