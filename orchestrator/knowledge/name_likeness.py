"""Likeness of names: whether two may be spellings of one name, word by word.

What tells things apart is not a matter of degree: another number ("Henry VII" and "Henry VIII"), or a word
that the other name has nothing like ("North Carolina" and "South Carolina").
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from orchestrator.knowledge.minhash import jaccard, trigrams

_ROMAN = re.compile(r"(?=[ivxlc])(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})")
#: How alike two words must be, by Jaccard similarity of trigrams, to be spellings of one.
_WORD = 0.4
#: Letters of the shortest word that may be spelled in another way: "Mary" and "Mark" are two names.
_SHORTEST = 5


def likeness(left: str, right: str) -> float:
    """How alike two folded names are, 0–1: 0 if a word or a number tells them apart.

    1 for names of the same words in another order, and for those that differ by spaces or accents alone.
    """
    left, right = _bare(left), _bare(right)
    mine, theirs = left.split(), right.split()
    if sorted(mine) == sorted(theirs) or "".join(mine) == "".join(theirs):
        return 1.0
    if _numbers(mine) != _numbers(theirs) or not _aligned(mine, theirs):
        return 0.0
    return jaccard(trigrams(left), trigrams(right))


def _bare(name: str) -> str:
    """Without accents, which sources leave out."""
    return "".join(mark for mark in unicodedata.normalize("NFKD", name) if not unicodedata.combining(mark))


def _numbers(words: Sequence[str]) -> list[str]:
    return sorted(word for word in words if any(map(str.isdigit, word)) or _ROMAN.fullmatch(word))


def _aligned(mine: Sequence[str], theirs: Sequence[str]) -> bool:
    """Whether every word of the shorter name is one of the longer, or may be, and few are left over."""
    short, long = sorted((list(mine), list(theirs)), key=len)
    left = list(long)
    for word in short:
        other = next((each for each in left if _may_be(word, each)), None)
        if other is None:
            return False
        left.remove(other)
    # Initials may be missing; a whole word says something.
    return all(len(word) == 1 for word in left)


def _may_be(word: str, other: str) -> bool:
    if word == other or (word[:1] == other[:1] and 1 in (len(word), len(other))):
        return True
    return min(len(word), len(other)) >= _SHORTEST and jaccard(trigrams(word), trigrams(other)) >= _WORD
