"""The words of a tree's passages, for the key terms of its nodes: what they say and the others do not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from orchestrator.text.languages import FUNCTION_WORDS
from orchestrator.text.words import words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: The beginning of a passage that its words are taken from.
READ = 4_000


class Vocabulary:
    """Which words each of some texts has. Words of one letter, numbers and function words are left out."""

    def __init__(self, texts: Iterable[str]) -> None:
        import numpy as np

        self._numbers: dict[str, int] = {}
        self._held: list[NDArray[np.int32]] = [
            np.array(sorted({self._number(word) for word in content_words(text[:READ])}), dtype=np.int32)
            for text in texts
        ]
        self._words = list(self._numbers)
        together = np.concatenate(self._held) if self._held else np.zeros(0, dtype=np.int32)
        self._spread = np.bincount(together, minlength=len(self._words))

    def salient(self, texts: Sequence[int], number: int) -> tuple[str, ...]:
        """The `number` words that tell these texts best from all others, the best first.

        A word counts by its part of the Kullback-Leibler divergence between these texts and the rest, and
        must be in two of them if there are three.
        """
        import numpy as np

        if not len(texts):
            return ()
        found, counts = np.unique(np.concatenate([self._held[text] for text in texts]), return_counts=True)
        enough = counts >= (2 if len(texts) > 2 else 1)
        found, counts = found[enough], counts[enough]
        inside = (counts + 0.5) / (len(texts) + 1.0)
        rest = len(self._held) - len(texts)
        outside = (self._spread[found] - counts + 0.5) / (rest + 1.0)
        # Where there is nothing else, what most of them say.
        weight = inside * np.log(inside / outside) if rest else inside
        named = [(-float(value), self._words[int(word)]) for value, word in zip(weight, found, strict=True)]
        return tuple(word for value, word in sorted(named)[:number] if value < 0)

    def _number(self, word: str) -> int:
        return self._numbers.setdefault(word, len(self._numbers))


def content_words(text: str) -> list[str]:
    """The words of a text that say what it is about, in lower case."""
    return [
        word
        for word in map(str.casefold, words(text))
        if len(word) > 1 and not word.isdigit() and word not in _function_words()
    ]


@cache
def _function_words() -> frozenset[str]:
    return frozenset(word for listed in FUNCTION_WORDS.values() for word in listed.split())
