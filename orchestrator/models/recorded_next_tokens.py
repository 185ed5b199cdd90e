"""A next-token model whose answers are recorded, so that a run with a served decoder replays without it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orchestrator.errors import ModelError
from orchestrator.models.recording import Recording, array_of, packed, usage_of
from orchestrator.ports import NextTokenModel, NextTokens, Operation, close_model, resolved_name


class RecordedNextTokens:
    """The `NextTokenModel` port over recorded log-probabilities, found by rows, tokens and the model's name.

    What is not recorded is asked of the model and appended; in a `replay` it is a ModelError.
    """

    def __init__(self, recording: Recording, model: NextTokenModel, *, replay: bool = False) -> None:
        self._recording = recording
        self._model = model
        self._replay = replay

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model.name

    async def resolved_name(self, operation: Operation = "next_tokens") -> str:
        """The name of what answers now."""
        return self.name if self._replay else await resolved_name(self._model, operation)

    async def next_tokens(self, rows: Sequence[Sequence[int]], tokens: Sequence[int]) -> NextTokens:
        """How likely each of `tokens` is the next one behind each of `rows`; see the port."""
        asked: dict[str, Any] = {
            "next_tokens": [list(row) for row in rows],
            "tokens": list(tokens),
            "model": self.name,
        }
        answer = self._recording.find_array(asked)
        if answer is not None:
            return NextTokens(array_of(answer, len(tokens)), usage_of(answer))
        if self._replay:
            raise ModelError(
                f"{self._recording.path} has no recorded answer of {self.name!r} to {len(rows)} rows.",
                hint="Record the run again: the rows of a beam are part of what is asked.",
            )
        made = await self._model.next_tokens(rows, tokens)
        self._recording.keep(asked, packed(made.values), made.usage)
        return made

    async def close(self) -> None:
        """Close what the model holds open."""
        await close_model(self._model)
