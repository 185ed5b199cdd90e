"""Pointwise reranking: every passage by itself, all calls in one round."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from orchestrator.nodes.rerank import prompts
from orchestrator.nodes.rerank.calls import together
from orchestrator.nodes.rerank.candidates import Task, by_score


@dataclass(frozen=True)
class YesNo:
    """Pointwise relevance: the probability of the answer yes, from one token."""

    async def __call__(self, task: Task) -> list[int]:
        """Candidate numbers, best first."""
        calls = [partial(self.probability, task, candidate.text) for candidate in task.candidates]
        return await ranked(task, calls)

    async def probability(self, task: Task, text: str) -> float:
        """How probable yes is as the answer."""
        chosen = await task.model.choose(prompts.relevant(task.question, text), ("yes", "no"))
        return chosen.values[0]


@dataclass(frozen=True)
class Graded:
    """Pointwise relevance: the expected grade from grade probabilities (ERank, arXiv 2509.00520)."""

    low: int = 0
    high: int = 10

    async def __call__(self, task: Task) -> list[int]:
        """Candidate numbers, best first."""
        calls = [partial(self.expectation, task, candidate.text) for candidate in task.candidates]
        return await ranked(task, calls)

    async def expectation(self, task: Task, text: str) -> float:
        """Sum of grade × probability, in [low, high]."""
        grades = range(self.low, self.high + 1)
        prompt = prompts.grade(task.question, text, self.low, self.high)
        chosen = await task.model.choose(prompt, [str(grade) for grade in grades])
        return sum(grade * share for grade, share in zip(grades, chosen.values, strict=True))


async def ranked(task: Task, calls: Sequence[Callable[[], Awaitable[float]]]) -> list[int]:
    """Candidates by the scores that calls, one each, give them; the unscored as the retriever has them."""
    scores = await together(task, calls, as_far_as_read)
    task.unread.update(number for number, score in enumerate(scores) if score is None)
    return as_far_as_read(scores)


def as_far_as_read(scores: Sequence[float | None]) -> list[int]:
    """Scored candidates by score, ties by the retriever; then the unscored, as the retriever has them."""
    unread = [number for number, score in enumerate(scores) if score is None]
    read = [number for number, score in enumerate(scores) if score is not None]
    order = by_score([scores[number] or 0.0 for number in read])
    return [read[position] for position in order] + unread
