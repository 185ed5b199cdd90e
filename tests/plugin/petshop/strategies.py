"""A way to rerank, and one to fuse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from orchestrator.nodes.rerank.candidates import Ranking, Task
from orchestrator.nodes.rerank.strategies import Needs, RerankSettings
from orchestrator.types import Hits


class Shortest:
    """The shortest passage first. An entry point may be the class itself, made with the node's settings."""

    needs: ClassVar[Needs] = "nothing"
    stops: ClassVar[bool] = False

    def __init__(self, settings: RerankSettings) -> None:
        self.keep = settings.keep

    async def __call__(self, task: Task) -> Ranking:
        by_length = sorted(range(len(task)), key=lambda number: len(task.candidates[number].text))
        return Ranking(tuple(by_length))


def first(rankings: Sequence[Hits], weights: Sequence[float] | None = None) -> Hits:
    """What the first ranking has."""
    return rankings[0]
