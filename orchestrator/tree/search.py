"""Search of a tree from the root down, best first, by slates that something scores (LATTICE, algorithm 1).

A `TreeWalk` is the state of one search. It asks for nothing and awaits nothing: it says what is to be
expanded next and which slates are to be scored, takes the scores, and has a ranking at any time.
Source: arXiv 2510.13217.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from orchestrator.ports.tree import TreeNode
from orchestrator.tree.anchors import LeafAnchors, leaf_anchors
from orchestrator.tree.latent_scores import Solver, latent_scores, posterior_scores
from orchestrator.tree.search_path import ScoredSlate, SearchPath, SeenNode

#: Below this, the released code takes the score of an entry for its path relevance.
_LOW = 0.09
#: What a parent's relevance, what a leaf was found with, and being a leaf are worth until scores tell.
_SLOPES = (0.5, 0.5, 0.0)
#: What leaves are ranked by.
RankedBy = Literal["posterior", "path"]


@dataclass(frozen=True, slots=True)
class WalkSettings:
    """How a tree is searched: in each round the `beam` nodes of the highest path relevance are expanded.

    `alpha` is the share of the parent in path relevance; `anchors` leaves are shown beside leaves, and
    `sibling` says whether the best sibling is shown beside inner nodes. `solver` brings slates to one scale.
    `ranking` of leaves is by path relevance, or, with the solver `effects`, by what is expected of a leaf by
    its scores, its parent's relevance and what it was found with (`posterior`).

    With `again`, path relevance is computed anew for all after each round, where the paper leaves what is not
    in its slates. `patience` rounds in which nothing new comes among the first `stable` end the search; 0
    never does. `seed_weight` is the share of what a leaf was found with, before the search, in its final
    score. The other settings are those of the released code: `raw_frontier` orders the frontier by scores
    that are not calibrated, `low_alone` does without the parent where a score is low.
    """

    beam: int = 2
    alpha: float = 0.5
    anchors: int = 10
    sibling: bool = True
    solver: Solver = "effects"
    ranking: RankedBy = "path"
    leaf_anchors: LeafAnchors = "softmax"
    again: bool = True
    patience: int = 0
    stable: int = 10
    seed: int = 0
    seed_weight: float = 0.0
    raw_frontier: bool = False
    low_alone: bool = False


@dataclass(frozen=True, slots=True)
class Slate:
    """What is scored in one call: children of `node` that are all inner nodes, or all leaves, and anchors."""

    node: str
    kind: Literal["topics", "leaves"]
    children: tuple[str, ...]
    anchors: tuple[str, ...] = ()

    @property
    def entries(self) -> tuple[str, ...]:
        """The children, then the anchors."""
        return (*self.children, *self.anchors)


@dataclass(slots=True)
class _Entry:
    """An inner node or a leaf that was seen: its parent, its relevance, and what it was found with."""

    number: int
    parent: str
    leaf: bool
    relevance: float = 0.0
    raw: float | None = None
    latent: float | None = None
    likely: float | None = None
    expected: float = 0.5
    found: float | None = None


@dataclass(slots=True)
class TreeWalk:
    """The state of one search, from the root on.

    `rounds`, `calls` and `shown` count what was expanded, the slates that were scored, and their entries;
    `judged` leaves have a score. `absolute` says that scores do not depend on what else a slate shows.
    """

    root: str
    settings: WalkSettings = field(default_factory=WalkSettings)
    absolute: bool = False
    rounds: int = 0
    calls: int = 0
    shown: int = 0
    quiet: int = 0
    _entries: dict[str, _Entry] = field(default_factory=dict[str, _Entry])
    _frontier: dict[str, float] = field(default_factory=dict[str, float])
    _expanded: set[str] = field(default_factory=set[str])
    _scored: list[dict[int, float]] = field(default_factory=list[dict[int, float]])
    _children: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    _before: frozenset[str] = frozenset()
    _shown: list[ScoredSlate] = field(default_factory=list[ScoredSlate])

    def __post_init__(self) -> None:
        self._entries[self.root] = _Entry(0, "", leaf=False, relevance=1.0, latent=1.0)
        self._frontier[self.root] = 1.0

    # -- seeds ------------------------------------------------------------------------------------

    def seed(self, leaf: str, path: Sequence[str], score: float) -> None:
        """A leaf that was found before, with a score in [0, 1], and the nodes above it, from the root down.

        It is part of every ranking from now on, and the node it hangs on is in the frontier.
        """
        for above, below in pairwise(path):
            inner = self._see(below, above, leaf=False)
            if inner.raw is None:
                inner.relevance = max(inner.relevance, score)
        entry = self._see(leaf, path[-1] if path else self.root, leaf=True)
        entry.found = max(score, entry.found or 0.0)
        entry.relevance = max(entry.relevance, score)
        if path and path[-1] not in self._expanded:
            # The node is as promising as what was found below it, and no more than the root.
            self._frontier[path[-1]] = max(self._frontier.get(path[-1], 0.0), score)

    # -- a round ----------------------------------------------------------------------------------

    def beam(self, size: int = 0) -> list[str]:
        """The nodes to be expanded next; none where the search is at its end. Or `size` of them."""
        if self.settings.patience and self.quiet >= self.settings.patience:
            return []
        order = sorted(self._frontier, key=lambda name: (-self._frontier[name], name))
        return order[: size or self.settings.beam]

    def forget(self, nodes: Sequence[str]) -> None:
        """Leave out nodes that are no longer there, or may not be read."""
        for name in nodes:
            self._frontier.pop(name, None)
            self._expanded.add(name)

    def slates(self, nodes: Sequence[TreeNode]) -> list[Slate]:
        """What is to be scored to expand these nodes: a slate of the inner nodes, and one of the leaves."""
        found: list[Slate] = []
        for node in nodes:
            self._children[node.id] = node.children
            for child in node.children:
                self._see(child, node.id, leaf=False)
            for passage in node.passages:
                self._see(passage, node.id, leaf=True)
            if node.children:
                found.append(Slate(node.id, "topics", node.children, self._sibling(node.id)))
            if node.passages:
                found.append(Slate(node.id, "leaves", node.passages, self._leaves(node)))
        return found

    def take(
        self, nodes: Sequence[TreeNode], slates: Sequence[Slate], scores: Sequence[Mapping[str, float]]
    ) -> None:
        """The scores of a round's slates, in [0, 1]; entries of another slate are left out.

        Nodes of which no slate has a score are expanded all the same: their children have what their parent
        has.
        """
        touched: list[str] = []
        for slate, given in zip(slates, scores, strict=True):
            entries = [name for name in slate.entries if name in given]
            told = tuple((name, given.get(name)) for name in slate.entries)
            self._shown.append(ScoredSlate(self.rounds, slate.node, slate.kind, told, len(slate.anchors)))
            self.calls += 1
            self.shown += len(slate.entries)
            self._scored.append({self._entries[name].number: given[name] for name in entries})
            for name in entries:
                self._entries[name].raw = given[name]
            # What was left out is as low as the lowest of its slate.
            lowest = min((given[name] for name in entries), default=None)
            for name in slate.children:
                entry = self._entries[name]
                entry.expected = self._entries[slate.node].relevance
                if name not in given:
                    entry.raw = lowest if entry.raw is None else entry.raw
            touched.extend(slate.entries)
        for node in nodes:
            self._expanded.add(node.id)
            self._frontier.pop(node.id, None)
            if self.absolute and node.id == self.root:
                # Scores that are no judgements have no top of their scale: a root of 1 would favour what is
                # near it.
                known = [score for given in scores for score in given.values()]
                self._entries[self.root].relevance = max(known, default=1.0)
        self._solve()
        self._relate(dict.fromkeys(touched))
        self.rounds += 1
        now = self.ranking()[: self.settings.stable]
        names = frozenset(name for name, _ in now)
        full = len(names) == self.settings.stable
        self.quiet = self.quiet + 1 if full and names == self._before else 0
        self._before = names

    # -- results ----------------------------------------------------------------------------------

    def ranking(self) -> list[tuple[str, float]]:
        """All leaves that were scored or found before, with their relevance, the best first."""
        found = [
            (name, self._final(entry))
            for name, entry in self._entries.items()
            if entry.leaf and (entry.found is not None or entry.parent in self._expanded)
        ]
        return sorted(found, key=lambda each: (-each[1], each[0]))

    def _final(self, entry: _Entry) -> float:
        weight = self.settings.seed_weight
        own = entry.relevance if entry.likely is None else entry.likely
        return (1 - weight) * own + weight * (entry.found or 0.0)

    def judged(self) -> int:
        """Leaves that have a score."""
        return sum(entry.leaf and entry.raw is not None for entry in self._entries.values())

    def path(self) -> SearchPath:
        """The way that the search took, with the scores of all that it saw."""
        seen = (
            SeenNode(
                name,
                entry.parent,
                entry.leaf,
                entry.latent,
                self._final(entry) if entry.leaf else entry.relevance,
            )
            for name, entry in self._entries.items()
        )
        return SearchPath(self.root, tuple(self._shown), tuple(seen))

    def scores(self) -> dict[str, tuple[float | None, float]]:
        """Of all that was seen: the latent score, if there is one, and the relevance."""
        return {name: (entry.latent, entry.relevance) for name, entry in self._entries.items()}

    # -- parts ------------------------------------------------------------------------------------

    def _see(self, name: str, parent: str, *, leaf: bool) -> _Entry:
        if name not in self._entries:
            self._entries[name] = _Entry(len(self._entries), parent, leaf)
        return self._entries[name]

    def _sibling(self, name: str) -> tuple[str, ...]:
        """The sibling with the highest score, if one has any."""
        if not self.settings.sibling:
            return ()
        parent = self._entries[name].parent
        others = [
            (-(self._entries[each].latent or 0.0), each)
            for each in self._children.get(parent, ())
            if each != name and self._entries[each].latent is not None
        ]
        return (min(others)[1],) if others else ()

    def _leaves(self, node: TreeNode) -> tuple[str, ...]:
        if not self.settings.anchors:
            return ()
        own = set(node.passages)
        known = {
            name: entry.relevance
            for name, entry in self._entries.items()
            if entry.leaf and entry.raw is not None and name not in own
        }
        seed = f"{self.settings.seed}/{self.rounds}/{node.id}"
        return leaf_anchors(known, self.settings.anchors, seed, self.settings.leaf_anchors)

    def _solve(self) -> None:
        """Latent scores of all that was scored."""
        names = list(self._entries)
        if self.absolute:
            for entry in self._entries.values():
                entry.latent = entry.raw if entry.parent else 1.0
            return
        if self.settings.solver == "effects" and self.settings.ranking == "posterior":
            self._expect()
            return
        prior = [self._entries[name].expected for name in names]
        values = latent_scores(self._scored, len(names), self.settings.solver, prior)
        for name, value in zip(names, values, strict=True):
            entry = self._entries[name]
            if entry.parent:
                entry.latent = entry.raw if value != value else float(value)

    def _expect(self) -> None:
        """Latent scores, and what is expected of each leaf by all that is known of it."""
        entries = list(self._entries.values())
        known = [
            (self._entries[entry.parent].relevance, entry.found or 0.0, float(entry.leaf))
            if entry.parent
            else (1.0, 0.0, 0.0)
            for entry in entries
        ]
        values, likely = posterior_scores(self._scored, len(entries), known, _SLOPES)
        judged = any(entry.leaf and entry.raw is not None for entry in entries)
        for entry, value, expected in zip(entries, values, likely, strict=True):
            if entry.parent:
                entry.latent = entry.raw if value != value else float(value)
                # Before any leaf was judged, what was found keeps its order.
                entry.likely = min(1.0, max(0.0, round(float(expected), 9))) if judged else None

    def _relate(self, touched: Mapping[str, None]) -> None:
        """Path relevance, of all or of what the round's slates showed; and the frontier's order."""
        again = self.settings.again
        # Parents were seen before their children.
        for name, entry in self._entries.items():
            if entry.parent and entry.latent is not None and (again or name in touched):
                # What differs by the rounding of a solver only is equal, and told apart by id.
                entry.relevance = round(self._joined(entry, entry.latent), 9)
        for name, entry in self._entries.items():
            if entry.leaf or name in self._expanded or not entry.parent:
                continue
            if entry.raw is not None and (again or name in touched):
                raw = self.settings.raw_frontier
                if raw and name in self._frontier:
                    continue
                self._frontier[name] = self._joined(entry, entry.raw) if raw else entry.relevance
            elif entry.raw is None and entry.parent in self._expanded:
                entry.relevance = self._entries[entry.parent].relevance
                self._frontier.setdefault(name, entry.relevance)
        self._level_seeds()

    def _joined(self, entry: _Entry, score: float) -> float:
        if self.settings.low_alone and score <= _LOW:
            return score
        return self.settings.alpha * self._entries[entry.parent].relevance + (1 - self.settings.alpha) * score

    def _level_seeds(self) -> None:
        """Leaves that were found before and have no score yet: on the line through those that have one.

        Until three have, they keep what they were found with.
        """
        import numpy as np

        seeds = [entry for entry in self._entries.values() if entry.leaf and entry.found is not None]
        both = [(entry.found or 0.0, entry.relevance) for entry in seeds if entry.raw is not None]
        if len(both) < 3:
            return
        found, relevance = np.array([each[0] for each in both]), np.array([each[1] for each in both])
        middle, level, spread = float(found.mean()), float(relevance.mean()), float(found.var())
        slope = 0.0
        if spread > 1e-9:
            slope = max(0.0, float(((found - middle) * (relevance - level)).mean()) / spread)
        for entry in seeds:
            if entry.raw is None:
                expected = level + slope * ((entry.found or 0.0) - middle)
                entry.relevance = min(1.0, max(0.0, expected))
