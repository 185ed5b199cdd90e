"""Listwise reranking: a model orders many passages at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.errors import BudgetExhausted
from orchestrator.nodes.rerank import prompts
from orchestrator.nodes.rerank.calls import LABELS
from orchestrator.nodes.rerank.candidates import Task, by_score, permutation
from orchestrator.nodes.rerank.replies.orders import parse_order

#: Tokens of one entry of the reply, `[12] > `, with room to spare.
_ENTRY_TOKENS = 6


def windows(size: int, window: int, step: int) -> list[tuple[int, int]]:
    """(start, end) of windows from the end of a list to its beginning; the last one always starts at 0.

    RankGPT's loop (arXiv 2304.09542) drops the beginning where (size − window) is no multiple of step.
    """
    if size <= window:
        return [(0, size)] if size else []
    starts = list(range(size - window, 0, -step))
    return [(start, start + window) for start in starts] + [(0, window)]


@dataclass(frozen=True)
class Listwise:
    """Listwise reranking with sliding windows from the end (RankGPT); `window=None` puts all in one prompt.

    With `first_token`, the order of a window is that of the labels' probabilities at the first step
    (FIRST, arXiv 2406.15657): one token a window, and at most 26 passages in it.
    """

    window: int | None = 20
    step: int = 10
    first_token: bool = False

    async def __call__(self, task: Task) -> list[int]:
        """Candidate numbers, best first."""
        order = list(range(len(task)))
        for start, end in windows(len(order), self.window or len(order), self.step):
            try:
                order[start:end] = await self.ordered(task, order[start:end])
            except BudgetExhausted as error:
                task.run.degrade(f"reranked in part: {error.message.rstrip('.')}")
                break
            task.offer(order)
        return order

    async def ordered(self, task: Task, numbers: Sequence[int]) -> list[int]:
        """One window in the model's order."""
        texts = [task.candidates[number].text for number in numbers]
        if self.first_token:
            labels = LABELS[: len(numbers)]
            chosen = await task.model.choose(prompts.best(task.question, texts, labels), labels)
            return [numbers[position] for position in by_score(chosen.values)]
        generated = await task.model.generate(
            prompts.order(task.question, texts), max_tokens=16 + _ENTRY_TOKENS * len(numbers), seed=task.seed
        )
        said = parse_order(generated.text, len(numbers))
        if len(said) < len(numbers):
            task.repairs += 1
        if not said:
            task.unread.update(numbers)
        return [numbers[position] for position in permutation(said, len(numbers))]
