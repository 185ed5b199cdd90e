"""Feedback on answers and the models that wrote them, from which the router learns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Feedback:
    """Feedback on a model's answer to a prompt, from 0 (useless) to 1 (perfect).

    `vector` is the prompt's embedding, little-endian single precision. Ids rise with time.
    """

    id: int
    model: str
    vector: bytes
    score: float


@runtime_checkable
class FeedbackStore(Protocol):
    """Stores answers that await feedback, and feedback. `space` names the embedder of their vectors."""

    async def answered(self, run_id: str, *, model: str, space: str, vector: bytes) -> None:
        """Note that a model wrote an answer in a run."""
        ...

    async def record(self, run_id: str, score: float) -> int:
        """Record feedback on the answers of a run; how many there were. Each answer takes one."""
        ...

    async def since(self, space: str, *, after: int = 0, limit: int = 10_000) -> Sequence[Feedback]:
        """The newest feedback after an id, by rising id."""
        ...
