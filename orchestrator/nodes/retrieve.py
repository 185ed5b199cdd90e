"""Retrieve: passages for a question from one index, by terms, by meaning, or both."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from orchestrator.graph.node import Node
from orchestrator.nodes.fusion import (
    Fusion,
    convex_combination,
    distribution_based,
    reciprocal_rank,
)
from orchestrator.ports import Dense, Embedder, Lexical, Search, VectorStore
from orchestrator.types import Hit, Hits, Queries, Query, Question

Count = Annotated[int, Field(ge=1)]
Weight = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Mode = Literal["hybrid", "bm25", "dense"]


class Retrieve(Node):
    """The `k` best passages for the queries, or for the question where there are none.

    Every query is searched for the `pool` best passages by each leg of `mode`, all in one call of
    the store and one of the embedder, and the rankings are fused: `weights` are those of the BM25 and
    the dense leg, times the weight of the query. A hit's `why` names the legs that found it.

    A query without a word is not searched, and one of stop words only finds nothing by BM25: without
    any query left, the result is empty.
    """

    k: Count = 20
    pool: Count = 100
    mode: Mode = "hybrid"
    fusion: Fusion = "convex"
    weights: tuple[Weight, Weight] = (0.7, 0.3)
    rrf_k: Annotated[float, Field(gt=0.0)] = 60.0

    async def __call__(
        self, question: Question, queries: Queries | None, vectors: VectorStore, embedder: Embedder
    ) -> Hits:
        asked = list(queries or (Query(question.text),))
        lexical = [query for query in asked if query.terms or _has_words(query.text)]
        dense = [query for query in asked if query.vector or _has_words(query.text)]
        if self.mode == "dense" or (self.mode == "hybrid" and not self.weights[0]):
            lexical = []
        if self.mode == "bm25" or (self.mode == "hybrid" and not self.weights[1]):
            dense = []
        unknown = [query.text for query in dense if not query.vector]
        embedded = iter(await embedder.embed(unknown, kind="query") if unknown else ())
        searches: list[Search] = [Lexical(query.text, query.terms) for query in lexical]
        searches += [Dense(query.vector or next(embedded)) for query in dense]
        legs = [("bm25", self._weight(0, query)) for query in lexical]
        legs += [("dense", self._weight(1, query)) for query in dense]
        if not searches:
            return Hits()
        rankings = await vectors.search(
            searches, principal=question.principal, filters=question.filters, limit=max(self.pool, self.k)
        )
        named = [_from_leg(hits, leg) for hits, (leg, _) in zip(rankings, legs, strict=True)]
        # One ranking needs no fusion, and keeps the scores of its leg.
        if len(named) == 1:
            return named[0].top(self.k)
        return self._fused(named, [weight for _, weight in legs]).top(self.k)

    def _weight(self, leg: int, query: Query) -> float:
        return query.weight * (self.weights[leg] if self.mode == "hybrid" else 1.0)

    def _fused(self, rankings: list[Hits], weights: list[float]) -> Hits:
        if self.fusion == "rrf":
            return reciprocal_rank(rankings, weights, k=self.rrf_k)
        fuse = convex_combination if self.fusion == "convex" else distribution_based
        return fuse(rankings, weights)


def _has_words(text: str) -> bool:
    return any(character.isalnum() for character in text)


def _from_leg(hits: Hits, leg: str) -> Hits:
    return Hits(tuple(Hit(hit.id, hit.score, leg) for hit in hits))
