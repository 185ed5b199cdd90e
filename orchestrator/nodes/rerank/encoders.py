"""Reranking by encoders: a cross-encoder, an embedder, and an embedder that reads the list as its query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from orchestrator.nodes.rerank.calls import together
from orchestrator.nodes.rerank.candidates import Ranking, Task
from orchestrator.nodes.rerank.prompts import listwise_query
from orchestrator.nodes.rerank.strategies import Needs
from orchestrator.ports import Scores

#: The instruction that E2Rank's models were trained with.
INSTRUCTION = (
    "Given a web search query and some relevant documents, rerank the documents that answer the query:"
)
#: Their chat template around it, without an end token (Qwen3's, with thinking switched off).
_FRAME = "<|im_start|>user\n{query}<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"


@dataclass(frozen=True)
class CrossEncoder:
    """Rerank with a cross-encoder: all pairs of question and passage in one request (`/score`)."""

    needs: ClassVar[Needs] = "scorer"
    stops: ClassVar[bool] = False

    async def __call__(self, task: Task) -> Ranking:
        """Candidates by the cross-encoder's scores, as it gives them."""

        async def scored() -> Scores:
            return await task.model.score(task.question, [one.text for one in task.candidates])

        scores = (await together(task, [scored]))[0]
        return Ranking(tuple(range(len(task)))) if scores is None else Ranking.by_score(scores.values)


@dataclass(frozen=True)
class Embedding:
    """Rerank by the cosine of question and passage embeddings; needs no language model.

    With `context` above 0, the query is an instruction, so many of the first passages with numbers, and the
    question behind them (E2Rank, arXiv 2510.22733): the list itself becomes the query. Its own models are
    given their chat template, too.
    """

    needs: ClassVar[Needs] = "embedder"
    stops: ClassVar[bool] = False
    context: int = 0

    async def __call__(self, task: Task) -> Ranking:
        """Candidates by cosine, which is their score."""
        texts = [candidate.text for candidate in task.candidates]
        query = await task.embedder.embed([self.asked(task, texts)], kind="query")
        passages = await task.embedder.embed(texts, kind="passage")
        return Ranking.by_score([float(score) for score in passages @ query[0]])

    def asked(self, task: Task, texts: list[str]) -> str:
        """What is embedded as the query."""
        if not self.context:
            return task.question
        listed = listwise_query(task.question, texts[: self.context], INSTRUCTION)
        return _FRAME.replace("{query}", listed) if "e2rank" in task.embedder.name.lower() else listed
