"""Pairwise reranking prompting (PRP, arXiv 2306.17563): each pair in both orders, a tie counts half."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

from orchestrator.nodes.rerank.calls import LABELS, Enough, InLine, together
from orchestrator.nodes.rerank.candidates import Ranking, Task, by_score
from orchestrator.nodes.rerank.heapsort import best_first
from orchestrator.nodes.rerank.strategies import Needs
from orchestrator.nodes.rerank.verdicts import choice


@dataclass(frozen=True)
class Pairwise:
    """Pairwise reranking: `all` compares all pairs, `heapsort` the best `keep`, `sliding` neighbours.

    Calls: N·(N − 1); about 2·keep·log₂N·2; and 2·keep·N.
    """

    needs: ClassVar[Needs] = "language model"
    stops: ClassVar[bool] = False
    method: Literal["all", "heapsort", "sliding"] = "heapsort"
    keep: int = 10

    async def __call__(self, task: Task) -> Ranking:
        """Candidates by comparisons; it only orders."""
        if self.method == "all":
            return await _all_pairs(task)
        if self.method == "heapsort":
            best = partial(_best, task, InLine(task))
            order = await best_first(
                range(len(task)), self.keep, 2, best, lambda so_far: task.offer(Ranking(tuple(so_far)))
            )
            return Ranking(tuple(order))
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
    shares = await choice(task, task.prompts.best(task.question, texts, LABELS[:2]), LABELS[:2])
    return shares[0] if shares else 0.5


async def _all_pairs(task: Task) -> Ranking:
    size = len(task)
    pairs = [(one, other) for one in range(size) for other in range(one + 1, size)]

    def by_wins(preferred: Sequence[float | None]) -> Ranking:
        wins = [0.0] * size
        for (one, other), share in zip(pairs, preferred, strict=True):
            # A pair that was not asked about stays with the retriever.
            share = 1.0 if share is None else share
            wins[one] += share
            wins[other] += 1.0 - share
        return Ranking(tuple(by_score(wins)))

    calls = [partial(preference, task, one, other) for one, other in pairs]
    return by_wins(await together(task, calls, by_wins))


async def _better(task: Task, ask: InLine, one: int, other: int) -> bool:
    """Whether `other` is strictly preferred to `one`; not, where the call fails."""
    return await ask(partial(preference, task, one, other)) == 0.0


async def _best(task: Task, ask: InLine, numbers: Sequence[int]) -> int:
    best = 0
    for position in range(1, len(numbers)):
        if await _better(task, ask, numbers[best], numbers[position]):
            best = position
    return best


async def _sliding(task: Task, keep: int) -> Ranking:
    order = list(range(len(task)))
    ask = InLine(task)
    try:
        for top in range(min(keep, len(order))):
            for position in range(len(order) - 2, top - 1, -1):
                if await _better(task, ask, order[position], order[position + 1]):
                    order[position], order[position + 1] = order[position + 1], order[position]
            task.offer(Ranking(tuple(order)))
    except Enough:
        pass
    return Ranking(tuple(order))
