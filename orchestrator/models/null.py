"""The language model of an application without one: never available, so that nodes fall back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from orchestrator.errors import NoModel
from orchestrator.ports import Generation, Probabilities, Reasoning, Scores
from orchestrator.types import Message

if TYPE_CHECKING:
    from pydantic import BaseModel


class NullModel:
    """Never available; every call raises NoModel."""

    available = False

    @property
    def name(self) -> str:
        """It has none."""
        return "none"

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
