"""Evidence: the sentences of the passages that were found, weighed against the question.

Terms are those of the index (`SparseEncoder`), so that a sentence and the question share a word
exactly when search thinks so. Matrices are small: at most `limit` sentences of the best passages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import log, log2
from typing import TYPE_CHECKING

from orchestrator.nodes.answer._candidates import Candidate, candidates_of, is_example, led_by, points
from orchestrator.nodes.answer._compounds import compounds as written_compounds
from orchestrator.nodes.answer._compounds import holds, is_date
from orchestrator.ports import Embedder, SparseEncoder, SparseVector, reading
from orchestrator.ranking.lexrank import lexrank
from orchestrator.text.compounds import compounds
from orchestrator.text.languages import ASKING_WORDS, possible_languages
from orchestrator.text.sentences import sentences
from orchestrator.types import Passage, Query

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: What a question's word counts that stands not in a sentence but above it: in its heading, the title,
#: or the sentence before. The same goes for words in code of more lines than a command has: a command
#: may be the answer, but a program holds many words by the way.
_ABOVE = 0.5
# A piece of fewer characters is less than a sentence, but never less than this part of one.
_SENTENCE, _LEAST = 60, 0.25
# What is left of a sentence that only links to other pages.
_POINTING = 0.5
# What words count that ask rather than say what about.
_ASKED = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Sentences with what is known about them; arrays are indexed by sentence.

    `weights` says how much each term of the question weighs; `said` and `titled` which of them a
    sentence and a passage's title hold. `coverage` is the share of the weight that a sentence holds,
    0 to 1, where terms of the lines above it count half. `similarity` holds the cosines of tf-idf
    vectors, shape (n, n).
    """

    passages: tuple[Passage, ...]
    candidates: tuple[Candidate, ...]
    weights: Mapping[int, float]
    said: tuple[frozenset[int], ...]
    titled: tuple[frozenset[int], ...]
    coverage: NDArray[np.float32]
    similarity: NDArray[np.float32]

    def share(self, terms: Iterable[int]) -> float:
        """The share of the question's weight that these terms carry, 0 to 1."""
        total = sum(self.weights.values())
        return sum(self.weights.get(term, 0.0) for term in set(terms)) / total if total > 0 else 0.0

    def terms(self, passage: int) -> frozenset[int]:
        """The question's terms that a passage and its title hold."""
        rows = (said for said, one in zip(self.said, self.candidates, strict=True) if one.passage == passage)
        return self.titled[passage].union(*rows)


@dataclass(frozen=True, slots=True)
class Balance:
    """How much each sign counts in a sentence's score; only their proportions matter.

    `relevance`: to the question; `dense`: the part of it that is cosine rather than shared terms;
    `centrality`: LexRank; `rank`: that of its passage among the hits, discounted as in nDCG.
    """

    relevance: float = 0.6
    dense: float = 0.3
    centrality: float = 0.2
    rank: float = 0.2


def focused(evidence: Evidence) -> Evidence:
    """The same evidence where a sentence counts less if its passage and section hold little of the question.

    For an answer of few sentences: one about all of the question is better than several that each
    have another word of it by chance. One counts more if the title and the heading above it say words of the
    question, and less if it only links to where the answer may stand.
    """
    import numpy as np

    shares = [evidence.share(evidence.terms(number)) for number in range(len(evidence.passages))]
    headings = headings_of(evidence)
    sections: dict[tuple[int, int | None], frozenset[int]] = {}
    above: list[frozenset[int]] = []
    for one, heading, said in zip(evidence.candidates, headings, evidence.said, strict=True):
        named = evidence.titled[one.passage]
        above.append(named if heading is None else named | evidence.said[heading])
        section = one.passage, heading
        sections[section] = sections.get(section, frozenset()).union(said, above[-1])
    factors = np.zeros(len(evidence.candidates), dtype=np.float32)
    for row, (one, heading) in enumerate(zip(evidence.candidates, headings, strict=True)):
        held = (shares[one.passage] + evidence.share(sections[one.passage, heading])) / 2
        factors[row] = held * (1.0 + evidence.share(above[row])) * (_POINTING if points(one) else 1.0)
    return replace(evidence, coverage=evidence.coverage * factors)


