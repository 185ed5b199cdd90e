"""Retrieve: passages for a question from one index, by terms, by meaning, or both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from orchestrator.graph.node import Node
from orchestrator.nodes._queries import ready_vector
from orchestrator.nodes._settings import Count, IndexName, Weight
from orchestrator.nodes._strategies import strategy
from orchestrator.nodes.retrieve.fusion import Fusion, anchored_sum, weighted_sum
from orchestrator.ports import Dense, Embedder, Lexical, Search, VectorStore, reads
from orchestrator.text.phrasal_verbs import with_verb_nouns
from orchestrator.types import Hit, Hits, Queries, Query, Question

Mode = Literal["hybrid", "bm25", "dense"]


class Retrieve(Node):
    """Retrieve the `k` best passages for the queries, or for the question if there are none.

    Every query is searched for the `pool` best passages by each leg of `mode`, all in one call of
    the store and one of the embedder, and the rankings are fused. A hit's `why` names the legs that
    found it.

    `fusion` follows the embedder unless it is named: `anchored` beside one that says it is `static`, which
    keeps the margins of BM25 unless the cosines are high, since plain rank fusion falls below BM25 alone on
    some collections; `contrast` beside others. A question in a language that the embedder does not read is
    searched by BM25 alone. `weights` are those of the BM25 and the dense leg, 1 and 4 for `anchored`
    and equal for the others unless given. `max` takes the highest score of a passage, and is for several
    queries with one leg: cosines and BM25 are not on one scale. Other distributions add fusions by entry
    points: functions of rankings and weights (docs/extending.md).

    `index` names the index to search where it is not the one that the workflow is run on, so that one
    graph searches several: `fuse(Retrieve() | Retrieve(index="mails"), by=rrf(60))`.

    A query without a word is not searched, and one of stop words only finds nothing by BM25: without
    any query left, the result is empty.
    """

    k: Count = 20
    pool: Count = 100
    mode: Mode = "hybrid"
    fusion: Literal["auto"] | Fusion = "auto"
    weights: tuple[Weight, Weight] | None = None
    index: IndexName = ""

    async def __call__(
        self, question: Question, queries: Queries | None, vectors: VectorStore, embedder: Embedder
    ) -> Hits:
        asked = tuple(queries or (Query(question.text),))
        by_terms, by_meaning = await self._legs(asked, question, vectors, embedder)
        if not by_terms and not by_meaning:
            return Hits()
        return self._fused(asked, by_terms, by_meaning, self._fusion(embedder)).top(self.k)

    async def each_query(
        self, asked: Sequence[Query], question: Question, vectors: VectorStore, embedder: Embedder
    ) -> list[Hits]:
        """The `k` best passages of each query by itself, all searched in one call of the store."""
        by_terms, by_meaning = await self._legs(asked, question, vectors, embedder)
        found: list[Hits] = []
        for number, query in enumerate(asked):
            terms = {0: by_terms[number]} if number in by_terms else {}
            meaning = {0: by_meaning[number]} if number in by_meaning else {}
            searched = terms or meaning
            fused = self._fused((query,), terms, meaning, self._fusion(embedder)) if searched else Hits()
            found.append(fused.top(self.k))
        return found

    async def _legs(
        self, asked: Sequence[Query], question: Question, vectors: VectorStore, embedder: Embedder
    ) -> tuple[dict[int, Hits], dict[int, Hits]]:
        """The rankings by terms and by meaning, by the number of the query."""
        lexical = [n for n, query in enumerate(asked) if query.terms or _has_words(query.text)]
        dense = [n for n, query in enumerate(asked) if query.vector or _has_words(query.text)]
        lexical = [] if self.mode == "dense" else lexical
        if self.mode == "bm25":
            dense = []
        elif self.mode == "hybrid":
            dense = [n for n in dense if asked[n].vector or reads(embedder, asked[n].text)]
        unknown = [asked[n].text for n in dense if not asked[n].vector]
        embedded = iter(await embedder.embed(unknown, kind="query") if unknown else ())
        searches: list[Search] = [Lexical(with_verb_nouns(asked[n].text), asked[n].terms) for n in lexical]
        searches += [Dense(await ready_vector(asked[n], embedder) or next(embedded)) for n in dense]
        if not searches:
            return {}, {}
        rankings = await vectors.search(
            searches, principal=question.principal, filters=question.filters, limit=max(self.pool, self.k)
        )
        by_terms = {n: _from_leg(hits, "bm25") for n, hits in zip(lexical, rankings, strict=False)}
        by_meaning = {
            n: _from_leg(hits, "dense") for n, hits in zip(dense, rankings[len(lexical) :], strict=True)
        }
        return by_terms, by_meaning

    def _fusion(self, embedder: Embedder) -> str:
        if self.fusion != "auto":
            return self.fusion
        return "anchored" if getattr(embedder, "static", False) else "contrast"

    def _fused(
        self, asked: Sequence[Query], by_terms: dict[int, Hits], by_meaning: dict[int, Hits], fusion: str
    ) -> Hits:
        """One ranking of all queries, each with the rankings of its legs."""
        rankings = [*by_terms.values(), *by_meaning.values()]
        # One ranking needs no fusion, and keeps the scores of its leg.
        if len(rankings) == 1:
            return rankings[0]
        first, second = self.weights or ((1.0, 4.0) if fusion == "anchored" else (1.0, 1.0))
        if self.mode != "hybrid":
            first = second = 1.0
        elif fusion == "anchored":
            numbers = sorted({*by_terms, *by_meaning})
            top = self.k if len(numbers) == 1 else None
            sums = [
                anchored_sum(by_terms.get(n, Hits()), by_meaning.get(n, Hits()), (first, second), top=top)
                for n in numbers
            ]
            return sums[0] if len(sums) == 1 else weighted_sum(sums, [asked[n].weight for n in numbers])
        weights = [first * asked[n].weight for n in by_terms] + [second * asked[n].weight for n in by_meaning]
        return strategy("fusion", fusion)(rankings, weights)


def _has_words(text: str) -> bool:
    return any(character.isalnum() for character in text)


def _from_leg(hits: Hits, leg: str) -> Hits:
    return Hits(tuple(Hit(hit.id, hit.score, leg) for hit in hits))
