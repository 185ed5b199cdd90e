"""What a search of a tree costs as the corpus grows: calls, a step's own work, and memory.

The tree is planted: ten children a node, so that 10^d passages lie d levels below the root, and every node is
made when it is asked for. A question has `TARGETS`, below two nodes. Another passage is as relevant as its way
from the root agrees with a target's, and a node mostly as its best passage. The judge errs at the middle noise of
the reranking study. Seeds hold two of the targets, the same at every size.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.reranking import NOISE, load
from benchmarks.tree_algorithm import Collecting
from connectors.wordllama import WordLlamaEmbedder
from orchestrator import ANONYMOUS, Hits, Question
from orchestrator.nodes import TreeSearch
from orchestrator.ports import Tree, TreeNode, TreeRoot
from orchestrator.testing.judge import Judge
from orchestrator.tree.build import TreeSettings, build_tree
from orchestrator.tree.leaf import Leaf
from orchestrator.tree.summaries import ExtractiveSummaries
from orchestrator.types import Hit, Passage, Principal

WIDE = 10
TARGETS, SEEDED, SEEDS, K = 5, 2, 20, 10
#: Dimensions of the planted vectors.
DIMENSIONS = 64


class PlantedTrees:
    """The `TreeStore`, `Documents`, `VectorStore` and `Embedder` ports over a planted tree of a depth."""

    version, dimensions = "1", DIMENSIONS

    def __init__(self, depth: int, query: NDArray[np.float32]) -> None:
        self.depth = depth
        self.query = query

    def node(self, name: str) -> TreeNode:
        """A node by the digits of its way from the root."""
        level = len(name) - 1
        below = tuple(f"{name}{at}" for at in range(WIDE))
        last = level == self.depth - 1
        return TreeNode(
            name,
            "topic",
            name,
            children=() if last else below,
            passages=tuple(f"p{each[1:]}" for each in below) if last else (),
            leaves=WIDE ** (self.depth - level),
            vector=self.vector(name),
        )

    def vector(self, name: str) -> NDArray[np.float32]:
        """The sum of a step for each digit: a passage has length one, and a node is its passages' mean."""
        return sum(
            (_step(name[1 : at + 1], self.depth) for at in range(1, len(name))),
            start=np.zeros(DIMENSIONS, np.float32),
        )

    async def roots(self, *, principal: Principal) -> tuple[TreeRoot, ...]:
        return (TreeRoot("n", WIDE**self.depth, DIMENSIONS),)

    async def nodes(self, names: Sequence[str], *, principal: Principal) -> dict[str, TreeNode]:
        return {name: self.node(name) for name in names}

    async def paths(self, passages: Sequence[str], *, principal: Principal) -> dict[str, tuple[str, ...]]:
        return {name: tuple(f"n{name[1 : at + 1]}" for at in range(self.depth)) for name in passages}

    async def passages(self, ids: Sequence[str], *, principal: Principal) -> dict[str, Passage]:
        return {name: Passage(name, name, name) for name in ids}

    async def vectors(self, ids: Sequence[str], *, principal: Principal) -> dict[str, Any]:
        return {name: self.vector(name) for name in ids}

    async def embed(self, texts: Sequence[str], *, kind: str) -> Any:
        return np.stack([self.query for _ in texts])


def _step(digits: str, depth: int) -> NDArray[np.float32]:
    """The offset of a node from its parent, of length 1/√depth, the same at every size."""
    drawn = np.random.default_rng(int(f"1{digits}")).normal(size=DIMENSIONS)
    return (drawn / np.linalg.norm(drawn) / np.sqrt(depth)).astype(np.float32)


@dataclass(frozen=True)
class Beliefs(Mapping[str, float]):
    """What the judge believes of any node or passage, by its way from the root."""

    targets: tuple[str, ...]
    depth: int

    def __getitem__(self, text: str) -> float:
        digits = text[1:]
        if text in self.targets:
            return 1.0
        shared = max(_shared(digits, target[1:]) for target in self.targets)
        near = 0.6 * shared / self.depth
        if text.startswith("p"):
            return near
        holds = any(target[1:].startswith(digits) for target in self.targets)
        return 0.7 * (1.0 if holds else near) + 0.3 * near

    def __iter__(self) -> Any:
        return iter(self.targets)

    def __len__(self) -> int:
        return len(self.targets)


def _shared(first: str, second: str) -> int:
    return next(
        (at for at, (one, other) in enumerate(zip(first, second, strict=False)) if one != other), len(first)
    )


def planted(depth: int, number: int) -> tuple[tuple[str, ...], Hits]:
    """The targets of a question, three below one node and two below another, and its seeds."""
    rng = random.Random(f"{depth}/{number}")
    drawn = [f"{rng.randrange(WIDE ** (depth - 1)):0{depth - 1}}" for _ in range(2)]
    first, second = rng.sample(range(WIDE), 3), rng.sample(range(WIDE), 2)
    targets = (*(f"p{drawn[0]}{at}" for at in first), *(f"p{drawn[1]}{at}" for at in second))
    others = [f"p{rng.randrange(WIDE**depth):0{depth}}" for _ in range(SEEDS - SEEDED)]
    names = list(dict.fromkeys([*rng.sample(targets, SEEDED), *others]))
    rng.shuffle(names)
    return targets, Hits(tuple(Hit(name, 1.0 - at / SEEDS) for at, name in enumerate(names)))


