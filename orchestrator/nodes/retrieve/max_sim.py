"""MaxSim: rerank hits by comparing every token of the question with every token of the passage."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator.graph.node import Node
from orchestrator.graph.run_context import Run
from orchestrator.nodes._queries import first_query
from orchestrator.nodes._settings import Count, IndexName
from orchestrator.nodes.retrieve.fusion import highest_score
from orchestrator.ports import Documents, Late, TokenEmbedder, VectorStore
from orchestrator.ranking.late_interaction import max_sim
from orchestrator.types import Hits, Passage, Queries, Query, Question, ranked

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class MaxSim(Node):
    """Late-interaction reranking: the best `k` of the first `depth` hits by MaxSim (ColBERT).

    Passages are embedded when they are asked for, which takes most of the time. A score is from -1 to 1, as a
    cosine is, so that it can be fused with one. Passages that may not be read are dropped. What single
    vectors cannot keep apart, such as which of two properties belongs to which of two persons, the
    tokens often can.
    """

    k: Count = 20
    depth: Count = 50

    async def __call__(
        self,
        question: Question,
        queries: Queries | None,
        hits: Hits,
        documents: Documents,
        tokens: TokenEmbedder,
        run: Run,
    ) -> Hits:
        first = hits.top(self.depth)
        run.offer(first.top(self.k))
        passages = await documents.passages(first.ids, principal=question.principal)
        if not passages:
            return Hits()
        texts = [searched(passage) for passage in passages.values()]
        (asked,) = await tokens.embed_tokens([first_query(question, queries).text], kind="query")
        matrices = await tokens.embed_tokens(texts, kind="passage")
        scores = await asyncio.to_thread(_scored, asked, matrices)
        by_id = dict(zip(passages, scores, strict=True))
        return ranked([replace(hit, score=by_id[hit.id]) for hit in first if hit.id in by_id]).top(self.k)


class RetrieveLate(Node):
    """Late-interaction retrieval: the `k` best passages by MaxSim, from an index with token vectors.

    The `first` passages by fixed-dimensional encodings (MUVERA) are compared token by token, in the
    engine; with None all that may be read are. That is exact, and for small collections: the engine
    holds the process meanwhile, the longer the more there are.
    Several queries are asked in one call, and a passage counts as its best query finds it. Such an
    index is made with the setting `late_interaction`.
    """

    k: Count = 20
    first: Count | None = 200
    index: IndexName = ""

    async def __call__(
        self, question: Question, queries: Queries | None, vectors: VectorStore, tokens: TokenEmbedder
    ) -> Hits:
        asked = [one for one in (queries or (Query(question.text),)) if any(map(str.isalnum, one.text))]
        matrices = await tokens.embed_tokens([one.text for one in asked], kind="query")
        rankings = await vectors.search(
            [Late(matrix, self.first) for matrix in matrices],
            principal=question.principal,
            filters=question.filters,
            limit=self.k,
        )
        named = [Hits(tuple(replace(hit, why="late") for hit in hits)) for hits in rankings]
        if len(named) < 2:
            return named[0] if named else Hits()
        return highest_score(named, [one.weight for one in asked]).top(self.k)


def searched(passage: Passage) -> str:
    """A passage as it is indexed, with its title."""
    return f"{passage.title}\n{passage.text}" if passage.title else passage.text


def _scored(query: NDArray[np.float32], matrices: list[NDArray[np.float32]]) -> list[float]:
    return [float(score) for score in max_sim(query, matrices)]
