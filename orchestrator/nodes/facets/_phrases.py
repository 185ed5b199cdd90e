"""Salient phrases: what a group of texts speaks of, and others do not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from math import log

from orchestrator.ports import SparseEncoder

_WORD = re.compile(r"[^\W_]+(?:[-'’.][^\W_]+)*")
# What ends a phrase: whatever stands between two words and is not a blank.
_BREAK = re.compile(r"[^\w\s'’.-]|[.]\s|\s-\s|\n\s*\n")
#: A phrase has at most so many words; a text is read to this length.
_WORDS, _CHARACTERS = 3, 1000

#: The terms of a phrase: two spellings with the same terms are the same phrase.
Terms = tuple[int, ...]


class Phrases:
    """The phrases of some texts: up to three words without a stop word, wherever they are not cut apart.

    Words are terms of the encoder: what it does not index is a stop word, and forms with one stem are
    one word. A phrase is shown in the form that occurs most.
    """

    def __init__(self, texts: Sequence[str], encoder: SparseEncoder) -> None:
        self._encoder = encoder
        self._terms: dict[str, Terms] = {}
        self._forms: dict[Terms, Counter[str]] = {}
        self._held: list[frozenset[Terms]] = [frozenset(self._of(text[:_CHARACTERS])) for text in texts]
        self._spread = Counter(phrase for held in self._held for phrase in held)

    def salient(
        self, group: Collection[int], *, number: int, without: Collection[int] = ()
    ) -> list[tuple[str, Terms]]:
        """The `number` phrases that tell a group of texts from the rest, the best first; no two share a term.

        A phrase counts by its words, and by what its frequency says of the group (its part of the
        Kullback-Leibler divergence between the group and the rest). One whose terms are all in `without`
        says nothing new; one in a single text of a larger group is a detail.
        """
        inside = Counter(phrase for text in group for phrase in self._held[text])
        enough = 2 if len(group) > 2 else 1
        scored = [
            (self._salience(phrase, count, len(group)), phrase)
            for phrase, count in inside.items()
            if count >= enough and not set(phrase) <= set(without)
        ]
        if len(group) < len(self._held):
            scored = [entry for entry in scored if entry[0] > 0]
        scored.sort(key=lambda entry: (-entry[0], self._shown(entry[1])))
        chosen: list[Terms] = []
        used: set[int] = set()
        for _, phrase in scored:
            if len(chosen) == number:
                break
            if not used & set(phrase):
                chosen.append(phrase)
                used.update(phrase)
        return [(self._shown(phrase), phrase) for phrase in chosen]

    def _salience(self, phrase: Terms, count: int, size: int) -> float:
        inside = (count + 0.5) / (size + 1.0)
        rest = len(self._held) - size
        outside = (self._spread[phrase] - count + 0.5) / (rest + 1.0)
        return inside * log(inside / outside) * len(phrase)

    def _shown(self, phrase: Terms) -> str:
        forms = self._forms[phrase]
        return min(forms, key=lambda form: (-forms[form], form))

    def _of(self, text: str) -> Iterator[Terms]:
        for part in _BREAK.split(text):
            words = [match.group() for match in _WORD.finditer(part)]
            terms = [self._term(word) for word in words]
            for begin in range(len(words)):
                phrase: list[int] = []
                for end in range(begin, min(begin + _WORDS, len(words))):
                    if len(terms[end]) != 1:
                        break
                    phrase += terms[end]
                    if not (end == begin and words[end].isdigit()) and len(set(phrase)) == len(phrase):
                        key = tuple(phrase)
                        self._forms.setdefault(key, Counter())[" ".join(words[begin : end + 1])] += 1
                        yield key

    def _term(self, word: str) -> Terms:
        if word not in self._terms:
            self._terms[word] = self._encoder.query(word).indices
        return self._terms[word]
