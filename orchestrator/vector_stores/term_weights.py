"""The weights of a term search: counts of the query's terms times what the reader's passages make of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from orchestrator.ports import Lexical, Search, SparseEncoder, TermStatistics, reading
from orchestrator.vector_stores.exact_products import query_weights


def is_learned(encoder: SparseEncoder) -> bool:
    """Whether the encoder's weights are learned: they say how much a term tells, in queries too."""
    return bool(getattr(encoder, "learned", False))


def needs_statistics(encoder: SparseEncoder, searches: Sequence[Search]) -> bool:
    """Whether searches are weighted by document frequencies."""
    return not is_learned(encoder) and any(isinstance(one, Lexical) for one in searches)


def encode_queries(encoder: SparseEncoder, searches: Sequence[Search]) -> None:
    """Encode what searches ask for: an encoder that is a model remembers what it gives."""
    for search in searches:
        if isinstance(search, Lexical):
            for text, _ in search.terms or ((search.text, 1.0),):
                _encoder(encoder, search).query(text)


def term_weights(
    encoder: SparseEncoder, search: Lexical, statistics: TermStatistics | None
) -> dict[int, float]:
    """Counts or weights of the terms, times their inverse document frequencies if there are statistics.

    Terms that nothing readable has are left out. Sums of products with `passage_weights` are exact.

    Source: Lucene's ln(1 + (N - n + 0.5) / (n + 0.5)), which is never negative.
    """
    counts: dict[int, float] = {}
    reader = _encoder(encoder, search)
    for text, weight in search.terms or ((search.text, 1.0),):
        vector = reader.query(text)
        for dimension, count in zip(vector.indices, vector.values, strict=True):
            counts[dimension] = counts.get(dimension, 0.0) + weight * count
    if statistics is None:
        return query_weights(counts)
    return query_weights(
        {
            dimension: count * math.log1p((statistics.passages - held + 0.5) / (held + 0.5))
            for dimension, count in counts.items()
            if (held := statistics.frequency.get(dimension, 0)) > 0
        }
    )


def _encoder(encoder: SparseEncoder, search: Lexical) -> SparseEncoder:
    """The encoder, which reads weighted terms as words of the text that they weigh."""
    if not search.terms:
        return encoder
    # Without its function words, a text seldom tells its language.
    return reading(encoder, " ".join([search.text, *(text for text, _ in search.terms)]))
