"""A way to rerank, and one to fuse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from orchestrator.nodes.rerank.candidates import Task
from orchestrator.nodes.rerank.strategies import RerankSettings
from orchestrator.types import Hits


@dataclass(frozen=True)
class Shortest:
    """The shortest passage first."""

    without_model: ClassVar[bool] = True

    async def __call__(self, task: Task) -> list[int]:
        return sorted(range(len(task)), key=lambda number: len(task.candidates[number].text))


def shortest(settings: RerankSettings) -> Shortest:
    return Shortest()


def first(rankings: Sequence[Hits], weights: Sequence[float] | None = None) -> Hits:
    """What the first ranking has."""
    return rankings[0]
