"""BM25 as sparse vectors, with the tokenizer, stop words and Snowball stemmers of Qdrant Edge.

A passage's vector holds the term-frequency part of the score, a query's vector the count of each
term; the store multiplies the latter by the inverse document frequencies of what the reader may read.
Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009.

Every text is read in its own script and language, so that an index of many languages works. Scripts without
spaces become pairs of characters (`orchestrator.text.scripts`); Latin script is stemmed in the language that
its function words show (`orchestrator.text.languages`), Greek, Cyrillic and Arabic in their largest language.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from qdrant_edge import Bm25, Bm25Config, DisabledStemmer, StopwordsSet
from qdrant_edge import SparseVector as EdgeVector

from orchestrator.errors import SettingsError
from orchestrator.ports import SparseVector
from orchestrator.text.identifiers import with_whole_identifiers
from orchestrator.text.keyphrases import keyphrases
from orchestrator.text.languages import FUNCTION_WORDS, language_of, possible_languages
from orchestrator.text.normalization import normalized, with_arabic_letters
from orchestrator.text.scripts import NO_NEIGHBOURS, by_language, neighbours, with_terms

#: Length, in terms, of a passage that is neither favoured nor penalised. It is fixed, since a vector
#: cannot follow an average that moves with every document. A short one is the safe side: on six
#: collections whose own averages run from 16 to 145 terms, 48 costs at most .034 nDCG@10 against the
#: collection's own average, and 256 costs up to .108.
AVERAGE_LENGTH = 48.0

# A term of one character says little but matches much: `x` and `2` in formulas cost .07 nDCG@10.
_SHORTEST_TERM = 2
# Words that are remembered to be stop words or none.
_WORDS = 200_000
#: The languages that the engine stems, beside its others, which have stop words alone.
STEMMED = (
    "arabic danish dutch english finnish french german greek hungarian italian norwegian portuguese romanian"
    " russian spanish swedish turkish"
).split()
#: Languages told by their script, or not stemmed: they may be named, and need no more than that.
_PLAIN = (
    "bengali burmese catalan chinese czech hebrew hindi indonesian japanese khmer korean lao persian polish"
    " thai ukrainian urdu vietnamese"
).split()
#: So many function words tell the language of a question; one may be part of a name.
_TELLING = 2
# Saturation so late that a document's weight is its term count, up to counts of thousands.
_NO_SATURATION = 2.0**24


class Bm25Encoder:
    """Texts to BM25 term vectors, each in its own script and language.

    `language` names the one of texts in Latin script that do not tell; with "auto", they are taken as
    English. A named language that is stemmed holds for all texts in Latin script. `k` is the saturation of
    repeated terms, `b` the strength of length normalisation. With `keyphrases`, that many of a passage's
    own are indexed with it once more, so that its subject outweighs what it only mentions. Raises
    SettingsError if out of range.
    """

    def __init__(
        self,
        language: str = "auto",
        *,
        k: float = 1.2,
        b: float = 0.75,
        average_length: float = AVERAGE_LENGTH,
        keyphrases: int = 0,
    ) -> None:
        if language not in ("auto", *STEMMED, *_PLAIN):
            raise SettingsError(
                f"BM25 knows no language {language!r}.",
                hint=f"Give 'auto', or one of {', '.join(sorted((*STEMMED, *_PLAIN)))}.",
            )
        self._named = language if language in STEMMED else None
        self._k, self._b, self._average_length = k, b, average_length
        self._weighing: dict[str, Bm25] = {}
        self._counting: dict[str, Bm25] = {}
        try:
            self._weigh(self._named or "english")
        except ValueError as error:
            raise SettingsError(
                f"BM25 cannot be set up: {error}.", hint="Give k ≥ 0, 0 ≤ b ≤ 1 and a positive length."
            ) from error
        self._keyphrases = keyphrases
        self._stops: dict[str, bool] = {}
        # Of the text that pieces are read of, where they are.
        self._told: str | None = None
        self._possible: tuple[str, ...] = ()
        self._neighbours: Mapping[str, bool] = {}
        expanded = f"-p{keyphrases}" if keyphrases else ""
        self._name = f"bm25v3-{self._named or 'auto'}-k{k:g}-b{b:g}-l{average_length:g}{expanded}"

    @property
    def name(self) -> str:
        """Names everything that a stored vector depends on."""
        return self._name

    def reading(self, text: str) -> Bm25Encoder:
        """The same encoder for words or sentences of `text`: its language is theirs."""
        view = copy.copy(self)
        view.read_as(text)
        return view

    def read_as(self, text: str) -> None:
        """Read what comes from now on as pieces of `text`."""
        self._told, self._possible = language_of(text), possible_languages(text)
        self._neighbours = neighbours(normalized(text))

    def passages(self, texts: Sequence[str]) -> list[SparseVector]:
        """The term-frequency part of BM25 of each text."""
        return [self._passage(text) for text in texts]

    def _passage(self, text: str) -> SparseVector:
        if text.isascii():
            language = self._language(text)
            expanded = self._expanded(with_whole_identifiers(text), language)
            return _vector(self._weigh(language).embed_document(expanded))
        parts: dict[str, str] = {}
        for language, part in self._parts(text):
            parts[language] = f"{parts[language]} {part}" if language in parts else part
        if len(parts) == 1:
            (language, part), *_ = parts.items()
            return _vector(self._weigh(language).embed_document(self._expanded(part, language)))
        counts: Counter[int] = Counter()
        for language, part in parts.items():
            counts.update(self._counts(language, self._expanded(part, language)))
        return self._weighed(counts)

    def _language(self, text: str) -> str:
        """The language in which a passage in Latin script is stemmed."""
        return self._named or self._told or language_of(text) or "english"

    def _weighed(self, counts: Counter[int]) -> SparseVector:
        """Term counts as the engine weighs them: saturated, and normalised by length."""
        length = sum(counts.values()) / self._average_length
        norm = self._k * (1 - self._b + self._b * length)
        weights = [(term, count * (self._k + 1) / (count + norm)) for term, count in sorted(counts.items())]
        return SparseVector(*zip(*weights, strict=True)) if weights else SparseVector((), ())

    def _expanded(self, text: str, language: str) -> str:
        if not self._keyphrases:
            return text
        # The title is the first line of what is indexed.
        title, _, rest = text.partition("\n")
        found = keyphrases(
            rest, self._keyphrases, is_stop=lambda word: self._is_stop(word, language), title=title
        )
        return " ".join([text, *found])

    def _is_stop(self, word: str, language: str) -> bool:
        known = f"{language} {word}"
        if known not in self._stops:
            if len(self._stops) > _WORDS:
                self._stops.clear()
            self._stops[known] = not self._counts(language, word)
        return self._stops[known]

    def query(self, text: str) -> SparseVector:
        """How often each term occurs in `text`.

        A few words may be of several languages: they are looked for as each of them has them.
        """
        counts: Counter[int] = Counter()
        for language, part in by_language(with_terms(_written(text)), NO_NEIGHBOURS).items():
            counts.update(self._script_counts(language, part) if language else self._latin_counts(part))
        terms = sorted(counts)
        return SparseVector(tuple(terms), tuple(float(counts[term]) for term in terms))

    def _script_counts(self, language: str, text: str) -> Counter[int]:
        """Terms of a script as its largest language has them, and as they are written in others."""
        counts = self._counts(language, text)
        if language in NO_NEIGHBOURS:
            words = (word for word in text.split() if not self._is_stop(word, language))
            counts |= self._counts("", with_arabic_letters(" ".join(words)))
        return counts

    def _latin_counts(self, text: str) -> Counter[int]:
        if self._named:
            return self._counts(self._named, text)
        counts: Counter[int] = Counter()
        languages = self._possible or possible_languages(text)
        if languages[:1] == ("english",):
            return self._counts("english", text)
        for language in languages:
            counts |= self._counts(language, text)
        # A passage that did not tell its language was taken as English. "Die Hard" and "El Al" are searched
        # there with all their words; the function words of a German question are no content.
        stops = [set(FUNCTION_WORDS[language].split()) for language in languages]
        said = text.casefold().split()
        if self._told or any(len(of_one.intersection(said)) >= _TELLING for of_one in stops):
            text = " ".join(word for word in said if not any(word in of_one for of_one in stops)) or text
        return counts | self._counts("english", text)

    def _parts(self, text: str) -> Iterator[tuple[str, str]]:
        """(language, text in it) of the scripts of a text."""
        for language, part in by_language(with_terms(_written(text)), self._neighbours).items():
            yield (language, part) if language else (self._language(part), with_arabic_letters(part))

    def _counts(self, language: str, text: str) -> Counter[int]:
        vector = self._count(language).embed_document(text)
        return Counter(
            {index: round(value) for index, value in zip(vector.indices, vector.values, strict=True)}
        )

    def _weigh(self, language: str) -> Bm25:
        if language not in self._weighing:
            self._weighing[language] = Bm25(_config(language, self._k, self._b, self._average_length))
        return self._weighing[language]

    def _count(self, language: str) -> Bm25:
        # Edge's own query encoding gives every term weight 1, however often it is repeated.
        if language not in self._counting:
            self._counting[language] = Bm25(_config(language, _NO_SATURATION, 0.0, self._average_length))
        return self._counting[language]


def _config(language: str, k: float, b: float, average_length: float) -> Bm25Config:
    stemmed = language in STEMMED
    # The engine's lists have hundreds of words for some languages, "machen" among them: what is copied from a
    # text could not be found again.
    stops = set(FUNCTION_WORDS.get(language, "").split())
    engines = stemmed and (language == "english" or not stops)
    return Bm25Config(
        k=k,
        b=b,
        avg_len=average_length,
        language=language if stemmed else None,
        stemmer=None if stemmed else DisabledStemmer(),
        stopwords=None if engines else StopwordsSet(custom=stops),
        ascii_folding=True,
        min_token_len=_SHORTEST_TERM,
    )


def _vector(vector: EdgeVector) -> SparseVector:
    return SparseVector(tuple(vector.indices), tuple(vector.values))


def _written(text: str) -> str:
    return with_whole_identifiers(normalized(text))
