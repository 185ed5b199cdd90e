"""Search by aspects: what each aspect of a question finds, and which aspects found a passage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from orchestrator.graph.node import Node
from orchestrator.graph.run_context import Run
from orchestrator.nodes._queries import first_query
from orchestrator.nodes._settings import Count, Share
from orchestrator.nodes.retrieve.fusion import min_max, weighted_sum
from orchestrator.nodes.retrieve.retrieve import Retrieve
from orchestrator.ports import Embedder, VectorStore
from orchestrator.types import Coverage, Facets, Hit, Hits, Queries, Query, Question

Scale = Literal["score", "rank", "judged"]

#: How many of an aspect's first passages are looked at to see whether it is about the question.
_FIRST = 10


class SearchFacets(Node):
    """Search for each aspect of the question in one call of the store, and fuse the rankings.

    `search` is how one of them is searched; its query says the question, then the aspect `repeat` times.
    With `original`, the question alone is the first aspect, with the hits that there are for it, or else
    searched like the others. An aspect whose first passages are all but `overlap` of them unknown to the
    question has drifted away and is left out, which the run says; `drift` of the coverage tells how far
    each has gone. It is measured against the question's hits, so let there be many. The union is ordered
    by the mean share over the aspects, where the question has what they lack in `trust`, and cut to `keep`.

    A passage's share of an aspect is one over its rank; or, with scale `score`, its score between the last
    of the aspect, 0, and the best, 1; or, with scale `judged`, its score as it is, where hits are judged
    from 0 to 1 (`Rerank`): then an aspect that only found what is of no use has nothing to cover. Every
    search has the question's principal and filters.
    Source: RichRAG, arXiv 2406.12566.
    """

    search: Retrieve = Retrieve(k=100)
    repeat: Count = 2
    original: bool = True
    overlap: Share = 0.1
    keep: Count = 200
    scale: Scale = "rank"

    @property
    def index(self) -> str:
        """The index that is searched: that of `search`."""
        return self.search.index

    async def __call__(
        self,
        question: Question,
        facets: Facets,
        hits: Hits | None,
        queries: Queries | None,
        vectors: VectorStore,
        embedder: Embedder,
        run: Run,
    ) -> tuple[Coverage, Hits]:
        asked = first_query(question, queries)
        # What the question found is known where it was searched before, perhaps by a better pipeline.
        own = [hits] if hits is not None else []
        searched = [facet_query(asked, facet, self.repeat) for facet in facets]
        searched = searched if own else [asked, *searched]
        found = [*own, *await self.search.each_query(searched, question, vectors, embedder)]
        coverage, together, dropped = united(
            (asked.text, *facets),
            found,
            original=self.original,
            overlap=self.overlap,
            scale=self.scale,
            trust=facets.trust,
        )
        _report(run, dropped, facets)
        return _cut(together, coverage, self.keep)


class AskFacet(Node):
    """Make a query from one aspect, for `each(AskFacet() >> Retrieve(), over=Facets) >> UniteFacets()`."""

    repeat: Count = 2

    async def __call__(self, question: Question, queries: Queries | None, facet: str) -> Queries:
        return Queries((facet_query(first_query(question, queries), facet, self.repeat),))


class UniteFacets(Node):
    """Fuse the rankings of all aspects into one ranking, with the coverage of each passage.

    `hits`, what the question itself found before, is the first aspect where it is there; the other
    settings are those of `SearchFacets`.
    """

    original: bool = True
    overlap: Share = 0.1
    keep: Count = 200
    scale: Scale = "rank"

    async def __call__(
        self,
        question: Question,
        facets: Facets,
        rankings: tuple[Hits, ...],
        hits: Hits,
        queries: Queries | None,
        run: Run,
    ) -> tuple[Coverage, Hits]:
        asked = first_query(question, queries)
        coverage, together, dropped = united(
            (asked.text, *facets),
            [hits, *rankings],
            original=self.original,
            overlap=self.overlap,
            scale=self.scale,
            trust=facets.trust,
        )
        _report(run, dropped, facets)
        return _cut(together, coverage, self.keep)


def facet_query(asked: Query, facet: str, repeat: int = 2) -> Query:
    """The question with one of its aspects, said `repeat` times: terms and vector are of both."""
    return Query(" ".join([asked.text, *[facet] * repeat]), asked.weight)


def united(
    aspects: Sequence[str],
    rankings: Sequence[Hits],
    *,
    original: bool = True,
    overlap: float = 0.1,
    scale: Scale = "rank",
    trust: float = 1.0,
) -> tuple[Coverage, Hits, int]:
    """One ranking of all, the coverage of its passages, and how many aspects drifted away.

    The first aspect is the question itself. Where it finds nothing there is nothing to drift from.
    """
    known = frozenset(rankings[0].ids)
    drift = [0.0, *(_drift(hits, known) for hits in rankings[1:])]
    kept = [
        number
        for number in range(len(aspects))
        if (number == 0 and (original or len(aspects) == 1))
        or (number > 0 and rankings[number].hits and 1.0 - drift[number] >= overlap)
    ]
    kept = kept or [0]
    shared = [_shared(rankings[number], scale) for number in kept]
    shares: dict[str, list[tuple[int, float]]] = {}
    for aspect, ranking in enumerate(shared):
        for hit in ranking:
            shares.setdefault(hit.id, []).append((aspect, hit.score))
    # Without the question among them, there is nothing to trust more than the aspects.
    trust = trust if 0 in kept else 1.0
    weights = [trust / len(shared) + (1.0 - trust if number == 0 else 0.0) for number in kept]
    hits = weighted_sum(shared, weights)
    coverage = Coverage(
        tuple(aspects[number] for number in kept),
        hits.ids,
        tuple(tuple(shares[one]) for one in hits.ids),
        tuple(round(drift[number], 4) for number in kept),
        trust,
    )
    return coverage, hits, len(aspects) - len({0, *kept})


def _shared(hits: Hits, scale: Scale) -> Hits:
    """A ranking whose scores are shares of its aspect: 1 for the best, or as much as it was judged."""
    if scale == "rank":
        shares = [1.0 / rank for rank in range(1, len(hits) + 1)]
    elif scale == "score":
        shares = min_max(hits)
    else:
        shares = [min(1.0, max(0.0, hit.score)) for hit in hits]
    return Hits(tuple(Hit(hit.id, share, hit.why) for hit, share in zip(hits, shares, strict=True)))


def _drift(hits: Hits, known: frozenset[str]) -> float:
    """The part of the first hits that the question itself does not find."""
    first = hits.top(_FIRST).ids
    return sum(one not in known for one in first) / len(first) if first and known else 0.0


def _cut(hits: Hits, coverage: Coverage, keep: int) -> tuple[Coverage, Hits]:
    """The best `keep` of a union; both have the same order."""
    return replace(coverage, ids=coverage.ids[:keep], shares=coverage.shares[:keep]), hits.top(keep)


def _report(run: Run, dropped: int, facets: Facets) -> None:
    if dropped:
        run.degrade(
            f"{dropped} of {len(facets)} aspects were left out: what they find is not about the question"
        )
