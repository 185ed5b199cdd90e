"""PageRank: passages that are close to the best ones in the built mention graph."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from orchestrator.graph.node import Node
from orchestrator.graph.run_context import Run
from orchestrator.knowledge.mention_graph import MentionGraph, graph_of
from orchestrator.knowledge.mentions import NamingText, is_single
from orchestrator.knowledge.pagerank import local_pagerank
from orchestrator.knowledge.wording import folded_key
from orchestrator.nodes._queries import first_query
from orchestrator.nodes._settings import Count, Share, Weight
from orchestrator.nodes.retrieve.fusion import reciprocal_rank
from orchestrator.ports import DocumentNames
from orchestrator.types import Hit, Hits, Queries, Question, ranked


class PageRank(Node):
    """Personalised PageRank over the mention graph, fused with the ranking by reciprocal ranks.

    The walk starts at the best `seeds` hits, by one over their rank, and at the documents that the question
    names, each as a first hit. `damping` is the share that goes on along mentions, both ways. It is local:
    `tolerance` bounds the error for each edge, and the time. Needs `orchestrator graph build`; what was not
    searched yet has no edges. Where the graph is built, it also finds what *names* the best passages, which
    `GraphSearch` does not.
    Sources: HippoRAG (arXiv 2405.14831); Andersen, Chung and Lang, FOCS 2006.
    """

    k: Count = 100
    seeds: Count = 10
    damping: Share = 0.5
    tolerance: Annotated[float, Field(gt=0, lt=1)] = 1e-4
    weight: Weight = 1.0
    most: Count = 5

    async def __call__(
        self, question: Question, queries: Queries | None, hits: Hits, names: DocumentNames, run: Run
    ) -> Hits:
        graph = graph_of(await names.edges(principal=question.principal, most=self.most))
        if not len(graph.edges.sources):
            if hits:
                run.degrade("the mention graph is empty: run `orchestrator graph build`")
            return hits.top(self.k)
        asked = NamingText(first_query(question, queries).text)
        restart = {
            graph.places[hit.id]: 1.0 / rank
            for rank, hit in enumerate(hits.top(self.seeds), 1)
            if hit.id in graph.places
        }
        for passage in await self._named(asked, question, names):
            if passage in graph.places:
                place = graph.places[passage]
                restart[place] = restart.get(place, 0.0) + 1.0
        reached = await asyncio.to_thread(self._walked, graph, restart)
        if question.filters:
            # Only what the search found is known to match them.
            reached = Hits(tuple(hit for hit in reached if hit.id in set(hits.ids)))
        return reciprocal_rank((hits, reached), (1.0, self.weight)).top(self.k)

    def _walked(self, graph: MentionGraph, restart: Mapping[int, float]) -> Hits:
        rank = local_pagerank(graph.adjacency, restart, damping=self.damping, tolerance=self.tolerance)
        passages = graph.edges.passages
        return ranked([Hit(passages[place], score, "mention") for place, score in rank.items()]).top(self.k)

    async def _named(self, asked: NamingText, question: Question, names: DocumentNames) -> list[str]:
        runs = asked.runs(any_case=True)
        found = await names.folded(
            [folded_key(one) for one in runs], principal=question.principal, most=self.most
        )
        spelled: dict[str, set[str]] = {}
        for one in found:
            if not is_single(one.words):
                spelled.setdefault(one.words.casefold(), set()).add(one.words)
        meant = {words for _, several in asked.mentions_in_any_case(spelled) for words in several}
        return sorted({one.passage for one in found if one.words in meant})