def headings_of(evidence: Evidence) -> list[int | None]:
    """The number of the heading that each sentence stands under, if any."""
    first: dict[int, int] = {}
    found: list[int | None] = []
    for row, one in enumerate(evidence.candidates):
        start = first.setdefault(one.passage, row)
        found.append(start + one.sentence.heading if one.sentence.heading >= 0 else None)
    return found


def question_terms(query: Query, encoder: SparseEncoder) -> dict[int, float]:
    """The weight of each term of a query: how often it is said, or what the query itself gives it.

    In "How does it work?", `work` asks, and counts less than a word that names a subject.
    """
    weights: dict[int, float] = {}
    encoder = reading(encoder, query.text)
    for term, weight in query.terms or ((query.text, 1.0),):
        vector = encoder.query(term)
        for index, count in zip(vector.indices, vector.values, strict=True):
            weights[index] = weights.get(index, 0.0) + weight * count
    languages = possible_languages(query.text) or ("english",)
    asking = set(encoder.query(" ".join(ASKING_WORDS.get(one, "") for one in languages)).indices)
    if not weights.keys() <= asking:
        weights = {term: weight * (_ASKED if term in asking else 1.0) for term, weight in weights.items()}
    return weights


def gather(
    passages: Iterable[Passage],
    question: Mapping[int, float],
    encoder: SparseEncoder,
    *,
    asked: str = "",
    limit: int = 400,
) -> Evidence:
    """The sentences of `passages`, the best passage first, weighed against the question's terms.

    A sentence that only says what was `asked` is not quoted alone, but it leads what follows it; an example
    of code that asks it holds none of the terms.
    """
    kept: list[Passage] = []
    candidates: list[Candidate] = []
    seen: set[str] = set()
    size = 0.0
    for passage in passages:
        parts = sentences(passage.text)
        # Short lines, as those of lists and records, are a part of a sentence each.
        size += sum(min(1.0, max(_LEAST, (part.end - part.start) / _SENTENCE)) for part in parts)
        if candidates and size > limit:
            break
        candidates += candidates_of(passage.text, parts, len(kept), len(candidates), seen)
        kept.append(passage)
    candidates, examples = led_by(candidates, asked)
    vectors: list[SparseVector] = []
    for number, passage in enumerate(kept):
        # A sentence alone may be too short to tell its language; its passage does.
        texts = [candidate.text for candidate in candidates if candidate.passage == number]
        vectors += _encoded(reading(encoder, passage.text), texts)
    nouns = _nouns(asked, question, encoder)
    said = [
        frozenset[int]() if row in examples else held
        for row, held in enumerate(_held(question, vectors, nouns))
    ]
    titles = [_encoded(reading(encoder, passage.text), [passage.title])[0] for passage in kept]
    titled = _held(question, titles, nouns)
    for compound, parts in _parts(asked, question, encoder):
        whole = [holds(candidate.text, compound) for candidate in candidates]
        named = [holds(f"{passage.title} {passage.document}", compound) for passage in kept]
        if is_date(compound) and not any(whole) and not any(named):
            continue
        said = [terms if held else terms - parts for terms, held in zip(said, whole, strict=True)]
        titled = [terms if held else terms - parts for terms, held in zip(titled, named, strict=True)]
    counts = Counter(term for terms in said for term in terms)
    weights = {term: weight * _rarity(counts[term], len(vectors)) for term, weight in question.items()}
    stated: list[frozenset[int]] = []
    above: list[frozenset[int]] = []
    for terms, candidate in zip(said, candidates, strict=True):
        # A line that introduces an item or a command makes one statement with it.
        leads = [said[row] for row in candidate.needs if candidates[row].introduces]
        stated.append(frozenset[int]().union(*leads, () if is_example(candidate) else terms))
        lines = [said[row] for row in (*candidate.needs, *candidate.follows)]
        above.append(terms.union(titled[candidate.passage], *lines))
    return Evidence(
        tuple(kept),
        tuple(candidates),
        weights,
        tuple(said),
        tuple(titled),
        _coverage(weights, stated, above),
        _similarity(vectors),
    )


