"""The terms of a question: how much each weighs, and which of them a text holds.

Terms are those of the index (`SparseEncoder`), so that a text and the question share a word exactly when
search thinks so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orchestrator.ports import SparseEncoder, SparseVector, reading
from orchestrator.text.identifiers import identifiers
from orchestrator.text.languages import asking_words, possible_languages
from orchestrator.text.phrasal_verbs import verb_nouns
from orchestrator.text.scripts import with_terms
from orchestrator.text.words import words
from orchestrator.types import Query

# What words count that ask rather than say what about.
_ASKED = 0.25


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
    asking = set(encoder.query(asking_words(languages)).indices)
    if not weights.keys() <= asking:
        weights = {term: weight * (_ASKED if term in asking else 1.0) for term, weight in weights.items()}
    return weights


@dataclass(frozen=True, slots=True)
class Wording:
    """The weights of a question's terms, and how else a text may say them.

    `stand_for` says which terms another one says: another form of a word whose language is open, or the noun
    of a phrasal verb. `identifiers` has the terms that are parts of one.
    """

    weights: Mapping[int, float]
    stand_for: Mapping[int, frozenset[int]]
    identifiers: tuple[tuple[str, frozenset[int]], ...]

    def held(self, vectors: Iterable[SparseVector]) -> list[frozenset[int]]:
        """Which of the question's terms each vector has, in whatever form."""
        found: list[frozenset[int]] = []
        for vector in vectors:
            terms = set(vector.indices)
            others = (self.stand_for[other] for other in self.stand_for.keys() & terms)
            found.append(frozenset(self.weights.keys() & terms).union(*others))
        return found


def worded(asked: str, question: Mapping[int, float], encoder: SparseEncoder) -> Wording:
    """The wording of a question with these terms, of which `asked` is the text."""
    encoder = reading(encoder, asked)
    leads = _leads(asked, question, encoder)
    weights = {term: weight for term, weight in question.items() if term not in leads}
    stand_for = {form: frozenset((lead,)) for form, lead in leads.items()}
    for noun, verb in verb_nouns(asked):
        said = {leads.get(term, term) for term in encoder.query(verb).indices} & weights.keys()
        for term in encoder.query(noun).indices if said else ():
            stand_for[term] = stand_for.get(term, frozenset()) | said
    parts = [(each, _parts(each, asked, encoder)) for each in identifiers(asked)]
    return Wording(weights, stand_for, tuple((each, terms & weights.keys()) for each, terms in parts))


def _leads(asked: str, question: Mapping[int, float], encoder: SparseEncoder) -> dict[int, int]:
    """Of a word with several terms, one for each language that it may be of, which one counts for the others.

    Terms that differ in weight are no forms of one word, but other words, as learned encoders add them.
    """
    leads: dict[int, int] = {}
    counting: set[int] = set()
    for word in dict.fromkeys(words(with_terms(asked))):
        vector = encoder.query(word)
        forms = [term for term in vector.indices if term in question]
        if len(forms) < 2 or len(set(vector.values)) > 1:
            continue
        lead = next((term for term in forms if term in counting), None)
        lead = leads.get(forms[0], forms[0]) if lead is None else lead
        counting.add(lead)
        leads.update((term, lead) for term in forms if term != lead and term not in counting)
    return leads


def _parts(identifier: str, asked: str, encoder: SparseEncoder) -> frozenset[int]:
    """The terms that only an identifier says in a question."""
    rest = encoder.query(asked.replace(identifier, " ")).indices
    return frozenset(encoder.query(identifier).indices) - frozenset(rest)
