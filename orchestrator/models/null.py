"""The language model of an application without one: never available, so that nodes fall back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from orchestrator.errors import NoModel
from orchestrator.ports import Generation, GenerationRequest, Probabilities, Scores
from orchestrator.types import Message


class NullModel:
    """Never available; every call raises NoModel."""

    available = False

    @property
    def name(self) -> str:
        """It has none."""
        return "none"

    async def generate(
        self, request: GenerationRequest, *, on_text: Callable[[str], None] | None = None
    ) -> Generation[Any]:
        """Raises NoModel."""
        self._refuse("generate a text", "llm_url")

    async def choose(self, prompt: Sequence[Message], options: Sequence[str]) -> Probabilities:
        """Raises NoModel."""
        self._refuse("choose an option", "llm_url")

    async def score(self, query: str, texts: Sequence[str]) -> Scores:
        """Raises NoModel."""
        self._refuse("score texts", "score_url")

    def _refuse(self, what: str, setting: str) -> NoReturn:
        raise NoModel(
            f"No model is configured to {what}.",
            hint=f"Set {setting}, or use a workflow that does without one, such as `chat` or `search`.",
        )
