"""Pointwise reranking: every passage by itself, all calls in one round."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from orchestrator.nodes.rerank.calls import together
from orchestrator.nodes.rerank.candidates import Ranking, Task, by_score
from orchestrator.nodes.rerank.strategies import Needs
from orchestrator.nodes.rerank.verdicts import choice, grade


@dataclass(frozen=True)
class YesNo:
    """Pointwise relevance: the probability of the answer yes, from one token."""

    needs: ClassVar[Needs] = "language model"
    stops: ClassVar[bool] = False

    async def __call__(self, task: Task) -> Ranking:
        """Candidates by probability, which is their score."""
        return await ranked(task, [partial(self.probability, task, one.text) for one in task.candidates])

    async def probability(self, task: Task, text: str) -> float | None:
        """How probable yes is as the answer."""
        chosen = await choice(task, task.prompts.relevant(task.question, text), ("yes", "no"))
        return None if chosen is None else chosen[0]


@dataclass(frozen=True)
class Graded:
    """Pointwise relevance: the expected grade from grade probabilities (ERank, arXiv 2509.00520)."""

    needs: ClassVar[Needs] = "language model"
    stops: ClassVar[bool] = False

    async def __call__(self, task: Task) -> Ranking:
        """Candidates by expected grade, moved to [0, 1], which is their score."""
        return await ranked(task, [partial(self.expectation, task, one.text) for one in task.candidates])

    async def expectation(self, task: Task, text: str) -> float | None:
        """Sum of grade × probability, in [0, 1]."""
        prompts = task.prompts
        return await grade(task, prompts.grade(task.question, text), prompts.criterion.highest)


async def ranked(task: Task, calls: Sequence[Callable[[], Awaitable[float | None]]]) -> Ranking:
    """Candidates by the scores that calls, one each, give them; the unscored as the retriever has them."""
    scores = await together(task, calls, as_far_as_read)
    task.unread.update(number for number, score in enumerate(scores) if score is None)
    return as_far_as_read(scores)


def as_far_as_read(scores: Sequence[float | None]) -> Ranking:
    """Scored candidates by score, ties by the retriever; then the unscored, as the retriever has them."""
    known = {number: score for number, score in enumerate(scores) if score is not None}
    unread = [number for number, score in enumerate(scores) if score is None]
    read = list(known)
    order = by_score([known[number] for number in read])
    return Ranking((*(read[position] for position in order), *unread), known)
