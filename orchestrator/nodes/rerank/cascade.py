"""Cascade (Pistis-RAG, arXiv 2407.00072): cheap rerankers on many candidates, expensive ones on few."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from orchestrator.nodes.rerank.candidates import Ranking, Task, permutation
from orchestrator.nodes.rerank.strategies import Needs, Strategy


@dataclass(frozen=True)
class Cascade:
    """Cascaded reranking: stages of (strategy, number of candidates), from cheap to expensive.

    A stage that the budget does not reach is left out; what it would have seen stays as it is. Scores are
    those of the last stage that gave any: a later one that only orders keeps them, and who was left behind
    by it scores below.
    """

    needs: ClassVar[Needs] = "language model"
    stops: ClassVar[bool] = True
    stages: tuple[tuple[Strategy, int], ...]

    async def __call__(self, task: Task) -> Ranking:
        """The candidates, each as the last stage that saw it has it."""
        found = Ranking(tuple(range(len(task))))
        for strategy, sees in self.stages:
            if task.run.exhausted:
                task.run.degrade(
                    f"reranked in part: no budget was left for {type(strategy).__name__.lower()}"
                )
                break
            left = [number for number in found.order if number not in found.dropped]
            seen, rest = left[:sees], left[sees:]
            part = replace(
                task,
                candidates=tuple(task.candidates[number] for number in seen),
                behind=(*(task.candidates[number] for number in rest), *task.behind),
                unread=set(),
            )
            ranking = await strategy(part)
            order = [seen[number] for number in permutation(ranking.order, len(seen))]
            scores = {seen[number]: score for number, score in ranking.scores.items()} or found.scores
            dropped = found.dropped.union(seen[number] for number in ranking.dropped)
            if ranking.dropped:
                # Where the stop candidate of a stage comes up, all that it had not seen is below it, too.
                dropped = dropped.union(rest)
            gone = [number for number in found.order if number in found.dropped]
            found = Ranking((*order, *rest, *gone), scores, dropped)
            task.unread.update(seen[number] for number in part.unread)
            task.offer(found)
        return found
