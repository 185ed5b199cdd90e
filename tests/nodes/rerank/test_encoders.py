"""Reranking by encoders: what an embedder is given, and what becomes of its scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from orchestrator import Hits, Question, workflow
from orchestrator.models.null import NullModel
from orchestrator.nodes import Rerank
from orchestrator.ports import Documents, Embedder, LanguageModel
from tests.nodes.rerank.asking import QUESTION, Letters, Texts, hits, text_of


class Listening(Letters):
    """An embedder that keeps its queries."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.queries: list[str] = []

    async def embed(self, texts: Sequence[str], *, kind: str) -> Any:
        self.queries += texts if kind == "query" else []
        return await super().embed(texts, kind=kind)


async def asked(embedder: Listening, size: int) -> str:
    flow = workflow("rerank", Rerank("e2rank", keep=size), inputs=(Question, Hits))
    ports = {Documents: Texts(), Embedder: embedder, LanguageModel: NullModel()}
    result = await flow.run(QUESTION, hits(size), ports=ports)
    assert sorted(result.output.ids) == sorted(hits(size).ids)
    (query,) = embedder.queries
    return query


async def test_e2rank_asks_with_an_instruction_twenty_numbered_passages_and_the_question_last() -> None:
    found = hits(30).ids
    query = await asked(Listening("letters"), 30)
    lines = query.split("\n")
    assert lines[0].startswith("Given a web search query and some relevant documents")
    assert lines[1] == "Documents:"
    assert lines[2] == f"[1] {text_of(int(found[0]))}"
    assert lines[21] == f"[20] {text_of(int(found[19]))}Search Query:{QUESTION.text}"
    assert len(lines) == 22


async def test_its_own_models_are_given_their_chat_template_without_an_end_token() -> None:
    query = await asked(Listening("Alibaba-NLP/E2Rank-0.6B"), 3)
    assert query.startswith("<|im_start|>user\nGiven a web search query")
    assert query.endswith("<think>\n\n</think>\n\n")
    assert "<|endoftext|>" not in query


@pytest.mark.parametrize("strategy", ["embedding", "e2rank"])
async def test_a_hit_scores_its_cosine(strategy: str) -> None:
    flow = workflow("rerank", Rerank(strategy, keep=5), inputs=(Question, Hits))
    ports = {Documents: Texts(), Embedder: Letters(), LanguageModel: NullModel()}
    result = await flow.run(QUESTION, hits(5), ports=ports)
    scores = [hit.score for hit in result.output]
    assert scores == sorted(scores, reverse=True)
    assert all(0.2 < score <= 1.0 for score in scores)
