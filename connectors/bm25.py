"""BM25 as sparse vectors, with the tokenizer, stop words and Snowball stemmers of Qdrant Edge.

A passage's vector holds the term-frequency part of the score, a query's vector the count of each
term; the store multiplies the latter by the inverse document frequencies of what the reader may read.
Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from qdrant_edge import Bm25, Bm25Config

from orchestrator.errors import SettingsError
from orchestrator.ports import SparseVector
from orchestrator.text.keyphrases import keyphrases

#: Length, in terms, of a passage that is neither favoured nor penalised. It is fixed, since a vector
#: cannot follow an average that moves with every document. A short one is the safe side: on six
#: collections whose own averages run from 16 to 145 terms, 48 costs at most .034 nDCG@10 against the
#: collection's own average, and 256 costs up to .108.
AVERAGE_LENGTH = 48.0

# A term of one character says little but matches much: `x` and `2` in formulas cost .07 nDCG@10.
_SHORTEST_TERM = 2
# Words that are remembered to be stop words or none.
_WORDS = 200_000
# Saturation so late that a document's weight is its term count, up to counts of thousands.
_NO_SATURATION = 2.0**24


class Bm25Encoder:
    """Texts to BM25 term vectors of one language.

    `language` chooses stop words and stemmer (`english`, `german`, …). `k` is the saturation of
    repeated terms, `b` the strength of length normalisation. With `keyphrases`, that many of a passage's
    own are indexed with it once more, so that its subject outweighs what it only mentions. Raises
    SettingsError if out of range.
    """

    def __init__(
        self,
        language: str = "english",
        *,
        k: float = 1.2,
        b: float = 0.75,
        average_length: float = AVERAGE_LENGTH,
        keyphrases: int = 0,
    ) -> None:
        try:
            self._passage = Bm25(_config(language, k, b, average_length))
            # Edge's own query encoding gives every term weight 1, however often it is repeated.
            self._count = Bm25(_config(language, _NO_SATURATION, 0.0, average_length))
        except ValueError as error:
            raise SettingsError(
                f"BM25 cannot be set up: {error}.",
                hint="Give a language such as 'english', k ≥ 0, 0 ≤ b ≤ 1 and a positive length.",
            ) from error
        self._keyphrases = keyphrases
        self._stops: dict[str, bool] = {}
        expanded = f"-p{keyphrases}" if keyphrases else ""
        self._name = f"bm25-{language}-k{k:g}-b{b:g}-l{average_length:g}{expanded}"

    @property
    def name(self) -> str:
        """Names everything that a stored vector depends on."""
        return self._name

    def passages(self, texts: Sequence[str]) -> list[SparseVector]:
        """The term-frequency part of BM25 of each text."""
        vectors: list[SparseVector] = []
        for text in texts:
            vector = self._passage.embed_document(_normalised(self._expanded(text)))
            vectors.append(SparseVector(tuple(vector.indices), tuple(vector.values)))
        return vectors

    def _expanded(self, text: str) -> str:
        if not self._keyphrases:
            return text
        # The title is the first line of what is indexed.
        title, _, rest = text.partition("\n")
        found = keyphrases(rest, self._keyphrases, is_stop=self._is_stop, title=title)
        return " ".join([text, *found])

    def _is_stop(self, word: str) -> bool:
        if word not in self._stops:
            if len(self._stops) > _WORDS:
                self._stops.clear()
            self._stops[word] = not self.query(word).indices
        return self._stops[word]

    def query(self, text: str) -> SparseVector:
        """How often each term occurs in `text`."""
        vector = self._count.embed_document(_normalised(text))
        return SparseVector(tuple(vector.indices), tuple(float(round(value)) for value in vector.values))


def _config(language: str, k: float, b: float, average_length: float) -> Bm25Config:
    return Bm25Config(
        k=k,
        b=b,
        avg_len=average_length,
        language=language,
        ascii_folding=True,
        min_token_len=_SHORTEST_TERM,
    )


def _normalised(text: str) -> str:
    if text.isascii():
        return text
    # PDF files write ligatures and full-width letters, which no query does. JSON may carry halves of
    # surrogate pairs, which the engine refuses.
    return unicodedata.normalize("NFKC", text.encode("utf-8", "replace").decode("utf-8"))
