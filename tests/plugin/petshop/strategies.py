"""A way to rerank, and one to fuse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from orchestrator.nodes.rerank.candidates import Ranking, Task
from orchestrator.nodes.rerank.strategies import Needs, RerankSettings
from orchestrator.types import Hits


@dataclass(frozen=True)
class Shortest:
    """The shortest passage first."""

    needs: ClassVar[Needs] = "nothing"
    stops: ClassVar[bool] = False

    async def __call__(self, task: Task) -> Ranking:
        by_length = sorted(range(len(task)), key=lambda number: len(task.candidates[number].text))
        return Ranking(tuple(by_length))


def shortest(settings: RerankSettings) -> Shortest:
    return Shortest()


def first(rankings: Sequence[Hits], weights: Sequence[float] | None = None) -> Hits:
    """What the first ranking has."""
    return rankings[0]