def _parts(
    asked: str, question: Mapping[int, float], encoder: SparseEncoder
) -> Iterator[tuple[str, frozenset[int]]]:
    """The compounds of a question, with those of its terms that only they say."""
    for compound in written_compounds(asked):
        rest = encoder.query(asked.replace(compound, " ")).indices
        yield compound, frozenset(encoder.query(compound).indices) & question.keys() - set(rest)


async def cosines(
    evidence: Evidence,
    question: str,
    embedder: Embedder,
    *,
    among: Iterable[int] | None = None,
    limit: int = 64,
) -> NDArray[np.float32]:
    """Cosine of each sentence with the question, at least 0; 0 too for those not embedded.

    Embedded are the `limit` sentences, of those named by `among`, that hold most of the question.
    """
    alone, _ = await placed_cosines(evidence, question, embedder, among=among, limit=limit, placed=False)
    return alone


async def placed_cosines(
    evidence: Evidence,
    question: str,
    embedder: Embedder,
    *,
    among: Iterable[int] | None = None,
    limit: int = 64,
    placed: bool = True,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """`cosines` of each sentence alone, and of it with the title and the heading that it stands under.

    The second is the cosine of the sum of both vectors: "Stop the servers first." is about restoring where
    its heading says so. Titles and headings are few, and embedded once each.
    """
    import numpy as np

    alone = np.zeros(len(evidence.candidates), dtype=np.float32)
    rows = range(len(evidence.candidates)) if among is None else among
    rows = [row for row in rows if evidence.candidates[row].alone]
    rows = sorted(rows, key=lambda row: -float(evidence.coverage[row]))[:limit]
    if not rows or not question.strip():
        return alone, alone
    asked = (await embedder.embed([question], kind="query"))[0]
    vectors = await embedder.embed([evidence.candidates[row].text for row in rows], kind="passage")
    alone[rows] = np.clip(vectors @ asked, 0.0, 1.0)
    if not placed:
        return alone, alone
    headings = headings_of(evidence)
    places = [_place(evidence, row, headings[row]) for row in rows]
    named = [place for place in dict.fromkeys(places) if place]
    summed = np.array(vectors, dtype=np.float32)
    if named:
        found = dict(zip(named, await embedder.embed(named, kind="passage"), strict=True))
        for number, place in enumerate(places):
            if place:
                summed[number] += found[place]
    lengths = np.maximum(np.linalg.norm(summed, axis=1), 1e-6)
    both = np.zeros_like(alone)
    both[rows] = np.clip(summed @ asked / lengths, 0.0, 1.0)
    return alone, both


def _place(evidence: Evidence, row: int, heading: int | None) -> str:
    """The title and the heading above a sentence, as one text."""
    title = evidence.passages[evidence.candidates[row].passage].title
    below = "" if heading is None else evidence.candidates[heading].text
    return f"{title} {below.strip('#=-~^ ')}".strip()


def relevances(evidence: Evidence, cosine: NDArray[np.float32] | None, dense: float) -> NDArray[np.float32]:
    """How much each sentence is about the question, 0 to 1: shared terms, and cosine where there is one."""
    if cosine is None:
        return evidence.coverage
    return ((1.0 - dense) * evidence.coverage + dense * cosine).astype("float32")


def sentence_scores(
    evidence: Evidence, cosine: NDArray[np.float32] | None, balance: Balance
) -> NDArray[np.float32]:
    """The score of each sentence, 0 to 1."""
    import numpy as np

    relevance = relevances(evidence, cosine, balance.dense)
    central = lexrank(evidence.similarity)
    peak = float(central.max(initial=0.0))
    rank = np.array([1.0 / log2(2 + candidate.passage) for candidate in evidence.candidates])
    total = balance.relevance + balance.centrality + balance.rank
    score = balance.relevance * relevance + balance.rank * rank
    if peak > 0:
        score = score + balance.centrality * central / peak
    return (score / total if total > 0 else score * 0.0).astype(np.float32)


def _rarity(count: int, total: int) -> float:
    """Inverse document frequency, where the documents are sentences; positive always."""
    return log(1.0 + total / (count + 0.5))


def _held(
    question: Mapping[int, float], vectors: Iterable[SparseVector], nouns: Mapping[int, frozenset[int]]
) -> list[frozenset[int]]:
    """Which of the question's terms each vector has, in their own form or as part of one of the `nouns`."""
    found: list[frozenset[int]] = []
    for vector in vectors:
        terms = set(vector.indices)
        verbs = (nouns[noun] for noun in nouns.keys() & terms)
        found.append(frozenset(question.keys() & terms).union(*verbs))
    return found


def _nouns(asked: str, question: Mapping[int, float], encoder: SparseEncoder) -> dict[int, frozenset[int]]:
    """The question's terms that a noun stands for: where "backup" is said, "back up" is."""
    found: dict[int, frozenset[int]] = {}
    for noun, verb in compounds(asked):
        held = frozenset(question.keys() & set(encoder.query(verb).indices))
        for term in encoder.query(noun).indices if held else ():
            found[term] = found.get(term, frozenset()) | held
    return found


def _encoded(encoder: SparseEncoder, texts: Sequence[str]) -> list[SparseVector]:
    """A vector a text; equal texts, such as the heading over many sentences, are encoded once."""
    distinct = list(dict.fromkeys(texts))
    vectors = dict(zip(distinct, encoder.passages(distinct), strict=True)) if distinct else {}
    return [vectors[text] for text in texts]


def _coverage(
    weights: Mapping[int, float], said: Sequence[frozenset[int]], above: Sequence[frozenset[int]]
) -> NDArray[np.float32]:
    import numpy as np

    covered = np.zeros((len(said), len(weights)), dtype=np.float32)
    column = {term: number for number, term in enumerate(weights)}
    for row, (own, context) in enumerate(zip(said, above, strict=True)):
        for term in context:
            covered[row, column[term]] = _ABOVE
        for term in own:
            covered[row, column[term]] = 1.0
    values = np.array(list(weights.values()), dtype=np.float32)
    total = float(values.sum())
    return covered @ values / total if total > 0 else np.zeros(len(said), dtype=np.float32)


def _similarity(vectors: Sequence[SparseVector]) -> NDArray[np.float32]:
    """Cosines of tf-idf vectors, shape (n, n)."""
    import numpy as np

    n = len(vectors)
    row = np.repeat(np.arange(n), [len(vector.indices) for vector in vectors])
    terms = np.array([term for vector in vectors for term in vector.indices], dtype=np.int64)
    values = np.array([value for vector in vectors for value in vector.values], dtype=np.float64)
    _, column, counts = np.unique(terms, return_inverse=True, return_counts=True)
    weights = values * np.log(1.0 + n / (counts + 0.5))[column]
    lengths = np.sqrt(np.bincount(row, weights=weights * weights, minlength=n))
    # A term of one sentence alone only adds to that sentence's length; it needs no column.
    shared = counts > 1
    kept = shared[column]
    row, place = row[kept], (np.cumsum(shared) - 1)[column[kept]]
    scaled = (weights[kept] / lengths[row]).astype(np.float32)
    by_term = np.zeros((int(shared.sum()), n), dtype=np.float32)
    by_term[place, row] = scaled
    # A row at a time: sentences are short, and one large product would wake all threads of the
    # linear algebra library, which on a busy machine wait for each other 80 times as long.
    ends = np.cumsum(np.bincount(row, minlength=n))
    found = np.zeros((n, n), dtype=np.float32)
    begin = 0
    for number, end in enumerate(ends):
        found[number] = scaled[begin:end] @ by_term[place[begin:end]]
        begin = end
    np.fill_diagonal(found, lengths > 0)
    return np.clip(found, 0.0, 1.0)
