"""Rankers of facts: similarity, maximal marginal relevance with a growing penalty, and random as the control.

Source: KG-Rank (Yang et al., arXiv 2403.05881).
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from orchestrator.ports import Fact
from orchestrator.text.entity_names import folded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RankerName = Literal["similarity", "answer_expansion", "mmr", "rerank", "random"]
#: The penalty of what is like the facts chosen before: at first, and what each of them adds.
PENALTY, GROWTH = 0.1, 0.01
#: Words that a relation and its inverse differ by: "isa" and "inverse_isa", "part of" and "has part".
_DIRECTIONS = frozenset("inverse has have is are was were of by the a an".split())
_WORD = re.compile(r"[^\W_]+")


def by_similarity(question: NDArray[np.float32], facts: NDArray[np.float32], limit: int) -> list[int]:
    """Rows of `facts`, shape (n, dimensions), by falling cosine with the question, ties by row."""
    import numpy as np

    return np.argsort(-(facts @ question), kind="stable")[:limit].tolist()


def by_growing_mmr(question: NDArray[np.float32], facts: NDArray[np.float32], limit: int) -> list[int]:
    """Rows in the order chosen: first the most similar, then always the most of

    cos(q, t) − (.1 + .01 · |S|) · mean over S of cos(t, s), where S is what was chosen before: a mean, and a
    penalty that grows with S.
    """
    import numpy as np

    relevance = (facts @ question).astype(np.float64)
    likeness = np.zeros(len(facts))
    left = np.ones(len(facts), dtype=bool)
    chosen: list[int] = []
    while left.any() and len(chosen) < limit:
        penalty = (PENALTY + GROWTH * len(chosen)) * likeness / max(1, len(chosen))
        best = int(np.argmax(np.where(left, relevance - penalty, -np.inf)))
        left[best] = False
        chosen.append(best)
        likeness += facts @ facts[best]
    return chosen


def at_random(facts: Sequence[Fact], limit: int, *, seed: str) -> list[int]:
    """Rows in an order that depends on the facts and the seed alone."""
    content = hashlib.sha256("\n".join((seed, *(fact.id for fact in facts))).encode())
    rows = list(range(len(facts)))
    random.Random(content.digest()).shuffle(rows)  # noqa: S311
    return rows[:limit]


def distinct(facts: Iterable[Fact]) -> list[Fact]:
    """The facts without those that say the same of the same two entities, if only the other way round.

    Of several, the first stays. Facts with other dates say something else.
    """
    seen: set[tuple[object, ...]] = set()
    kept: list[Fact] = []
    for fact in facts:
        words = frozenset(_WORD.findall(fact.relation.casefold())) - _DIRECTIONS
        relation = " ".join(sorted(words)) or folded(fact.relation)
        ends = frozenset((fact.head, fact.tail))
        key = (ends, relation, fact.valid_from, fact.valid_until)
        if key not in seen:
            seen.add(key)
            kept.append(fact)
    return kept
