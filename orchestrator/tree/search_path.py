"""The way that a search took through a tree: what it expanded in each round, and the scores that it saw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

#: Characters of the names of nodes in a trace, and entries of a slate: the rest is in the value itself.
_NAME, _ENTRIES = 12, 10


@dataclass(frozen=True, slots=True)
class ScoredSlate:
    """A node that was expanded in a round, and what was scored for it.

    `scores` are those of the slate's entries as they were given, None for an entry without one; the last
    `anchors` of them are of other nodes.
    """

    round: int
    node: str
    kind: Literal["topics", "leaves"]
    scores: tuple[tuple[str, float | None], ...]
    anchors: int = 0


@dataclass(frozen=True, slots=True)
class SeenNode:
    """A node or a passage (`leaf`) that a search has seen, below its parent.

    `latent` is its score on the scale of all slates, None where it has none; `relevance` its path relevance
    at the end.
    """

    id: str
    parent: str
    leaf: bool
    latent: float | None
    relevance: float


@dataclass(frozen=True, slots=True)
class SearchPath:
    """The way of one search through a tree, from its `root`.

    `seen` has the parents before their children. It holds ids and scores only: what a reader may not read
    any more is looked up as anything else is.
    """

    root: str
    slates: tuple[ScoredSlate, ...] = ()
    seen: tuple[SeenNode, ...] = ()

    @property
    def passages(self) -> tuple[str, ...]:
        """The passages that were seen."""
        return tuple(node.id for node in self.seen if node.leaf)

    @property
    def relevance(self) -> Mapping[str, float]:
        """The path relevance of all that was seen."""
        return {node.id: node.relevance for node in self.seen}

    def path(self, name: str) -> tuple[SeenNode, ...]:
        """The nodes from the root down to one that was seen; empty for another."""
        known = {node.id: node for node in self.seen}
        found: list[SeenNode] = []
        while name in known:
            found.append(known[name])
            name = known[name].parent
        return tuple(reversed(found))

    def trace(self) -> dict[str, Any]:
        """What was expanded in each round, and the best scores beneath it; ids of nodes are cut."""
        relevance = self.relevance

        def shown(slate: ScoredSlate) -> dict[str, Any]:
            leaf = slate.kind == "leaves"
            known = [(name, score) for name, score in slate.scores if score is not None]
            known.sort(key=lambda each: (-each[1], each[0]))
            best = {
                name if leaf else name[:_NAME]: [round(score, 3), round(relevance.get(name, 0.0), 3)]
                for name, score in known[:_ENTRIES]
            }
            return {
                "round": slate.round,
                "node": slate.node[:_NAME],
                "relevance": round(relevance.get(slate.node, 0.0), 3),
                slate.kind: best,
            }

        return {
            "seen": len(self.seen),
            "passages": len(self.passages),
            "slates": [shown(slate) for slate in self.slates],
        }
