"""What a client asks of the text that it reads (length, temperature, seed), and how that text ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchestrator.models.wrapper import WrapperModel
from orchestrator.ports import Generation, LanguageModel, Operation
from orchestrator.types import Message

if TYPE_CHECKING:
    from pydantic import BaseModel


@dataclass(slots=True)
class _Written:
    """What was written so far: known to all views of one model."""

    any: bool = False
    #: Whether the text to each prompt is cut short; what was asked again counts as it ended last.
    cut: dict[tuple[Message, ...], bool] = field(default_factory=dict[tuple[Message, ...], bool])


class ClientModel(WrapperModel):
    """A language model as a client of the endpoint uses it. One request has one.

    Streamed texts are at most `tokens` long, and have the client's temperature and seed. A generation that
    streams is one that the client reads. The others (a rewritten question, a judgement) are left alone: cut
    short they would be worth nothing, and nobody asked for that.
    """

    def __init__(
        self,
        model: LanguageModel,
        *,
        tokens: int | None = None,
        temperature: float | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(model)
        self._tokens = tokens
        self._temperature = temperature
        self._seed = seed
        self._written = _Written()

    @property
    def wrote(self) -> bool:
        """Whether any streamed text came of it."""
        return self._written.any

    @property
    def cut(self) -> bool:
        """Whether a streamed text is cut short, by a limit or since the model failed or was stopped."""
        return any(self._written.cut.values())

    @property
    def name(self) -> str:
        """The model's name, with what the client asks: a text that is kept depends on it."""
        return self._asked(self._model.name)

    async def resolved_name(self, operation: Operation = "generate") -> str:
        """The name of what answers now, with what the client asks where texts are concerned."""
        name = await super().resolved_name(operation)
        return self._asked(name) if operation == "generate" else name

    def _asked(self, name: str) -> str:
        asked = (
            ("at most {} tokens", self._tokens),
            ("temperature {}", self._temperature),
            ("seed {}", self._seed),
        )
        told = ", ".join(what.format(value) for what, value in asked if value is not None)
        return f"{name} ({told})" if told else name

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
        if on_text is None:
            return await self._model.generate(
                prompt, schema=schema, max_tokens=max_tokens, temperature=temperature, seed=seed
            )
        begun = False

        def shown(text: str) -> None:
            nonlocal begun
            begun = begun or bool(text)
            self._written.any = self._written.any or begun
            on_text(text)

        asked = tuple(prompt)
        try:
            generation = await self._model.generate(
                prompt,
                schema=schema,
                on_text=shown,
                max_tokens=min(max_tokens, self._tokens or max_tokens),
                temperature=temperature if self._temperature is None else self._temperature,
                seed=seed if self._seed is None else self._seed,
            )
        except BaseException:
            # Stopped at a deadline, too: what was read of it stands.
            self._written.cut[asked] = begun
            raise
        self._written.any = self._written.any or bool(generation.text)
        self._written.cut[asked] = generation.finish != "stop"
        return generation