class _Timed:
    """A judge whose calls are counted by round, with the processor time that they took."""

    available, name = True, "judge"

    def __init__(self, judge: Judge, run: Collecting) -> None:
        self._judge, self._run = judge, run
        self.calls: list[int] = []
        self.seconds = 0.0

    async def generate(self, *values: Any, **named: Any) -> Any:
        self.calls.append(len(self._run.rankings))
        began = time.process_time()
        try:
            return await self._judge.generate(*values, **named)
        finally:
            self.seconds += time.process_time() - began


class _Rounds(Collecting):
    """A run that notes the processor time at the end of each round."""

    def __init__(self) -> None:
        super().__init__()
        self.at: list[float] = []

    def offer(self, value: Any) -> None:
        super().offer(value)
        self.at.append(time.process_time())


@dataclass(frozen=True)
class Cost:
    """Of one size: recall of the targets after the whole search, its calls, calls until the last target that
    is found at all is among the first ten, and milliseconds of own work a round."""

    recall: float
    calls: float
    until: float
    milliseconds: tuple[float, ...]

    def row(self) -> list[str]:
        """As a row of a table."""
        middle, high = np.quantile(self.milliseconds, [0.5, 0.99])
        return [
            f"{self.recall:.3f}",
            f"{self.calls:.1f}",
            f"{self.until:.1f}",
            f"{middle:.1f}",
            f"{high:.1f}",
        ]


HEADINGS = ["recall@10 of targets", "calls", "calls until found", "ms a round, median", "99th percentile"]


async def cost(
    depth: int, questions: int, settings: Mapping[str, Any], *, seeded: bool, scorer: str = "model"
) -> Cost:
    """Searches of 10^depth passages. With `scorer` embedding, the question's vector is near one target."""
    node = TreeSearch(scorer=scorer, keep=100, seeds=SEEDS, **settings)
    recall: list[float] = []
    calls: list[float] = []
    until: list[float] = []
    own: list[float] = []
    for number in range(questions):
        targets, seeds = planted(depth, number)
        if scorer == "embedding":
            targets = targets[:1]
        store: Any = PlantedTrees(depth, _query(targets[0], depth, number))
        run = _Rounds()
        judge: Any = _Timed(Judge({"q": Beliefs(targets, depth)}, NOISE["middle"], number), run)
        hits = seeds if seeded else None
        await node(Question("q", ANONYMOUS), None, hits, store, store, store, store, judge, run)
        found = [sum(name in ranking[:K] for name in targets) / len(targets) for ranking in run.rankings]
        recall.append(found[-1])
        rounds = next(at for at, value in enumerate(found) if value >= found[-1])
        steps = len(run.rankings) - 1
        asked = judge.calls or [at for at in range(1, steps + 1) for _ in range(min(at, node.beam))]
        calls.append(len(asked))
        until.append(sum(at <= rounds for at in asked))
        if steps:
            whole = run.at[-1] - run.at[0] - judge.seconds
            own.append(1000 * whole / steps)
    return Cost(float(np.mean(recall)), float(np.mean(calls)), float(np.mean(until)), tuple(own))


def _query(target: str, depth: int, number: int) -> NDArray[np.float32]:
    """A vector whose cosine with the target's is about .8."""
    vector = PlantedTrees(depth, np.zeros(0, np.float32)).vector(target)
    noise = np.random.default_rng(number).normal(size=DIMENSIONS)
    moved = vector + 0.75 * noise / np.linalg.norm(noise)
    return (moved / np.linalg.norm(moved)).astype(np.float32)


async def memory(folder: Path) -> dict[str, float]:
    """Bytes a passage of a set's tree: all of it, its vectors, and its summaries."""
    texts, _, _ = load(folder)
    vectors = np.asarray(await WordLlamaEmbedder().embed(list(texts.values()), kind="passage"), np.float32)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    leaves = [Leaf(name, name, texts[name], vector) for name, vector in zip(texts, vectors, strict=True)]
    tree = await build_tree(leaves, ExtractiveSummaries(), TreeSettings("top_down"))
    return {name: value / len(tree) for name, value in bytes_of(tree).items()}


def bytes_of(tree: Tree) -> dict[str, float]:
    """Bytes of a tree in memory: nodes with their names, titles, summaries, children and vectors."""
    sizes = {"all": float(sys.getsizeof(tree.nodes)), "vectors": 0.0, "summaries": 0.0}
    for node in tree.nodes.values():
        vector = 0 if node.vector is None else node.vector.nbytes
        summary = sys.getsizeof(node.summary)
        # The names of children are the children's own, those of passages the index's.
        rest = sum(map(sys.getsizeof, (node, node.id, node.title, node.children, node.passages)))
        sizes["vectors"] += vector
        sizes["summaries"] += summary
        sizes["all"] += vector + summary + rest
    return sizes
