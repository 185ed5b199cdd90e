"""What a client asks of the text that it reads (length, sampling, reasoning), and how that text ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from orchestrator.models.wrapper import WrapperModel
from orchestrator.ports import Generation, GenerationRequest, LanguageModel, Operation, Reasoning
from orchestrator.types import Message


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """What a client asks of the text that it reads; None is for the workflow to say.

    `tokens` are those of the text at most; the others are as in the port.
    """

    tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    reasoning: Reasoning | None = None

    def applied(self, request: GenerationRequest) -> GenerationRequest:
        """The request with what the client asks."""
        names = ("temperature", "top_p", "seed", "reasoning")
        told = {name: value for name in names if (value := getattr(self, name)) is not None}
        return replace(request, max_tokens=min(request.max_tokens, self.tokens or request.max_tokens), **told)

    def __str__(self) -> str:
        told = [(each.name, getattr(self, each.name)) for each in fields(self)]
        return ", ".join(f"{name} {value}" for name, value in told if value is not None)


#: How a text ended that was read: whole, or cut short by a limit, a failure or a filter.
End = Literal["whole", "cut", "filtered"]


@dataclass(slots=True)
class _Written:
    """What was written so far: known to all views of one model."""

    any: bool = False
    #: How the text to each prompt ended; of what was asked again, the last counts.
    ends: dict[tuple[Message, ...], End] = field(default_factory=dict[tuple[Message, ...], End])


class ClientModel(WrapperModel):
    """A language model as a client of the endpoint uses it. One request has one.

    The client's settings hold for texts that are streamed, since these are what it reads. The others (a
    rewritten question, a judgement) are left alone: cut short they would be worth nothing, and nobody
    asked for that.
    """

    def __init__(self, model: LanguageModel, settings: ClientSettings) -> None:
        super().__init__(model)
        self._settings = settings
        self._written = _Written()

    @property
    def wrote(self) -> bool:
        """Whether any text was streamed."""
        return self._written.any

    @property
    def end(self) -> End:
        """How the streamed texts ended: whole, if each did."""
        ends = self._written.ends.values()
        if "filtered" in ends:
            return "filtered"
        return "cut" if "cut" in ends else "whole"

    @property
    def name(self) -> str:
        """The model's name, with what the client asks: a text that is kept depends on it."""
        return self._asked(self._model.name)

    async def resolved_name(self, operation: Operation = "generate") -> str:
        """The name of what answers now, with what the client asks where texts are concerned."""
        name = await super().resolved_name(operation)
        return self._asked(name) if operation == "generate" else name

    def _asked(self, name: str) -> str:
        told = str(self._settings)
        return f"{name} (client: {told})" if told else name

    async def generate(
        self, request: GenerationRequest, *, on_text: Callable[[str], None] | None = None
    ) -> Generation[Any]:
        """A completion; see the port."""
        if on_text is None:
            return await self._model.generate(request)
        begun = False

        def shown(text: str) -> None:
            nonlocal begun
            begun = begun or bool(text)
            self._written.any = self._written.any or begun
            on_text(text)

        asked = tuple(request.prompt)
        try:
            generation = await self._model.generate(self._settings.applied(request), on_text=shown)
        except BaseException:
            # Stopped at a deadline, too: what was read of it stands.
            self._written.ends[asked] = "cut" if begun else "whole"
            raise
        begun = begun or bool(generation.text)
        self._written.any = self._written.any or begun
        self._written.ends[asked] = _end(generation) if begun else "whole"
        return generation


def _end(generation: Generation[Any]) -> End:
    match generation.finish:
        case "stop":
            return "whole"
        case "filtered":
            return "filtered"
        case _:
            return "cut"
