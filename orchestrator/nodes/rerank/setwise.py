"""Setwise reranking (arXiv 2310.09497): a heap whose comparisons name the best of several, from one token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.errors import BudgetExhausted
from orchestrator.nodes.rerank import prompts
from orchestrator.nodes.rerank.calls import LABELS
from orchestrator.nodes.rerank.candidates import Task
from orchestrator.nodes.rerank.heapsort import Enough, best_first


@dataclass(frozen=True)
class Setwise:
    """Setwise reranking: the best `keep` by heapsort; each call compares a parent and its `children`."""

    keep: int = 10
    children: int = 3

    async def __call__(self, task: Task) -> list[int]:
        """Candidate numbers, best first; those beyond `keep` as the retriever has them."""

        async def best(numbers: Sequence[int]) -> int:
            texts = [task.candidates[number].text for number in numbers]
            labels = LABELS[: len(numbers)]
            try:
                chosen = await task.model.choose(prompts.best(task.question, texts, labels), labels)
            except BudgetExhausted as error:
                task.run.degrade(f"reranked in part: {error.message.rstrip('.')}")
                raise Enough from error
            # A tie is decided for the earlier one, which the retriever or the heap put there.
            return max(range(len(numbers)), key=lambda position: (chosen.values[position], -position))

        return await best_first(range(len(task)), self.keep, self.children, best, task.offer)
