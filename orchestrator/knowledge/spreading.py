"""Spreading activation over mentions: passages give a share of their score to the documents they name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

#: Edges that a trace keeps.
_TRACED = 20


@dataclass(frozen=True, slots=True)
class MentionEdge:
    """A step of a walk: a passage names a document, and its first passage was fetched for it.

    `source` is the id of the naming passage, or "" where the question itself names the document. `hop` counts
    from 0 for the question's, `score` is what the target was given.
    """

    source: str
    target: str
    name: str
    hop: int
    score: float


@dataclass(frozen=True, slots=True)
class MentionPaths:
    """The edges of a walk that brought a passage its score, in the order in which they were walked."""

    #: No node has to read it.
    record: ClassVar[bool] = True

    edges: tuple[MentionEdge, ...] = ()

    def __len__(self) -> int:
        return len(self.edges)

    @property
    def passages(self) -> tuple[str, ...]:
        """The passages at both ends, each once."""
        both = (one for edge in self.edges for one in (edge.source, edge.target) if one)
        return tuple(dict.fromkeys(both))

    def trace(self) -> dict[str, Any]:
        """How many, and the first ones by their ids."""
        first = [[edge.source, edge.target, edge.hop, round(edge.score, 4)] for edge in self.edges[:_TRACED]]
        return {"edges": len(self), "first": first}


@dataclass(slots=True)
class Spreading:
    """Scores that rise while a walk goes on: those of a ranking, as shares of its best, and what is given.

    What a passage is given by several others is the most that one of them gives: ten passages that name a
    country do not make it more to the point than one.
    """

    own: Mapping[str, float]
    asked: dict[str, MentionEdge] = field(default_factory=dict[str, MentionEdge])
    given: dict[str, MentionEdge] = field(default_factory=dict[str, MentionEdge])

    def name_in_question(self, targets: Iterable[tuple[str, str]], share: float) -> None:
        """Passages of documents that the question names, with the name: each is given the whole share."""
        for name, target in targets:
            self.asked.setdefault(target, MentionEdge("", target, name, 0, share))

    def step(self, edges: Iterable[MentionEdge]) -> set[str]:
        """Give along these edges; the passages whose score rose by it."""
        risen: set[str] = set()
        for edge in sorted(edges, key=lambda edge: (-edge.score, edge.source, edge.target)):
            before = self.given.get(edge.target)
            if edge.score > 0 and (before is None or edge.score > before.score):
                self.given[edge.target] = edge
                risen.add(edge.target)
        return risen

    def score(self, passage: str) -> float:
        """The score of a passage now."""
        return max(0.0, self.own.get(passage, 0.0)) + self.gain(passage)

    def gain(self, passage: str) -> float:
        """What a passage was given."""
        return sum(edges[passage].score for edges in (self.asked, self.given) if passage in edges)

    def front(self, among: Iterable[str], most: int) -> list[str]:
        """The best of these passages."""
        scored = ((self.score(one), one) for one in among)
        best = sorted((pair for pair in scored if pair[0] > 0), key=lambda pair: (-pair[0], pair[1]))
        return [passage for _, passage in best[:most]]

    @property
    def raised(self) -> list[str]:
        """The passages that were given something."""
        return sorted({*self.asked, *self.given})

    @property
    def paths(self) -> MentionPaths:
        """The edges that count."""
        edges = (*self.asked.values(), *self.given.values())
        return MentionPaths(tuple(sorted(edges, key=lambda edge: (edge.hop, -edge.score, edge.target))))
