"""The content words of a question, by how they begin: director, directed and direction are related."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.ports import SparseEncoder

#: Letters at the beginning of words that are related. Stems would keep them apart.
_BEGINNING = 5


def asked_words(words: Iterable[str], encoder: SparseEncoder) -> frozenset[str]:
    """How the content words of a question begin."""
    return frozenset(_beginning(word) for word in words if _says(word) and encoder.query(word).indices)


def are_asked(words: Iterable[str], asked: frozenset[str]) -> bool:
    """Whether one of these words is related to one of the question."""
    return any(_says(word) and _beginning(word) in asked for word in words)


def _says(word: str) -> bool:
    return len(word) >= _BEGINNING - 1


def _beginning(word: str) -> str:
    return word.casefold()[:_BEGINNING]
