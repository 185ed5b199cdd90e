"""PromptPRF: expand the query with features of the first passages that were extracted offline.

Source: arXiv 2503.14887. The notes are keyphrases, entities or summaries, made when a passage was
indexed (`orchestrator index features`), so that a query costs no model call.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from orchestrator.graph.node import Node
from orchestrator.graph.run_context import Run
from orchestrator.nodes._queries import queries_of, ready_vector, with_vector
from orchestrator.nodes._settings import Count, IndexName, Share
from orchestrator.nodes.query._term_weights import term_counts
from orchestrator.nodes.query.pseudo_documents import mean_direction
from orchestrator.ports import Embedder, FeatureKind, Features
from orchestrator.types import Hits, Queries, Question


class PromptPrf(Node):
    """Expand the first query with the stored keyphrases, entities or summaries of the best `docs` hits.

    By terms, the question is said `repeat` times and each feature once, so that what several passages
    share weighs more. By meaning, its vector moves by `share` towards the mean of the features'; 0
    leaves it. The text of the query stays. Hits without features do not count, and the run says how
    many of the best have none.
    """

    docs: Count = 5
    kinds: Annotated[tuple[FeatureKind, ...], Field(min_length=1)] = ("keyphrases",)
    repeat: Count = 5
    share: Share = 0.5
    index: IndexName = ""

    async def __call__(
        self,
        question: Question,
        queries: Queries | None,
        hits: Hits,
        features: Features,
        embedder: Embedder,
        run: Run,
    ) -> Queries:
        asked = queries_of(question, queries)
        first = asked.queries[0]
        best = hits.top(self.docs).ids
        found: dict[str, list[str]] = {}
        for kind in self.kinds:
            texts = await features.read(best, kind, principal=question.principal)
            for one, text in texts.items():
                found.setdefault(one, []).append(text)
        if best and len(found) < len(best):
            run.degrade(
                f"{len(best) - len(found)} of the first {len(best)} passages have no "
                f"{' or '.join(self.kinds)}: make them with `orchestrator index features`"
            )
        texts = [joined for one in best if (joined := ". ".join(filter(None, found.get(one, ()))))]
        if not texts:
            return asked
        own = dict(first.terms) or dict(term_counts(first.text))
        terms = {word: weight * self.repeat for word, weight in own.items()}
        for word, count in term_counts(" ".join(texts).replace(",", " ")):
            terms[word] = terms.get(word, 0.0) + count
        moved = replace(first, terms=tuple(terms.items()))
        if self.share:
            vectors = await embedder.embed([first.text, *texts], kind="query")
            vectors[0] = await ready_vector(first, embedder) or vectors[0]
            mean = vectors[1:].mean(axis=0)
            vectors[0] = (1.0 - self.share) * vectors[0] + self.share * mean
            moved = await with_vector(moved, mean_direction(vectors[:1]), embedder)
        return Queries((moved, *asked.queries[1:]))
