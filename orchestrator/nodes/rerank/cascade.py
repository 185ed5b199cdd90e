"""Cascade (Pistis-RAG, arXiv 2407.00072): cheap rerankers on many candidates, expensive ones on few."""

from __future__ import annotations

from dataclasses import dataclass, replace

from orchestrator.nodes.rerank.candidates import Task
from orchestrator.nodes.rerank.strategies import Strategy


@dataclass(frozen=True)
class Cascade:
    """Cascaded reranking: stages of (strategy, number of candidates), from cheap to expensive.

    A stage that the budget does not reach is left out; what it would have seen stays as it is.
    """

    stages: tuple[tuple[Strategy, int], ...]

    async def __call__(self, task: Task) -> list[int]:
        """Candidate numbers, best first."""
        order = list(range(len(task)))
        for strategy, sees in self.stages:
            if task.run.exhausted:
                task.run.degrade(
                    f"reranked in part: no budget was left for {type(strategy).__name__.lower()}"
                )
                break
            seen, rest = order[:sees], order[sees:]
            part = replace(
                task,
                candidates=tuple(task.candidates[number] for number in seen),
                behind=(*(task.candidates[number] for number in rest), *task.behind),
                unread=set(),
            )
            order = [seen[number] for number in await strategy(part)] + rest
            task.repairs = part.repairs
            task.unread.update(seen[number] for number in part.unread)
            task.offer(order)
        return order
