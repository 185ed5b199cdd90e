"""RelevanceFilter: drop hits that are probably not relevant; none may be left."""

from __future__ import annotations

from orchestrator.errors import IndexMismatch
from orchestrator.graph.node import Node
from orchestrator.nodes._queries import first_query, ready_vector
from orchestrator.nodes._settings import IndexName, Share
from orchestrator.ports import Dense, Embedder, Lexical, SparseEncoder, VectorStore
from orchestrator.ranking.relevance_map import RelevanceMap, features
from orchestrator.types import Hits, Queries, Query, Question


class RelevanceFilter(Node):
    """Keep only hits whose probability of relevance reaches the threshold, in their order.

    `map` was fitted on judged queries (`orchestrator calibrate`), and brings its threshold unless
    another is given. Scores of the hits do not matter: the first query's rankings by terms and by
    meaning are asked for in one call, with the question's access and filters. An empty result is an
    outcome: an answer after it says that the documents hold none.
    """

    map: RelevanceMap
    threshold: Share | None = None
    index: IndexName = ""

    async def __call__(
        self,
        question: Question,
        queries: Queries | None,
        hits: Hits,
        vectors: VectorStore,
        embedder: Embedder,
        encoder: SparseEncoder,
    ) -> Hits:
        require_models(self.map, embedder, encoder)
        if not hits:
            return hits
        asked = first_query(question, queries)
        cosine, bm25 = await leg_rankings(asked, question, vectors, embedder, pool=self.map.pool)
        rows = features(hits.ids, cosine, bm25, term_count(asked, encoder), self.map.spread)
        least = self.map.threshold if self.threshold is None else self.threshold
        likely = self.map.probabilities(rows)
        return Hits(tuple(hit for hit, p in zip(hits, likely, strict=True) if p >= least))


async def leg_rankings(
    query: Query, question: Question, vectors: VectorStore, embedder: Embedder, *, pool: int
) -> tuple[Hits, Hits]:
    """The best `pool` passages of a query by cosine, and by BM25."""
    vector = await ready_vector(query, embedder) or (await embedder.embed([query.text], kind="query"))[0]
    cosine, bm25 = await vectors.search(
        [Dense(vector), Lexical(query.text, query.terms)],
        principal=question.principal,
        filters=question.filters,
        limit=pool,
    )
    return cosine, bm25


def term_count(query: Query, encoder: SparseEncoder) -> int:
    """How many different terms a query has."""
    texts = [term for term, _ in query.terms] or [query.text]
    return len({index for text in texts for index in encoder.query(text).indices})


def require_models(map: RelevanceMap, embedder: Embedder, encoder: SparseEncoder) -> None:
    """Raise IndexMismatch if scores are made by other models than those that the map was fitted to."""
    if (map.embedder, map.encoder) != (embedder.name, encoder.name):
        raise IndexMismatch(
            f"The relevance map was fitted to {map.embedder} and {map.encoder}; configured are "
            f"{embedder.name} and {encoder.name}.",
            hint="Fit it again: orchestrator calibrate WORKFLOW --data DIR --out FILE.",
        )
