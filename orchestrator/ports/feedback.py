"""What was thought of answers, and which models wrote them: what a router of prompts learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Verdict:
    """How good a model's answer to a prompt was, from 0 to 1.

    `vector` is the prompt's embedding, little-endian single precision. Ids rise with time.
    """

    id: int
    model: str
    vector: bytes
    score: float


@runtime_checkable
class Verdicts(Protocol):
    """Answers that may be judged, and verdicts. `space` names the embedder whose vectors they hold."""

    async def answered(self, run_id: str, *, model: str, space: str, vector: bytes) -> None:
        """Note that a model wrote an answer in a run."""
        ...

    async def judge(self, run_id: str, score: float) -> int:
        """Make verdicts of a run's answers; how many there were. Each answer is judged once."""
        ...

    async def since(self, space: str, *, after: int = 0, limit: int = 10_000) -> Sequence[Verdict]:
        """The newest verdicts after an id, by rising id."""
        ...
