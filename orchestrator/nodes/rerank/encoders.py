"""Reranking by encoders: a cross-encoder, an embedder, and an embedder that reads the list as its query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from orchestrator.errors import BudgetExhausted
from orchestrator.nodes.rerank import prompts
from orchestrator.nodes.rerank.candidates import Task, by_score


@dataclass(frozen=True)
class CrossEncoder:
    """Rerank with a cross-encoder: all pairs of question and passage in one request (`/score`)."""

    async def __call__(self, task: Task) -> list[int]:
        """Candidate numbers, best first."""
        texts = [candidate.text for candidate in task.candidates]
        try:
            scores = await task.model.score(task.question, texts)
        except BudgetExhausted as error:
            task.run.degrade(f"reranked in part: {error.message.rstrip('.')}")
            return list(range(len(task)))
        return by_score(scores.values)


@dataclass(frozen=True)
class Embedding:
    """Rerank by the cosine of question and passage embeddings; needs no language model.

    With `context` above 0, the query is the question with its first passages (E2Rank, arXiv 2510.22733):
    the list itself becomes the query.
    """

    without_model: ClassVar[bool] = True
    context: int = 0

    async def __call__(self, task: Task) -> list[int]:
        """Candidate numbers, best first."""
        texts = [candidate.text for candidate in task.candidates]
        asked = (
            prompts.listwise_query(task.question, texts[: self.context]) if self.context else task.question
        )
        query = await task.embedder.embed([asked], kind="query")
        passages = await task.embedder.embed(texts, kind="passage")
        return by_score([float(score) for score in passages @ query[0]])
