"""EntityPassages: the passages that name the entity of a question, by what the question asks about it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import chain
from math import log
from typing import TYPE_CHECKING

from orchestrator.graph.node import Node
from orchestrator.graph.run_context import Run
from orchestrator.knowledge.linking import Likeness, Linked, without
from orchestrator.nodes._queries import first_query
from orchestrator.nodes._settings import Count, IndexName, Share
from orchestrator.nodes.knowledge._question_entities import linked_names
from orchestrator.ports import Documents, Embedder, KnowledgeStore, SparseEncoder, VectorStore, reading
from orchestrator.types import Hit, Hits, Passage, Queries, Question

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class EntityPassages(Node):
    """Rank the passages that name an entity of the question, and put them before the hits there are.

    The entity is that of the longest name in the question, or all that it may stand for. Its passages are
    those that were linked to it by their titles, or say a fact of it. They are ranked by what is left of the
    question without the name, BM25 (`sparse`) and cosine together: "What are the symptoms of …" finds the
    passage on symptoms. An entity of more than `at_most` passages says too little, and is passed over. A
    question of no known entity keeps its hits.
    """

    sparse: Share = 0.5
    at_most: Count = 500
    keep: Count = 100
    spelling: Share = 0.6
    index: IndexName = ""

    async def __call__(
        self,
        question: Question,
        queries: Queries | None,
        hits: Hits | None,
        store: KnowledgeStore,
        documents: Documents,
        vectors: VectorStore,
        encoder: SparseEncoder,
        embedder: Embedder,
        run: Run,
    ) -> Hits:
        before = hits or Hits()
        asked, principal = first_query(question, queries).text, question.principal
        linked = await linked_names(
            asked, store, principal, encoder=encoder, embedder=None, likeness=Likeness(self.spelling)
        )
        for one in sorted(linked, key=_importance):
            found = await store.passages([each.id for each in one.entities], principal=principal)
            named = list(dict.fromkeys(chain.from_iterable(found.values())))
            passages = await documents.passages(named, principal=principal)
            if 0 < len(passages) <= self.at_most:
                left = without(asked, [one]) or asked
                dense = await self._cosines(left, list(passages), question, vectors, embedder)
                sparse = await asyncio.to_thread(_bm25, left, list(passages.values()), encoder)
                scores = self.sparse * _scaled(sparse) + (1.0 - self.sparse) * _scaled(dense)
                return _before(list(passages), scores, before, self.keep)
        return before.top(self.keep)

    async def _cosines(
        self, text: str, ids: Sequence[str], question: Question, vectors: VectorStore, embedder: Embedder
    ) -> NDArray[np.float64]:
        import numpy as np

        found = await vectors.vectors(ids, principal=question.principal)
        asked = (await embedder.embed([text], kind="query"))[0]
        return np.array([float(found[one] @ asked) if one in found else 0.0 for one in ids])


def _importance(one: Linked) -> tuple[float, int, int]:
    return -one.score, one.start - one.end, one.start


def _bm25(text: str, passages: Sequence[Passage], encoder: SparseEncoder) -> NDArray[np.float64]:
    """BM25 of passages, with document frequencies of these alone: what all have tells none from another."""
    import numpy as np

    query = reading(encoder, text).query(text)
    vectors = encoder.passages(
        [f"{each.title}\n{each.text}" if each.title else each.text for each in passages]
    )
    held = [dict(zip(vector.indices, vector.values, strict=True)) for vector in vectors]
    scores = np.zeros(len(passages))
    for term, count in zip(query.indices, query.values, strict=True):
        frequency = sum(term in terms for terms in held)
        rarity = log(1.0 + (len(held) - frequency + 0.5) / (frequency + 0.5))
        scores += count * rarity * np.array([terms.get(term, 0.0) for terms in held])
    return scores


def _scaled(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = float(scores.min()), float(scores.max())
    return (scores - low) / (high - low) if high > low else scores * 0.0


def _before(ids: Sequence[str], scores: NDArray[np.float64], hits: Hits, keep: int) -> Hits:
    """The passages by their scores, then the other hits: all below them."""
    own = sorted(zip(ids, scores.tolist(), strict=True), key=lambda each: (-each[1], each[0]))
    there = set(ids)
    others = [hit for hit in hits if hit.id not in there]
    best = max((hit.score for hit in others), default=0.0)
    found = [Hit(one, best + 1.0 + score, "entity") for one, score in own]
    return Hits(tuple([*found, *others][:keep]))
