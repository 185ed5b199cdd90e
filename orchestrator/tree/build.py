"""Building a tree: structure first, then clusters, from the passages up or from the corpus down.

Sources: LATTICE (arXiv 2510.13217), algorithms 2 and 4. Clusters are made of vectors alone; a language model
only writes summaries and, from the top down, names topics (`orchestrator.tree.topics`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, MutableMapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Literal, Protocol, TypeVar, cast

from orchestrator.errors import BadInput
from orchestrator.ports.tree import Tree, TreeNode, TreeNodeKind, content_hash
from orchestrator.progress import Progress, silent
from orchestrator.tree.balanced_clusters import balanced_clusters
from orchestrator.tree.division import DEEPEST, Divide, Division, Planned, PlannedTopic, Unit
from orchestrator.tree.leaf import Leaf
from orchestrator.tree.spread import effective_dimensions
from orchestrator.tree.structure import Branch, document_branch
from orchestrator.tree.summaries import TERMS, Summaries, Summarised
from orchestrator.tree.vocabulary import Vocabulary

T = TypeVar("T")
Method = Literal["auto", "bottom_up", "top_down", "given"]
#: Nodes after which progress is told.
BATCH = 256
#: Summaries that are asked for at once.
AT_ONCE = 8


class Memo(Protocol):
    """Keeps what was written, by the hash of what it was written from, so that nothing is written twice.

    `passages` are those that it is of: it goes with any of them.
    """

    async def get(self, key: str) -> str | None: ...

    async def put(self, key: str, text: str, passages: Sequence[str]) -> None: ...


@dataclass(frozen=True)
class KeptInMemory:
    """A memo that ends with the process."""

    texts: MutableMapping[str, str]

    async def get(self, key: str) -> str | None:
        """What was kept."""
        return self.texts.get(key)

    async def put(self, key: str, text: str, passages: Sequence[str]) -> None:
        """Keep it."""
        self.texts[key] = text


@dataclass(frozen=True, slots=True)
class TreeSettings:
    """How a tree is made: at most `at_most` children a node, by `method`; `seed` is that of the clusters.

    `auto` builds from the passages up where they share documents, since these are its first groups, and from
    the corpus down where each is its own. `given` takes the topics of the leaves.
    """

    method: Method = "auto"
    at_most: int = 12
    seed: int = 0

    def __post_init__(self) -> None:
        if self.at_most < 2:
            raise BadInput(
                f"A node of a tree has two children or more, and at_most is {self.at_most}.",
                hint="Give at_most=12, or another number from 2 on.",
            )


def chosen_method(leaves: Sequence[Leaf], method: Method) -> Method:
    """What `auto` stands for: from the passages up where most of them share a document with another."""
    if method != "auto":
        return method
    sizes: dict[str, int] = {}
    for leaf in leaves:
        sizes[leaf.document] = sizes.get(leaf.document, 0) + 1
    sharing = sum(size for size in sizes.values() if size > 1)
    return "bottom_up" if 2 * sharing > len(leaves) else "top_down"


async def build_tree(
    leaves: Sequence[Leaf],
    summaries: Summaries,
    settings: TreeSettings | None = None,
    *,
    divide: Divide | None = None,
    memo: Memo | None = None,
    progress: Progress = silent,
) -> Tree:
    """The tree of some passages. The same passages and settings give the same tree, whatever their order.

    `divide` names topics from the top down; without it, vectors alone divide. `memo` keeps what is written,
    so that a build that was stopped writes nothing twice.
    """
    chosen = settings or TreeSettings()
    ordered = sorted(leaves, key=lambda leaf: (leaf.document, leaf.position, leaf.id))
    if len({leaf.id for leaf in ordered}) < len(ordered):
        raise BadInput("Two leaves of a tree have one id.", hint="Give each passage once.")
    building = _Building(ordered, summaries, chosen, memo or KeptInMemory({}), progress)
    return await building.tree(divide)


async def build_documents(
    leaves: Sequence[Leaf], summaries: Summaries, settings: TreeSettings, *, memo: Memo | None = None
) -> tuple[list[Unit], dict[str, TreeNode]]:
    """A unit for each document of some leaves, and the nodes of their structure: to be put into a tree."""
    ordered = sorted(leaves, key=lambda leaf: (leaf.document, leaf.position, leaf.id))
    building = _Building(ordered, summaries, settings, memo or KeptInMemory({}), silent)
    return await building.documents(), building.nodes


class _Building:
    """One tree in the making."""

    def __init__(
        self,
        leaves: list[Leaf],
        summaries: Summaries,
        settings: TreeSettings,
        memo: Memo,
        progress: Progress,
    ) -> None:
        self.leaves = leaves
        self.summaries = summaries
        self.settings = settings
        self.memo = memo
        self.progress = progress
        self.nodes: dict[str, TreeNode] = {}
        self.ids = tuple(leaf.id for leaf in leaves)
        self.numbers = {name: number for number, name in enumerate(self.ids)}
        self.limit = asyncio.Semaphore(AT_ONCE)
        self.vocabulary = Vocabulary(leaf.shown for leaf in leaves)

    async def tree(self, divide: Divide | None) -> Tree:
        method = chosen_method(self.leaves, self.settings.method)
        units = await self.documents()
        if method == "bottom_up":
            top = await self._upward(units)
        else:
            top = await self._downward(units, method, divide)
        root = await self._root(top)
        return Tree(root.id, self.nodes, method, effective_dimensions([leaf.vector for leaf in self.leaves]))

    # -- documents --------------------------------------------------------------------------------

    async def documents(self) -> list[Unit]:
        """A unit for each document, with the nodes of its structure."""
        groups = [list(group) for _, group in groupby(self.leaves, key=lambda leaf: leaf.document)]
        branches = [document_branch(group, self.settings.at_most) for group in groups]
        inner = [branch for branch in branches if isinstance(branch, Branch)]
        made = iter(await self._branches(inner))
        return [self._leaf_unit(each) if isinstance(each, Leaf) else next(made) for each in branches]

    async def _branches(self, branches: Sequence[Branch]) -> list[Unit]:
        """Units of branches: those of the same height are summarised together, the lowest first."""
        made: dict[int, Unit] = {}
        heights: dict[int, list[Branch]] = {}

        def height(branch: Branch) -> int:
            own = 1 + max((height(each) for each in branch.branches), default=0)
            heights.setdefault(own, []).append(branch)
            return own

        for branch in branches:
            height(branch)
        for level in sorted(heights):
            wanted: list[tuple[TreeNodeKind, str, list[Unit]]] = [
                (
                    branch.kind,
                    branch.title,
                    [
                        *(self._leaf_unit(leaf) for leaf in branch.leaves),
                        *(made[id(each)] for each in branch.branches),
                    ],
                )
                for branch in heights[level]
            ]
            for branch, unit in zip(heights[level], await self._made(wanted), strict=True):
                made[id(branch)] = unit
        return [made[id(branch)] for branch in branches]

    def _leaf_unit(self, leaf: Leaf) -> Unit:
        return Unit(leaf.id, leaf.vector, leaf.vector, (self.numbers[leaf.id],), leaf.shown, self.ids)

    # -- topics -----------------------------------------------------------------------------------

    async def _upward(self, units: list[Unit]) -> list[Unit]:
        """Cluster, summarise, and cluster what was made, until few enough are left.

        The paper embeds the summaries and clusters these. The sums of passages' vectors ask for no embedding,
        and say better where a passage is (`orchestrator.tree.spread`).
        """
        layer = units
        for _ in range(DEEPEST):
            if len(layer) <= self.settings.at_most:
                break
            layer = await self._topics([("", group) for group in self._clusters(layer)], layer)
        return layer

    async def _downward(self, units: list[Unit], method: Method, divide: Divide | None) -> list[Unit]:
        """Divide into topics, and these again, and summarise from below."""
        division = Division(units, self.settings.at_most, self.settings.seed)
        if method == "given":
            plan = division.given([self.leaves[unit.leaves[0]].topics for unit in units])
        else:
            plan = await division.divided(divide)
        layer = await self._planned(plan, units)
        while len(layer) > self.settings.at_most:
            layer = await self._topics([("", group) for group in self._clusters(layer)], layer)
        return layer

    async def _planned(self, plan: Sequence[Planned], units: Sequence[Unit]) -> list[Unit]:
        """Units of a plan: topics of the same height are summarised together, the lowest first."""
        made: dict[int, Unit] = {}
        heights: dict[int, list[PlannedTopic]] = {}

        def height(each: Planned) -> int:
            if isinstance(each, int):
                return 0
            own = 1 + max(height(inner) for inner in each.children)
            heights.setdefault(own, []).append(each)
            return own

        def unit(each: Planned) -> Unit:
            return units[each] if isinstance(each, int) else made[id(each)]

        for each in plan:
            height(each)
        for level in sorted(heights):
            wanted = [_topic(each.title, map(unit, each.children)) for each in heights[level]]
            for each, topic in zip(heights[level], await self._made(wanted), strict=True):
                made[id(each)] = topic
        return [unit(each) for each in plan]

    def _clusters(self, layer: Sequence[Unit]) -> list[list[int]]:
        import numpy as np

        vectors = np.stack([unit.vector for unit in layer])
        return balanced_clusters(vectors, self.settings.at_most, seed=self.settings.seed)

    async def _topics(self, groups: Sequence[tuple[str, list[int]]], layer: Sequence[Unit]) -> list[Unit]:
        """The layer above: a topic for each group; who is alone in a group needs none."""
        several = [(title, group) for title, group in groups if len(group) > 1]
        made = iter(
            await self._made([_topic(title, (layer[at] for at in group)) for title, group in several])
        )
        return [layer[group[0]] if len(group) == 1 else next(made) for _, group in groups]

    # -- nodes ------------------------------------------------------------------------------------

    async def _root(self, top: list[Unit]) -> TreeNode:
        """The root has no text; a single node below it gives it its children."""
        inner = top[0].node if len(top) == 1 else None
        title = "" if inner is None else inner.title
        children = tuple(unit.name for unit in top if unit.node is not None)
        passages = tuple(unit.name for unit in top if unit.node is None)
        if inner is not None:
            children, passages = inner.children, inner.passages
            del self.nodes[inner.id]
        beneath = content_hash("root", title, (*children, *passages))
        leaves = sum(len(unit.leaves) for unit in top)
        root = TreeNode(beneath, "root", title, "", children, passages, leaves, beneath)
        self.nodes[root.id] = root
        return root

    async def _made(self, wanted: Sequence[tuple[TreeNodeKind, str, list[Unit]]]) -> list[Unit]:
        """Nodes above groups of units, each with its summary and vector."""
        import numpy as np

        made: list[Unit] = []
        for start in range(0, len(wanted), BATCH):
            part = wanted[start : start + BATCH]
            bare_nodes = await gathered(self._summarised(*each) for each in part)
            for (_, _, children), bare in zip(part, bare_nodes, strict=True):
                total = np.sum([unit.total for unit in children], axis=0)
                node = replace(bare, vector=(total / bare.leaves).astype(np.float32))
                self.nodes[node.id] = node
                beneath = tuple(number for unit in children for number in unit.leaves)
                direction = total / max(float(np.linalg.norm(total)), 1e-9)
                unit = Unit(node.id, direction.astype(np.float32), total, beneath, node.text, self.ids, node)
                made.append(unit)
            self.progress(len(self.nodes), 0, "summarising")
        return made

    async def _summarised(self, kind: TreeNodeKind, title: str, children: list[Unit]) -> TreeNode:
        """A node without its vector."""
        inner = tuple(unit.name for unit in children if unit.node is not None)
        passages = tuple(unit.name for unit in children if unit.node is None)
        leaves = tuple(number for unit in children for number in unit.leaves)
        made_of = content_hash(kind, title, (*inner, *passages))
        terms = self.vocabulary.salient(leaves, TERMS)
        named = title or ", ".join(terms[:3])
        key = f"summary {self.summaries.name} {made_of}"
        summary = await self.memo.get(key)
        if summary is None:
            beneath = tuple(self.ids[number] for number in leaves)
            parts = tuple(unit.shown for unit in children)
            async with self.limit:
                summary = await self.summaries.summary(Summarised(title, parts, terms, beneath))
            await self.memo.put(key, summary, beneath)
        return TreeNode(made_of, kind, named, summary, inner, passages, len(leaves), made_of)


async def gathered(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results of some work that goes on at once; if one fails, the others are waited for first."""
    found = await asyncio.gather(*work, return_exceptions=True)
    for each in found:
        if isinstance(each, BaseException):
            raise each
    return cast("list[T]", found)


def _topic(title: str, units: Iterable[Unit]) -> tuple[TreeNodeKind, str, list[Unit]]:
    """A topic that is wanted."""
    return "topic", title, list(units)
