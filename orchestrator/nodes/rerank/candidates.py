"""The candidates of a reranker, and the ranking that a strategy makes of them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from orchestrator.graph.run_context import Run
from orchestrator.nodes.rerank.prompts import Prompts
from orchestrator.nodes.rerank.reply_log import ReplyLog
from orchestrator.ports import Embedder, LanguageModel, ModelProfiles, Reasoning
from orchestrator.types import Hit, Hits

#: By how much less a hit scores than the one before it that is judged equal, so that they keep their order.
STEP = 1e-9


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage to be ranked: its text, cut to the token limit, and its retriever's score in [0, 1]."""

    id: str
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """What a strategy makes of its candidates: their numbers in `order`, the best first.

    `scores` are judgements of single candidates, where the strategy has them; a strategy that only orders
    has none. `dropped` are those that rank below the stop candidate.
    """

    order: tuple[int, ...]
    scores: Mapping[int, float] = field(default_factory=dict[int, float])
    dropped: frozenset[int] = frozenset()

    @classmethod
    def by_score(cls, scores: Sequence[float]) -> Ranking:
        """All candidates by falling score."""
        return cls(tuple(by_score(scores)), dict(enumerate(scores)))


@dataclass(slots=True)
class Task:
    """One question and its candidates, best first as the retriever has them.

    `behind` are candidates that follow these, whatever order they get; of all, `keep` are wanted.
    `prompts` words what a model is asked, which may think as `reasoning` allows before it answers. `replies`
    counts what came of it, and `unread` are candidates that kept the retriever's judgement.
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
    prompts: Prompts = field(default_factory=Prompts)
    reasoning: Reasoning = 0
    replies: ReplyLog = field(default_factory=ReplyLog)
    unread: set[int] = field(default_factory=set[int])

    def __len__(self) -> int:
        return len(self.candidates)

    def hits(self, ranking: Ranking) -> Hits:
        """What is wanted of a ranking, with the judge's scores; by rank, from 1 down, where it has none."""
        order = [number for number in permutation(ranking.order, len(self)) if number not in ranking.dropped]
        names = [*(self.candidates[number].id for number in order), *(one.id for one in self.behind)]
        judged = falling(order, ranking.scores, len(names))
        size = len(names)
        scores = judged or [(size - rank) / size for rank in range(size)]
        hits = (Hit(name, score, self.why) for name, score in zip(names, scores, strict=True))
        return Hits(tuple(hits)[: self.keep])

    def offer(self, ranking: Ranking) -> None:
        """Report the best ranking so far, to be used if the deadline passes."""
        self.run.offer(self.hits(ranking))

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


def falling(order: Sequence[int], scores: Mapping[int, float], size: int) -> list[float]:
    """Scores along an order, which fall with it; empty if none of the order is scored.

    Where the order is not that of the scores, since more was known, neighbours that contradict it get their
    mean (isotonic regression). Who has no score gets that of the one before. `size` may be larger than
    the order: what follows scores least.
    """
    import math

    known = [scores[number] for number in order if number in scores and math.isfinite(scores[number])]
    if not known:
        return []
    pools: list[tuple[float, int]] = []
    last = known[0]
    for number in order:
        value = scores.get(number, last)
        last = value if math.isfinite(value) else last
        mean, count = last, 1
        while pools and pools[-1][0] < mean:
            before, weight = pools.pop()
            mean, count = (before * weight + mean * count) / (weight + count), weight + count
        pools.append((mean, count))
    values = [mean for mean, count in pools for _ in range(count)]
    values += [min(known)] * (size - len(values))
    if all(one > other for one, other in pairwise(values)):
        return values
    # What is in [0, 1] stays in it.
    step = STEP * max(1.0, *map(abs, values))
    return [value * (1 - size * STEP) + (size - rank) * step for rank, value in enumerate(values)]


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
