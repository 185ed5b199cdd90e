"""Evidence: the sentences of the passages that were found, weighed against the question.

Matrices are small: at most `limit` sentences of the best passages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import log
from typing import TYPE_CHECKING

from orchestrator.nodes.answer._candidates import Candidate, candidates_of, is_example, led_by, points
from orchestrator.nodes.answer._question_terms import worded
from orchestrator.ports import SparseEncoder, SparseVector, reading
from orchestrator.ranking.tf_idf import tf_idf_cosines
from orchestrator.text.identifiers import holds, is_date
from orchestrator.text.sentences import sentences
from orchestrator.types import Passage

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


def focused(evidence: Evidence) -> Evidence:
    """The same evidence where a sentence counts less if its passage and section hold little of the question.

    For an answer of few sentences: one about all of the question is better than several that each
    have another word of it by chance. One counts more if the title and the heading above it say words of the
    question, and less if it only links to where the answer may stand.
    """
    import numpy as np

    terms = [evidence.terms(number) for number in range(len(evidence.passages))]
    whole = evidence.share(frozenset[int]().union(*terms)) or 1.0

    def share(held: Iterable[int]) -> float:
        return evidence.share(held) / whole

    shares = [share(each) for each in terms]
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
        held = (shares[one.passage] + share(sections[one.passage, heading])) / 2
        factors[row] = held * (1.0 + share(above[row])) * (_POINTING if points(one) else 1.0)
    return replace(evidence, coverage=evidence.coverage * factors)


def headings_of(evidence: Evidence) -> list[int | None]:
    """The number of the heading that each sentence stands under, if any."""
    first: dict[int, int] = {}
    found: list[int | None] = []
    for row, one in enumerate(evidence.candidates):
        start = first.setdefault(one.passage, row)
        found.append(start + one.sentence.heading if one.sentence.heading >= 0 else None)
    return found


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
    wording = worded(asked, question, encoder)
    said = [frozenset[int]() if row in examples else held for row, held in enumerate(wording.held(vectors))]
    titles = [_encoded(reading(encoder, passage.text), [passage.title])[0] for passage in kept]
    titled = wording.held(titles)
    for identifier, parts in wording.identifiers:
        whole = [holds(candidate.text, identifier) for candidate in candidates]
        named = [holds(f"{passage.title} {passage.document}", identifier) for passage in kept]
        if is_date(identifier) and not any(whole) and not any(named):
            continue
        said = [terms if held else terms - parts for terms, held in zip(said, whole, strict=True)]
        titled = [terms if held else terms - parts for terms, held in zip(titled, named, strict=True)]
    counts = Counter(term for terms in said for term in terms)
    weights = {term: weight * _rarity(counts[term], len(vectors)) for term, weight in wording.weights.items()}
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
        tf_idf_cosines(vectors),
    )


def _rarity(count: int, total: int) -> float:
    """Inverse document frequency, where the documents are sentences; positive always."""
    return log(1.0 + total / (count + 0.5))


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
    # What no passage says tells no sentence from another.
    total = float(values[covered.any(axis=0)].sum())
    return covered @ values / total if total > 0 else np.zeros(len(said), dtype=np.float32)
