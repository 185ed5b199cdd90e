"""The strategy protocol: orders a task's candidates, and returns a permutation of their numbers."""

from __future__ import annotations

from typing import Protocol

from orchestrator.nodes.rerank.candidates import Task


class Strategy(Protocol):
    """A reranking strategy: frozen configuration; `await strategy(task)` gives candidate numbers, best first.

    When the budget runs out it returns the best order so far, and says so by `task.run.degrade`. One that
    asks no language model has an attribute `without_model`, which is true; others are replaced where there
    is no model.
    """

    async def __call__(self, task: Task) -> list[int]: ...


class RerankSettings(Protocol):
    """The settings of the node `Rerank`, which a strategy is made with; each takes those that it needs."""

    @property
    def keep(self) -> int: ...

    @property
    def depth(self) -> int: ...

    @property
    def group(self) -> int: ...

    @property
    def repeats(self) -> int: ...

    @property
    def weight(self) -> float: ...

    @property
    def calibrate(self) -> bool: ...

    @property
    def anchors(self) -> int: ...

    @property
    def window(self) -> int: ...

    @property
    def step(self) -> int: ...


class StrategyFactory(Protocol):
    """The type of an entry point `rerank.NAME` of `orchestrator.strategies`."""

    def __call__(self, settings: RerankSettings, /) -> Strategy: ...
