"""Which documents a question names: by their titles, their files' names and their covers.

Reports and manuals that are alike differ by a name, a year or an edition, which often stands on the cover or
in the file's name and nowhere else. Each word that a question shares with the names of documents counts by
how few of them have it; a document's score is the part of this that its own names cover.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from orchestrator.text.languages import FUNCTION_WORDS

#: How much a word counts that stands on the cover only. It may say anything there.
ON_COVER = 0.7
#: Characters of a cover that are read.
COVER = 1_500
#: Initials of so many words may stand for a name.
_INITIALS = (3, 4, 5)
_WORD = re.compile(r"[^\W_]+")
_POSSESSIVE = re.compile(r"['’]s\b")
_BOUNDARY = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")
#: Marks of a year of two digits, as in FY18.
_YEARS = frozenset({"fy", "cy"})
#: A part of a word that is shorter says nothing by itself, as the k of 10k.
_SHORTEST_PART = 4


@dataclass(frozen=True, slots=True)
class Named:
    """What names a document: its title, the name of its file without folder and ending, and its cover."""

    title: str = ""
    file: str = ""
    cover: str = ""


class DocumentNames:
    """The names of some documents, to be told which of them a question names."""

    def __init__(self, documents: Sequence[Named]) -> None:
        self._held = [_weighed(document) for document in documents]
        self._spread = Counter(word for held in self._held for word in held)

    def scores(self, question: str) -> list[float]:
        """For each document, from 0 to 1, how much of the names in the question are its own."""
        weights = self._weights(question)
        whole = sum(weights.values())
        if not whole:
            return [0.0] * len(self._held)
        return [
            sum(weight * held.get(word, 0.0) for word, weight in weights.items()) / whole
            for held in self._held
        ]

    def named(self, question: str) -> dict[str, frozenset[int]]:
        """The words of a question that name documents, each with the positions of the documents."""
        return {
            word: frozenset(at for at, held in enumerate(self._held) if word in held)
            for word in self._weights(question)
        }

    def within(self, question: str) -> str:
        """The words of a question that are names of documents, as they are written there."""
        weights = self._weights(question)
        return " ".join(
            word for word in _written(question) if any(_stem(part) in weights for part in _words(word))
        )

    def _weights(self, question: str) -> dict[str, float]:
        """The words of a question that name a document, each with its inverse document frequency."""
        written = _written(question)
        found = name_words(question)
        # Best Buy is BESTBUY in the name of a file.
        found |= {
            _stem("".join(written[at : at + length]))
            for length in (2, 3)
            for at in range(len(written) - length + 1)
        }
        known = {word: math.log((len(self._held) + 1) / (self._spread[word] + 0.5)) for word in found}
        return {
            word: weight
            for word, weight in sorted(known.items())
            if self._spread[word] and (weight > 0 or len(self._held) == 1)
        }


def _weighed(document: Named) -> Mapping[str, float]:
    """The words that name a document, with their weights."""
    weights = {_stem(word): ON_COVER for word in _words(document.cover[:COVER])}
    for name in (document.title, document.file):
        weights |= {_stem(word): 1.0 for word in _words(name)}
        letters = [word for word in _written(name) if word.isalpha()]
        for length in _INITIALS:
            if len(letters) >= length:
                weights.setdefault("".join(word[0] for word in letters[:length]), 1.0)
    return weights


def name_words(text: str) -> set[str]:
    """The words of a text, as names have them."""
    return {_stem(word) for word in _words(text)}


def _written(text: str) -> list[str]:
    return _WORD.findall(_POSSESSIVE.sub("", text.casefold()))


def _words(text: str) -> list[str]:
    """The words of a text, and what those are made of that join letters and digits: FY2018, R4."""
    found: list[str] = []
    for word in _written(text):
        if word not in _function_words():
            found.append(word)
        parts = _BOUNDARY.split(word)
        for before, part in zip(["", *parts], parts, strict=False):
            whole = f"20{part}" if before in _YEARS and len(part) == 2 and part.isdigit() else part
            if len(parts) > 1 and len(whole) >= _SHORTEST_PART:
                found.append(whole)
    return found


def _stem(word: str) -> str:
    """A word without the s of its plural."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


@cache
def _function_words() -> frozenset[str]:
    return frozenset(word for listed in FUNCTION_WORDS.values() for word in listed.split())
