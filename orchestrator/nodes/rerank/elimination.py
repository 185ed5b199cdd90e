"""Iterative elimination (IRanker, arXiv 2506.21638): the least useful passage goes, until one is left."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.errors import BudgetExhausted
from orchestrator.nodes.rerank import prompts
from orchestrator.nodes.rerank.calls import LABELS
from orchestrator.nodes.rerank.candidates import Task


@dataclass(frozen=True)
class Elimination:
    """Eliminate the worst of the lowest `window` candidates in each round, one call a round.

    Calls: N − keep. Below `keep`, the order of what is left is the retriever's with its losers sunk.
    """

    window: int = 20
    keep: int = 1

    async def __call__(self, task: Task) -> list[int]:
        """Candidate numbers, best first."""
        left = list(range(len(task)))
        gone: list[int] = []
        while len(left) > max(1, self.keep):
            shown = left[-self.window :]
            texts = [task.candidates[number].text for number in shown]
            labels = LABELS[: len(shown)]
            try:
                chosen = await task.model.choose(prompts.worst(task.question, texts, labels), labels)
            except BudgetExhausted as error:
                task.run.degrade(f"reranked in part: {error.message.rstrip('.')}")
                break
            # Of equals, the one that the retriever has lower goes first.
            worst = max(range(len(shown)), key=lambda position: (chosen.values[position], position))
            left.remove(shown[worst])
            gone.append(shown[worst])
            task.offer(left + gone[::-1])
        return left + gone[::-1]
