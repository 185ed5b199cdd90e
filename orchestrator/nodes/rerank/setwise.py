"""Setwise reranking (arXiv 2310.09497): a heap whose comparisons name the best of several, from one token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from orchestrator.nodes.rerank.calls import LABELS, InLine
from orchestrator.nodes.rerank.candidates import Ranking, Task
from orchestrator.nodes.rerank.heapsort import best_first
from orchestrator.nodes.rerank.stop_candidate import ranking_of, text_of
from orchestrator.nodes.rerank.strategies import Needs
from orchestrator.nodes.rerank.verdicts import choice


@dataclass(frozen=True)
class Setwise:
    """Setwise reranking: the best `keep` by heapsort; each call compares a parent and its `children`.

    With `stop`, a stop candidate is in the heap: once it comes up, what was not found before it is cut.
    """

    needs: ClassVar[Needs] = "language model"
    stops: ClassVar[bool] = True
    keep: int = 10
    children: int = 3
    stop: bool = False

    async def __call__(self, task: Task) -> Ranking:
        """The best `keep`, best first; those beyond as the retriever has them. It only orders."""
        ask = InLine(task)
        size = len(task)

        async def best(numbers: Sequence[int]) -> int:
            texts = [text_of(task, number) for number in numbers]
            labels = LABELS[: len(numbers)]
            prompt = task.prompts.best(task.question, texts, labels)
            shares = await ask(partial(choice, task, prompt, labels))
            # A tie is decided for the earlier one, which the retriever or the heap put there.
            return max(range(len(numbers)), key=lambda at: (shares[at] if shares else 0.0, -at))

        items = range(size + 1 if self.stop else size)
        order = await best_first(
            items,
            self.keep + 1 if self.stop else self.keep,
            self.children,
            best,
            lambda so_far: task.offer(Ranking(tuple(number for number in so_far if number < size))),
            stop=size if self.stop else None,
        )
        return ranking_of(order, size) if self.stop else Ranking(tuple(order))
