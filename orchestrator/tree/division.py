"""Dividing a corpus from the top down: into topics that a model or a classification names, or by vectors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from orchestrator.ports.tree import TreeNode
from orchestrator.tree.balanced_clusters import balanced_clusters

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Topics over topics are at most so many levels; far more than a million passages need.
DEEPEST = 24


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """What clusters are made of: a node or a passage, its vector, and the numbers of the leaves beneath it.

    `total` is the sum of their vectors, `shown` the text that stands for them, `ids` those of all leaves.
    """

    name: str
    vector: NDArray[np.float32]
    total: NDArray[np.float32]
    leaves: tuple[int, ...]
    shown: str
    ids: Sequence[str] = ()
    node: TreeNode | None = None

    @property
    def passages(self) -> tuple[str, ...]:
        """The ids of the passages beneath."""
        return tuple(self.ids[number] for number in self.leaves)


@dataclass(frozen=True, slots=True)
class PlannedTopic:
    """A topic to be made: its title, or "" where its key terms name it, and what hangs on it."""

    title: str
    children: tuple[Planned, ...]


#: The number of a unit, or a topic.
Planned = int | PlannedTopic
#: Groups units into topics, each with a title and the numbers of its units; none where vectors are to divide.
Divide = Callable[[Sequence[Unit]], Awaitable[list[tuple[str, list[int]]]]]


class Division:
    """Divides units until no more than `at_most` hang on a node."""

    def __init__(self, units: Sequence[Unit], at_most: int, seed: int = 0) -> None:
        self._units = units
        self._at_most = at_most
        self._seed = seed

    async def divided(self, divide: Divide | None) -> list[Planned]:
        """What hangs on the root, as `divide` names topics, or by vectors."""
        return await self._divided(list(range(len(self._units))), divide, 0)

    def given(self, topics: Sequence[tuple[str, ...]]) -> list[Planned]:
        """What hangs on the root where each unit has its `topics`, from the widest on, or none."""
        return self._given(list(range(len(self._units))), topics, 0)

    async def _divided(self, rows: list[int], divide: Divide | None, depth: int) -> list[Planned]:
        if len(rows) <= self._at_most:
            return list(rows)
        groups: list[tuple[str, list[int]]] = []
        if divide is not None and depth < DEEPEST:
            groups = await divide([self._units[row] for row in rows])
        parts = [(title, [rows[at] for at in group]) for title, group in groups if group]
        # One topic that takes everything would be divided for ever.
        if len(parts) < 2:
            parts = [("", group) for group in self._split(rows)]
        found: list[Planned] = []
        for title, part in parts:
            inner = await self._divided(part, divide, depth + 1)
            found.extend(inner if len(inner) == 1 else [PlannedTopic(title, tuple(inner))])
        return found

    def _split(self, rows: Sequence[int]) -> list[list[int]]:
        """At most `at_most` parts of nearly one size, by vectors: as few levels as there can be."""
        import numpy as np

        at_most = self._at_most
        levels = 1
        while at_most**levels < len(rows):
            levels += 1
        share = -(-len(rows) // at_most)
        # A part may hold as much as its own levels have room for, but no more than twice its share.
        capacity = max(share, min(2 * share, at_most ** (levels - 1)))
        vectors = np.stack([self._units[row].vector for row in rows])
        groups = balanced_clusters(vectors, capacity, fill=share / capacity, seed=self._seed)
        return [[rows[at] for at in group] for group in groups]

    def _given(self, rows: list[int], topics: Sequence[tuple[str, ...]], depth: int) -> list[Planned]:
        named: dict[str, list[int]] = {}
        rest: list[int] = []
        for row in rows:
            if depth < len(topics[row]):
                named.setdefault(topics[row][depth], []).append(row)
            else:
                rest.append(row)
        others = self._bounded(rest)
        if not named:
            return others
        found: list[Planned] = []
        for title, part in sorted(named.items()):
            inner = self._given(part, topics, depth + 1)
            found.append(inner[0] if len(inner) == 1 else PlannedTopic(title, tuple(inner)))
        if len(found) + len(others) > self._at_most and len(others) > 1:
            others = [PlannedTopic("", tuple(others))]
        found.extend(others)
        while len(found) > self._at_most:
            # Too many topics for one slate: runs of them, by name.
            runs = -(-len(found) // self._at_most)
            bounds = [len(found) * run // runs for run in range(runs + 1)]
            found = [PlannedTopic("", tuple(found[start:end])) for start, end in pairwise(bounds)]
        return found

    def _bounded(self, rows: list[int]) -> list[Planned]:
        """The rows themselves where they are few, or else clusters of them, bounded in turn."""
        if len(rows) <= self._at_most:
            return list(rows)
        found: list[Planned] = []
        for group in self._split(rows):
            inner = self._bounded(group)
            found.extend(inner if len(inner) == 1 else [PlannedTopic("", tuple(inner))])
        return found
