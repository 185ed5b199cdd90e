"""Compress: from passages to the sentences that matter for the question, within a token budget."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from orchestrator.graph.node import Node
from orchestrator.nodes._queries import first_query
from orchestrator.nodes._settings import Count, Share, Weight
from orchestrator.nodes.answer._evidence import Evidence, gather
from orchestrator.nodes.answer._question_terms import question_terms
from orchestrator.nodes.answer._sentence_scores import Balance, cosines, sentence_scores
from orchestrator.nodes.select.mmr import maximal_marginal_relevance
from orchestrator.ports import Documents, Embedder, SparseEncoder
from orchestrator.text.tokens import token_count
from orchestrator.types import Context, Excerpt, Hits, Queries, Question

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Compress(Node):
    """Extractive context compression: select sentences of the best `passages` by relevance, LexRank and MMR.

    `tokens` bounds all excerpts together and `per_passage` each, as `token_count` estimates, so that
    one long passage cannot crowd out the others. `trade` 1 ignores redundancy. `relevance`,
    `centrality` and `rank` weigh a sentence's likeness to the question, its centrality (LexRank) and
    the rank of its passage; `dense` is the part of relevance that is cosine rather than shared terms.
    Sources: Erkan and Radev, JAIR 22 (2004); Carbonell and Goldstein, SIGIR 1998.
    """

    tokens: Count = 1200
    per_passage: Count = 400
    passages: Count = 20
    trade: Share = 0.9
    relevance: Weight = 0.6
    dense: Share = 0.3
    centrality: Weight = 0.2
    rank: Weight = 0.2

    async def __call__(
        self,
        question: Question,
        hits: Hits,
        queries: Queries | None,
        documents: Documents,
        encoder: SparseEncoder,
        embedder: Embedder,
    ) -> Context:
        asked = first_query(question, queries)
        texts = await documents.passages(hits.top(self.passages).ids, principal=question.principal)
        terms = question_terms(asked, encoder)
        evidence = await asyncio.to_thread(gather, texts.values(), terms, encoder, asked=asked.text)
        cosine = await cosines(evidence, asked.text, embedder) if self.dense > 0 else None
        balance = Balance(self.relevance, self.dense, self.centrality, self.rank)

        def choose() -> Context:
            scores = sentence_scores(evidence, cosine, balance)
            return excerpts(
                evidence, scores, tokens=self.tokens, per_passage=self.per_passage, trade=self.trade
            )

        return await asyncio.to_thread(choose)


def excerpts(
    evidence: Evidence, scores: NDArray[np.float32], *, tokens: int, per_passage: int, trade: float
) -> Context:
    """The sentences that MMR chooses, with those that they need, as spans of their passages."""
    costs = [token_count(candidate.text) + 1 for candidate in evidence.candidates]
    left = tokens
    room = [per_passage] * len(evidence.passages)
    taken: set[int] = set()

    def fits(number: int) -> bool:
        nonlocal left
        candidate = evidence.candidates[number]
        wanted = {number, *candidate.needs} - taken
        price = sum(costs[one] for one in wanted)
        if not candidate.alone or price > min(left, room[candidate.passage]):
            return False
        taken.update(wanted)
        left -= price
        room[candidate.passage] -= price
        return True

    chosen = maximal_marginal_relevance(scores, evidence.similarity, trade=trade, accept=fits)
    if not chosen:
        return _beginning(evidence, scores, min(tokens, per_passage))
    best: dict[int, float] = {}
    for number in chosen:
        passage = evidence.candidates[number].passage
        best[passage] = max(best.get(passage, 0.0), float(scores[number]))
    spans: dict[int, list[tuple[int, int]]] = {}
    for number in sorted(taken):
        candidate = evidence.candidates[number]
        spans.setdefault(candidate.passage, []).append((candidate.sentence.start, candidate.sentence.end))
    order = sorted(best, key=lambda passage: (-best[passage], passage))
    return Context(tuple(Excerpt(evidence.passages[n].id, tuple(spans[n]), round(best[n], 6)) for n in order))


def _beginning(evidence: Evidence, scores: NDArray[np.float32], tokens: int) -> Context:
    """As many words of the best sentence as fit, when the budget is too small for any whole one."""
    rows = [number for number, candidate in enumerate(evidence.candidates) if candidate.alone]
    if not rows:
        return Context()
    number = max(rows, key=lambda row: (float(scores[row]), -row))
    candidate = evidence.candidates[number]
    end = len(candidate.text)
    while end > 0 and token_count(candidate.text[:end]) + 1 > tokens:
        end = candidate.text.rfind(" ", 0, end)
    if end <= 0:
        return Context()
    start = candidate.sentence.start
    excerpt = Excerpt(
        evidence.passages[candidate.passage].id, ((start, start + end),), round(float(scores[number]), 6)
    )
    return Context((excerpt,))
