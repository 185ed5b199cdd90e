"""What a strategy is: it orders a task's candidates, and returns a permutation of their numbers."""

from __future__ import annotations

from typing import Protocol

from orchestrator.nodes.rerank.candidates import Task


class Strategy(Protocol):
    """A way to rerank. Frozen configuration; `await strategy(task)` gives candidate numbers, best first.

    When the budget runs out it returns the best order so far, and says so by `task.run.degrade`.
    """

    async def __call__(self, task: Task) -> list[int]: ...
