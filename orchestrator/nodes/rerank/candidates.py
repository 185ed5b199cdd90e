"""The candidates of a reranker; every strategy returns a permutation of them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from orchestrator.graph.run_context import Run
from orchestrator.ports import Embedder, LanguageModel, ModelProfiles
from orchestrator.types import Hit, Hits


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage to be ranked: its text, cut to the token limit, and its retriever's score in [0, 1]."""

    id: str
    text: str
    score: float


@dataclass(slots=True)
class Task:
    """One question and its candidates, best first as the retriever has them.

    `behind` are candidates that follow these, whatever order they get; of all, `keep` are wanted.
    `repairs` counts outputs that could not be read as they were asked for, and `unread` candidates
    that kept the retriever's judgement because of it.
    """

    question: str
    candidates: tuple[Candidate, ...]
    model: LanguageModel
    embedder: Embedder
    run: Run
    seed: int = 0
    keep: int | None = None
    why: str = ""
    behind: tuple[Candidate, ...] = ()
    profiles: ModelProfiles | None = None
    repairs: int = 0
    unread: set[int] = field(default_factory=set[int])

    def __len__(self) -> int:
        return len(self.candidates)

    def hits(self, order: Sequence[int]) -> Hits:
        """What is wanted of an order, scored by rank among all: 1 for the first, falling to above 0."""
        everyone = [*(self.candidates[number].id for number in order), *(one.id for one in self.behind)]
        size = len(everyone)
        ranked = (Hit(one, (size - rank) / size, self.why) for rank, one in enumerate(everyone))
        return Hits(tuple(ranked)[: self.keep])

    def offer(self, order: Sequence[int]) -> None:
        """Report the best order so far, to be used if the deadline passes."""
        self.run.offer(self.hits(order))

    def shuffled(self, repeat: int) -> list[int]:
        """Candidate numbers in an order that depends on nothing but the seed and the repeat."""
        order = list(range(len(self.candidates)))
        random.Random(f"{self.seed}/{repeat}").shuffle(order)  # noqa: S311
        return order


def permutation(order: Iterable[int], size: int) -> list[int]:
    """`order` made a permutation of range(size): strangers and repeats dropped, what lacks appended.

    What lacks keeps the order in which it was given, so that an empty output changes nothing.
    """
    kept = list(dict.fromkeys(number for number in order if 0 <= number < size))
    named = set(kept)
    return kept + [number for number in range(size) if number not in named]


def by_score(scores: Sequence[float]) -> list[int]:
    """Numbers by falling score; ties keep the order in which they were given."""
    return sorted(range(len(scores)), key=lambda number: (-scores[number], number))


def even_groups(order: Sequence[int], size: int) -> list[list[int]]:
    """Cut an order into ⌈N/size⌉ groups whose sizes differ by at most one; none is left out."""
    count = -(-len(order) // size)
    short, longer = divmod(len(order), count) if count else (0, 0)
    groups: list[list[int]] = []
    start = 0
    for number in range(count):
        end = start + short + (1 if number < longer else 0)
        groups.append(list(order[start:end]))
        start = end
    return groups


def normalised(scores: Sequence[float]) -> list[float]:
    """Scores moved to [0, 1]; all alike become 0.5."""
    low, high = min(scores, default=0.0), max(scores, default=0.0)
    if high <= low:
        return [0.5] * len(scores)
    return [(score - low) / (high - low) for score in scores]
