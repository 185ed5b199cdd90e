"""Feedback without a model: queries are refined by the passages that were found first.

Feedback and both rankings compose in three ways ("To interpolate or not to interpolate", SIGIR 2022):
a fused ranking as feedback is interpolation before, a fused second search interpolation after.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import fsum
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from orchestrator.graph.node import Node
from orchestrator.ports import Documents, Embedder, SparseEncoder, VectorStore
from orchestrator.types import Hits, Passage, Queries, Query, Question

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Weight = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]

_WORD = re.compile(r"[^\W_]+")


class Rm3(Node):
    """Weigh a query's terms by the relevance model of the best passages: RM3.

    The `terms` most probable terms of the best `docs` passages get 1 − `weight` of the query, its own
    terms keep `weight`. A passage counts by its score. The vector of a query is left alone.
    Sources: Lavrenko and Croft, SIGIR 2001; Abdul-Jaleel et al., TREC 2004.
    """

    docs: Count = 10
    terms: Count = 10
    weight: Share = 0.5

    async def __call__(
        self,
        question: Question,
        queries: Queries | None,
        hits: Hits,
        documents: Documents,
        encoder: SparseEncoder,
    ) -> Queries:
        asked = queries or Queries((Query(question.text),))
        best = hits.top(self.docs)
        passages = await documents.passages(best.ids, principal=question.principal)
        scores = {hit.id: hit.score for hit in best}
        texts = [_searched(passage) for passage in passages.values()]
        model = relevance_model([counted(text, encoder) for text in texts], [scores[one] for one in passages])
        chosen = dict(_largest(model, self.terms))
        words = spelled(chosen, texts, encoder)
        total = fsum(chosen[term] for term in words)
        if not total:
            return asked
        expansion = [(word, (1 - self.weight) * chosen[term] / total) for term, word in words.items()]
        return Queries(tuple(self._expanded(query, expansion, encoder) for query in asked))

    def _expanded(
        self, query: Query, expansion: Sequence[tuple[str, float]], encoder: SparseEncoder
    ) -> Query:
        own = own_terms(query, encoder)
        total = fsum(weight for _, weight in own)
        # What has no terms of its own, as a ready vector, is not searched by terms.
        if not total:
            return query
        kept = [(word, self.weight * weight / total) for word, weight in own]
        return replace(query, terms=tuple((word, weight) for word, weight in (*kept, *expansion) if weight))


class RocchioTerms(Node):
    """Add the terms that weigh most in the best passages: Rocchio's rule on term vectors.

    `alpha` times the query's vector plus `beta` times the mean of the best `docs` passages', both of
    length one; the `terms` heaviest are added. A passage's weights are those that search gives it.
    Source: Rocchio, "Relevance feedback in information retrieval", 1971.
    """

    docs: Count = 10
    terms: Count = 10
    alpha: Weight = 1.0
    beta: Weight = 0.75

    async def __call__(
        self,
        question: Question,
        queries: Queries | None,
        hits: Hits,
        documents: Documents,
        encoder: SparseEncoder,
    ) -> Queries:
        asked = queries or Queries((Query(question.text),))
        passages = await documents.passages(hits.top(self.docs).ids, principal=question.principal)
        if not passages:
            return asked
        texts = [_searched(passage) for passage in passages.values()]
        vectors = [dict(zip(one.indices, one.values, strict=True)) for one in encoder.passages(texts)]
        mean: dict[int, float] = {}
        for vector in map(_unit, vectors):
            for term, value in vector.items():
                mean[term] = mean.get(term, 0.0) + value / len(vectors)
        chosen = dict(_largest(mean, self.terms))
        words = spelled(chosen, texts, encoder)
        added = [(word, self.beta * chosen[term]) for term, word in words.items()]
        return Queries(tuple(self._moved(query, added, encoder) for query in asked))

    def _moved(self, query: Query, added: Sequence[tuple[str, float]], encoder: SparseEncoder) -> Query:
        own = own_terms(query, encoder)
        length = fsum(weight * weight for _, weight in own) ** 0.5
        if not length:
            return query
        kept = [(word, self.alpha * weight / length) for word, weight in own]
        return replace(query, terms=tuple((word, weight) for word, weight in (*kept, *added) if weight))


class VectorFeedback(Node):
    """Move the first query's vector towards the mean of the best `docs` passages.

    The new vector is (1 − s) · query + s · mean, of length one. With `share` None, s is docs / (docs + 1):
    the plain mean of the query and the passages. Rocchio's setting is `VectorFeedback(docs=5, share=0.6)`.

    `agreement` (low, high) makes the step depend on how alike the passages are, by their mean cosine:
    none at `low`, the whole of it at `high`. Passages that differ are on several subjects, or wrong:
    their mean is about nothing. Beside a `static` embedder, whose vectors know no context, nothing is
    moved unless `static` is set: on most collections it finds less so.
    Source of the plain forms: Li et al., "Pseudo relevance feedback with deep language models and dense
    retrievers" (arXiv 2108.11044); the dependence on agreement is ours.
    """

    docs: Count = 3
    share: Share | None = None
    agreement: tuple[float, float] | None = None
    static: bool = False

    async def __call__(
        self,
        question: Question,
        queries: Queries | None,
        hits: Hits,
        vectors: VectorStore,
        embedder: Embedder,
    ) -> Queries:
        asked = (queries or Queries((Query(question.text),))).queries
        first = asked[0]
        if getattr(embedder, "static", False) and not self.static:
            return Queries(asked)
        found = await vectors.vectors(hits.top(self.docs).ids, principal=question.principal)
        if not found:
            return Queries(asked)
        own = first.vector or (await embedder.embed([first.text], kind="query"))[0]
        moved = fed_back(own, list(found.values()), share=self.share, agreement=self.agreement)
        return Queries((replace(first, vector=tuple(moved.tolist())), *asked[1:]))


# -- pure functions --------------------------------------------------------------------------------


def relevance_model(counts: Sequence[Mapping[int, float]], scores: Sequence[float]) -> dict[int, float]:
    """P(term | relevant): Σ P(passage | query) · count / length. Scores weigh, where they are positive."""
    weights = [max(0.0, score) for score in scores]
    if not any(weights):
        weights = [1.0] * len(counts)
    total = fsum(weights)
    model: dict[int, float] = {}
    for count, weight in zip(counts, weights, strict=True):
        length = fsum(count.values())
        for term, occurrences in count.items():
            model[term] = model.get(term, 0.0) + weight / total * occurrences / length
    return model


def fed_back(
    query: Sequence[float] | NDArray[np.float32],
    passages: Sequence[NDArray[np.float32]],
    *,
    share: float | None = None,
    agreement: tuple[float, float] | None = None,
) -> NDArray[np.float32]:
    """(1 − s) · query + s · mean of passages, of length one; see `VectorFeedback` for s."""
    import numpy as np

    own = np.asarray(query, dtype=np.float32)
    matrix = np.stack(passages)
    step = len(matrix) / (len(matrix) + 1) if share is None else share
    if agreement is not None:
        low, high = agreement
        step *= float(np.clip((likeness(matrix) - low) / (high - low), 0.0, 1.0)) if high > low else 1.0
    moved = (1.0 - step) * own + step * matrix.mean(axis=0)
    length = float(np.linalg.norm(moved))
    # Opposite vectors may cancel out.
    return (moved / length).astype(np.float32) if length > 1e-6 else own


def likeness(vectors: NDArray[np.float32]) -> float:
    """Mean cosine of all pairs of unit vectors, shape (n, dimensions); 1 for a single one."""
    n = len(vectors)
    if n < 2:
        return 1.0
    total = vectors.sum(axis=0)
    # |Σ v|² holds every pair twice, and each vector once with itself.
    return float((total @ total - n) / (n * (n - 1)))


def counted(text: str, encoder: SparseEncoder) -> dict[int, float]:
    """How often each term occurs in a text."""
    vector = encoder.query(text)
    return dict(zip(vector.indices, vector.values, strict=True))


def own_terms(query: Query, encoder: SparseEncoder) -> list[tuple[str, float]]:
    """A query's terms as words with their weights: those that it has, or how often its text says each."""
    if query.terms:
        return list(query.terms)
    return [
        (word, float(count))
        for word, count in Counter(_WORD.findall(query.text)).items()
        if encoder.query(word).indices
    ]


def spelled(wanted: Iterable[int], texts: Sequence[str], encoder: SparseEncoder) -> dict[int, str]:
    """A word for each term, the most frequent in `texts` that stands for that term alone.

    Terms are stems or numbers; a query is made of words. The frequent words are tried first, and only
    until every term has one: encoding all words of the texts would take longer than the search.
    """
    left = set(wanted)
    found: dict[int, str] = {}
    counts = Counter(_WORD.findall(" ".join(texts)))
    for word, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if not left:
            break
        indices = encoder.query(word).indices
        if len(indices) == 1 and indices[0] in left:
            left.discard(indices[0])
            found[indices[0]] = word
    return found


def _searched(passage: Passage) -> str:
    """A passage as it is indexed, with its title."""
    return f"{passage.title}\n{passage.text}" if passage.title else passage.text


def _largest(weights: Mapping[int, float], n: int) -> list[tuple[int, float]]:
    return sorted(weights.items(), key=lambda item: (-item[1], item[0]))[:n]


def _unit(vector: Mapping[int, float]) -> dict[int, float]:
    length = fsum(value * value for value in vector.values()) ** 0.5
    return {term: value / length for term, value in vector.items()} if length else {}
