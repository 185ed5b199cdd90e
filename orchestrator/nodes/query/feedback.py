"""Pseudo-relevance feedback without a model: refine queries by the passages that were found first.

Feedback and both rankings compose in three ways ("To interpolate or not to interpolate", SIGIR 2022):
a fused ranking as feedback is interpolation before, a fused second search interpolation after.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import fsum, hypot
from typing import TYPE_CHECKING

from orchestrator.graph.node import Node
from orchestrator.nodes._queries import queries_of, ready_vector, with_vector
from orchestrator.nodes._settings import Count, IndexName, Share, Weight
from orchestrator.ports import Documents, Embedder, SparseEncoder, SparseVector, VectorStore, reading
from orchestrator.text.scripts import with_terms
from orchestrator.text.words import words
from orchestrator.types import Hits, Passage, Queries, Query, Question

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Rm3(Node):
    """RM3: expand the query with the terms of a relevance model of the best passages, weighted.

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
        asked = queries_of(question, queries)
        best = hits.top(self.docs)
        passages = await documents.passages(best.ids, principal=question.principal)
        scores = {hit.id: hit.score for hit in best}
        texts = [_searched(passage) for passage in passages.values()]
        model = relevance_model([encoder.query(text) for text in texts], [scores[one] for one in passages])
        chosen = model.largest(self.terms)
        found = spelled(chosen, texts, encoder)
        total = fsum(chosen[term] for term in found)
        if not total:
            return asked
        expansion = [(word, (1 - self.weight) * chosen[term] / total) for term, word in found.items()]
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
    """Rocchio feedback on term vectors: expand the query with the heaviest terms of the best passages.

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
        asked = queries_of(question, queries)
        passages = await documents.passages(hits.top(self.docs).ids, principal=question.principal)
        if not passages:
            return asked
        texts = [_searched(passage) for passage in passages.values()]
        chosen = mean_of_units(encoder.passages(texts)).largest(self.terms)
        added = [(word, self.beta * chosen[term]) for term, word in spelled(chosen, texts, encoder).items()]
        return Queries(tuple(self._moved(query, added, encoder) for query in asked))

    def _moved(self, query: Query, added: Sequence[tuple[str, float]], encoder: SparseEncoder) -> Query:
        own = own_terms(query, encoder)
        length = fsum(weight * weight for _, weight in own) ** 0.5
        if not length:
            return query
        kept = [(word, self.alpha * weight / length) for word, weight in own]
        return replace(query, terms=tuple((word, weight) for word, weight in (*kept, *added) if weight))


class VectorFeedback(Node):
    """Dense pseudo-relevance feedback: move the query vector towards the mean of the best passages.

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
    index: IndexName = ""

    async def __call__(
        self,
        question: Question,
        queries: Queries | None,
        hits: Hits,
        vectors: VectorStore,
        embedder: Embedder,
    ) -> Queries:
        asked = queries_of(question, queries).queries
        first = asked[0]
        if getattr(embedder, "static", False) and not self.static:
            return Queries(asked)
        found = await vectors.vectors(hits.top(self.docs).ids, principal=question.principal)
        if not found:
            return Queries(asked)
        own = await ready_vector(first, embedder) or (await embedder.embed([first.text], kind="query"))[0]
        moved = fed_back(own, list(found.values()), share=self.share, agreement=self.agreement)
        return Queries((await with_vector(first, tuple(moved.tolist()), embedder), *asked[1:]))


# -- pure functions --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class TermWeights:
    """A weight for each term: `terms`, ascending, and their `weights`, both of shape (n,)."""

    terms: NDArray[np.int64]
    weights: NDArray[np.float64]

    def largest(self, n: int) -> dict[int, float]:
        """The `n` heaviest terms, the heaviest first."""
        import numpy as np

        # Stable, so that of equal weights the lower term comes first.
        best = np.argsort(-self.weights, kind="stable")[:n]
        return dict(zip(self.terms[best].tolist(), self.weights[best].tolist(), strict=True))


def relevance_model(counts: Sequence[SparseVector], scores: Sequence[float]) -> TermWeights:
    """P(term | relevant): Σ P(passage | query) · count / length. Scores weigh, where they are positive."""
    weights = [max(0.0, score) for score in scores]
    if not any(weights):
        weights = [1.0] * len(counts)
    total = fsum(weights)
    lengths = [fsum(one.values) for one in counts]
    return _summed(
        counts, [weight / total / (length or 1.0) for weight, length in zip(weights, lengths, strict=True)]
    )


def mean_of_units(vectors: Sequence[SparseVector]) -> TermWeights:
    """The mean of vectors that are each brought to length one."""
    lengths = [hypot(*one.values) for one in vectors]
    return _summed(vectors, [1.0 / (length or 1.0) / len(vectors) for length in lengths])


def _summed(vectors: Sequence[SparseVector], factors: Sequence[float]) -> TermWeights:
    """Σ factor · vector, as arrays: passages together have a thousand terms, too many for a loop."""
    import numpy as np

    indices = np.array([term for one in vectors for term in one.indices], np.int64)
    values = np.array([value for one in vectors for value in one.values], np.float64)
    terms, places = np.unique(indices, return_inverse=True)
    each = np.repeat(np.array(factors, np.float64), [len(one.indices) for one in vectors])
    return TermWeights(terms, np.bincount(places, values * each).astype(np.float64))


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


def own_terms(query: Query, encoder: SparseEncoder) -> list[tuple[str, float]]:
    """A query's terms as words with their weights: those that it has, or how often its text says each."""
    if query.terms:
        return list(query.terms)
    encoder = reading(encoder, query.text)
    return [
        (word, float(count))
        for word, count in Counter(words(with_terms(query.text))).items()
        if encoder.query(word).indices
    ]


def spelled(wanted: Iterable[int], texts: Sequence[str], encoder: SparseEncoder) -> dict[int, str]:
    """A word for each term, the most frequent in `texts` that stands for that term alone.

    Terms are stems or numbers; a query is made of words. The frequent words are tried first, and only
    until every term has one: encoding all words of the texts would take longer than the search.
    """
    left = set(wanted)
    found: dict[int, str] = {}
    encoder = reading(encoder, "\n".join(texts))
    for word in _by_frequency(word for text in texts for word in words(with_terms(text))):
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


def _by_frequency(said: Iterable[str]) -> Iterator[str]:
    """Each word once, the frequent ones first; most are rare, and are not put in order until asked for."""
    groups: dict[int, list[str]] = {}
    for word, count in Counter(said).items():
        groups.setdefault(count, []).append(word)
    for count in sorted(groups, reverse=True):
        yield from sorted(groups[count])
