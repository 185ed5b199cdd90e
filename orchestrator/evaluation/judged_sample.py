"""The judged sample: eight questions with six graded passages each, on which a model's rankings are tried.

It is shipped with the library, written for it, and so small that a model on a laptop reads it in minutes. In
the order that it gives, which passes for a retriever's, the rankings are about as good as chance.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_name("judged_sample.json")
#: Ranks that count: what a reader of an answer gets to see.
DEPTH = 3


@dataclass(frozen=True, slots=True)
class JudgedQuestion:
    """A question, its passages as retrieved, and their grades: 2 answers it, 1 is related, 0 is not."""

    text: str
    passages: tuple[str, ...]
    grades: tuple[int, ...]

    def ndcg(self, order: Sequence[int]) -> float:
        """nDCG@3 of an order of passage numbers, best first, with the grades as gains."""
        return self._dcg([self.grades[number] for number in order]) / self._ideal

    @property
    def chance(self) -> float:
        """The nDCG@3 that is expected of a random order."""
        mean = sum(self.grades) / len(self.grades)
        return self._dcg([mean] * len(self.grades)) / self._ideal

    @property
    def given(self) -> float:
        """The nDCG@3 of the passages in the order that is given."""
        return self.ndcg(range(len(self.passages)))

    @property
    def _ideal(self) -> float:
        return self._dcg(sorted(self.grades, reverse=True))

    @staticmethod
    def _dcg(gains: Sequence[float]) -> float:
        return math.fsum(gain / math.log2(rank + 2) for rank, gain in enumerate(gains[:DEPTH]))


def judged_sample() -> tuple[JudgedQuestion, ...]:
    """The questions."""
    rows: list[dict[str, Any]] = json.loads(_FILE.read_text(encoding="utf-8"))
    return tuple(
        JudgedQuestion(
            row["question"],
            tuple(passage["text"] for passage in row["passages"]),
            tuple(passage["grade"] for passage in row["passages"]),
        )
        for row in rows
    )
