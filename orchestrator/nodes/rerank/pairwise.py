"""Pairwise reranking prompting (PRP, arXiv 2306.17563): each pair in both orders, a tie counts half."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from orchestrator.errors import BudgetExhausted
from orchestrator.nodes.rerank import prompts
from orchestrator.nodes.rerank.calls import LABELS, together
from orchestrator.nodes.rerank.candidates import Task, by_score
from orchestrator.nodes.rerank.heapsort import Enough, best_first


@dataclass(frozen=True)
class Pairwise:
    """Pairwise reranking: `all` compares all pairs, `heapsort` the best `keep`, `sliding` neighbours.

    Calls: N·(N − 1); about 2·keep·log₂N·2; and 2·keep·N.
    """

    method: Literal["all", "heapsort", "sliding"] = "heapsort"
    keep: int = 10

    async def __call__(self, task: Task) -> list[int]:
        """Candidate numbers, best first."""
        if self.method == "all":
            return await _all_pairs(task)
        if self.method == "heapsort":
            return await best_first(range(len(task)), self.keep, 2, partial(_best, task), task.offer)
        return await _sliding(task, self.keep)


async def preference(task: Task, one: int, other: int) -> float:
    """How much `one` is preferred to `other`: 1, 0, or .5 where the order of showing decides."""
    both = [asyncio.ensure_future(_first(task, *pair)) for pair in ((one, other), (other, one))]
    try:
        forth, back = await asyncio.gather(*both)
    finally:
        # Where one has failed, nobody waits for the other.
        for each in both:
            each.cancel()
    if forth > 0.5 > back:
        return 1.0
    return 0.0 if back > 0.5 > forth else 0.5


async def _first(task: Task, one: int, other: int) -> float:
    texts = [task.candidates[one].text, task.candidates[other].text]
    chosen = await task.model.choose(prompts.best(task.question, texts, LABELS[:2]), LABELS[:2])
    return chosen.values[0]


async def _all_pairs(task: Task) -> list[int]:
    size = len(task)
    pairs = [(one, other) for one in range(size) for other in range(one + 1, size)]

    def by_wins(preferred: Sequence[float | None]) -> list[int]:
        wins = [0.0] * size
        for (one, other), share in zip(pairs, preferred, strict=True):
            # A pair that was not asked about stays with the retriever.
            share = 1.0 if share is None else share
            wins[one] += share
            wins[other] += 1.0 - share
        return by_score(wins)

    calls = [partial(preference, task, one, other) for one, other in pairs]
    return by_wins(await together(task, calls, by_wins))


async def _better(task: Task, one: int, other: int) -> bool:
    """Whether `other` is strictly preferred to `one`."""
    try:
        return await preference(task, one, other) == 0.0
    except BudgetExhausted as error:
        task.run.degrade(f"reranked in part: {error.message.rstrip('.')}")
        raise Enough from error


async def _best(task: Task, numbers: Sequence[int]) -> int:
    best = 0
    for position in range(1, len(numbers)):
        if await _better(task, numbers[best], numbers[position]):
            best = position
    return best


async def _sliding(task: Task, keep: int) -> list[int]:
    order = list(range(len(task)))
    try:
        for top in range(min(keep, len(order))):
            for position in range(len(order) - 2, top - 1, -1):
                if await _better(task, order[position], order[position + 1]):
                    order[position], order[position + 1] = order[position + 1], order[position]
            task.offer(order)
    except Enough:
        pass
    return order
