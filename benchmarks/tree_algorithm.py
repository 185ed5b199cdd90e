"""What each part of the tree search is worth, with a simulated judge: the ablation of LATTICE.

The tree is real (built by vectors alone from the passages of a set), the judge is that of
`orchestrator.testing.judge` at the noise of the reranking study. It looks grades up: a relevant passage has
1, another `NEAR` of its cosine to the nearest relevant one, and a node mostly its best passage's
(`node_grades`). It reads no text, so that texts are ids. Every arm is asked the same questions of judges with
the same seeds, and compared in pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.reranking import NOISE, bm25, interval, load
from connectors.wordllama import WordLlamaEmbedder
from orchestrator import ANONYMOUS, Hits, Question
from orchestrator.evaluation.significance import paired_p
from orchestrator.graph.run_context import Run
from orchestrator.nodes import TreeSearch
from orchestrator.ports import Tree
from orchestrator.testing.judge import Judge, Noise
from orchestrator.testing.trees import HeldTree, HeldTrees, node_grades
from orchestrator.tree.build import TreeSettings, build_tree
from orchestrator.tree.leaf import Leaf
from orchestrator.tree.summaries import Summarised
from orchestrator.types import Hit, Passage, Principal

#: The grade of a passage that is none of the relevant ones, as a share of its cosine to the nearest.
NEAR = 0.6
#: Seeds: the first passages by BM25.
SEEDS = 50
K = 10
#: Rounds after which the ranking is scored.
ROUNDS = (2, 5, 10, 20)
PARTS: dict[str, dict[str, Any]] = {
    "full": {},
    "no calibration": {"solver": "last"},
    "no path relevance": {"alpha": 0.0},
    "no anchors": {"anchors": 0},
    "calibration by least squares": {"solver": "least_squares"},
    "as the released code": {"variant": "released"},
}


@dataclass(frozen=True)
class Shelf:
    """A set's passages in a tree, with ids for texts: the `Documents` and `VectorStore` ports over them.

    `rows` is the row of each passage among the vectors.
    """

    tree: Tree
    rows: Mapping[str, int]
    vectors_of: NDArray[np.float32]
    version: str = "1"

    async def passages(self, ids: Sequence[str], *, principal: Principal) -> dict[str, Passage]:
        return {name: Passage(name, name, name) for name in ids}

    async def vectors(self, ids: Sequence[str], *, principal: Principal) -> dict[str, Any]:
        return {name: self.vectors_of[self.rows[name]] for name in ids}


@dataclass(frozen=True)
class Task:
    """A question: its relevant passages, the seeds, and what a judge believes of each node and passage."""

    question: str
    relevant: frozenset[str]
    seeds: Hits
    grades: Mapping[str, float]


class NoSummaries:
    """Summaries that nobody reads."""

    name = "none"

    async def summary(self, of: Summarised) -> str:
        return ""


class Collecting(Run):
    """A run that keeps the ranking after each round."""

    def __init__(self) -> None:
        super().__init__(_Unbounded(), "tree_search")
        self.rankings: list[tuple[str, ...]] = []

    def offer(self, value: Any) -> None:
        self.rankings.append(value.ids)


class _Unbounded:
    """The state of a run without limits, which says that it has a deadline so that it is told each round."""

    run_id = "study"
    principal = ANONYMOUS
    cancelled = False

    def remaining(self) -> float | None:
        return 1e9

    def exhausted(self) -> bool:
        return False

    def emit(self, path: str, text: str) -> None: ...

    def degrade(self, reason: str) -> None: ...


async def shelf_of(texts: Mapping[str, str], at_most: int) -> Shelf:
    """The tree of a set, by the vectors of the light embedder."""
    names = tuple(texts)
    vectors = np.asarray(await WordLlamaEmbedder().embed(list(texts.values()), kind="passage"), np.float32)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    leaves = [Leaf(name, name, texts[name], vector) for name, vector in zip(names, vectors, strict=True)]
    tree = await build_tree(leaves, NoSummaries(), TreeSettings("top_down", at_most))
    shown = {name: replace(node, title=name, summary="") for name, node in tree.nodes.items()}
    return Shelf(replace(tree, nodes=shown), {name: row for row, name in enumerate(names)}, vectors)


async def tasks(folder: Path, limit: int, at_most: int = 12) -> tuple[Shelf, list[Task]]:
    """Questions in an order that is drawn once, with the tree of their passages."""
    texts, questions, grades = load(folder)
    shelf = await shelf_of(texts, at_most)
    chosen = sorted(name for name in questions if any(grade > 0 for grade in grades[name].values()))
    chosen = [chosen[at] for at in np.random.default_rng(0).permutation(len(chosen))[:limit]]
    found = bm25(texts, {name: questions[name] for name in chosen}, SEEDS)
    made: list[Task] = []
    for name in chosen:
        relevant = frozenset(each for each, grade in grades[name].items() if grade > 0 and each in texts)
        rows = [shelf.rows[each] for each in relevant]
        near = NEAR * np.clip((shelf.vectors_of @ shelf.vectors_of[rows].T).max(axis=1), 0.0, 1.0)
        leaf = {each: 1.0 if each in relevant else float(near[row]) for each, row in shelf.rows.items()}
        seeds = Hits(tuple(Hit(each, score) for each, score in found[name]))
        made.append(Task(questions[name], relevant, seeds, {**leaf, **node_grades(shelf.tree, leaf)}))
    return shelf, made


@dataclass(frozen=True)
class Outcome:
    """Of one arm, a row a question and a column for each of `ROUNDS`: recall, nDCG, and calls."""

    recall: NDArray[np.float64]
    ndcg: NDArray[np.float64]
    calls: NDArray[np.float64]


async def arm(
    shelf: Shelf,
    given: Sequence[Task],
    noise: Noise,
    settings: Mapping[str, Any],
    *,
    seeded: bool,
    judges: int,
) -> Outcome:
    """One arm over all questions, each put to some judges."""
    node = TreeSearch(scorer="model", rounds=max(ROUNDS), keep=100, seeds=SEEDS, **settings)
    trees = HeldTrees(HeldTree(shelf.tree))
    figures: list[list[tuple[float, float, float]]] = []
    for number, task in enumerate(given):
        asked = Question(task.question, ANONYMOUS)
        runs = [
            await one(
                node, shelf, trees, task, asked, Judge({task.question: task.grades}, noise, seed), seeded
            )
            for seed in range(number, number + 1000 * judges, 1000)
        ]
        figures.append([tuple(np.mean(each, axis=0)) for each in zip(*runs, strict=True)])
    found = np.array(figures)
    return Outcome(found[:, :, 0], found[:, :, 1], found[:, :, 2])


async def one(
    node: TreeSearch,
    shelf: Shelf,
    trees: HeldTrees,
    task: Task,
    asked: Question,
    judge: Judge,
    seeded: bool,
) -> list[tuple[float, float, float]]:
    """Recall, nDCG and calls of one search after each of `ROUNDS`."""
    run = Collecting()
    model: Any = _Counting(judge, run)
    store: Any = shelf
    embedder: Any = _NoEmbedder()
    await node(asked, None, task.seeds if seeded else None, trees, store, store, embedder, model, run)
    last = len(run.rankings) - 1
    return [
        (*scored(run.rankings[min(rounds, last)], task.relevant), model.calls_after(min(rounds, last)))
        for rounds in ROUNDS
    ]


class _NoEmbedder:
    """Slates that no reply could be read for are not scored."""

    dimensions = 256

    async def embed(self, texts: Sequence[str], *, kind: str) -> Any:
        return np.zeros((len(texts), 256), np.float32)


class _Counting:
    """A judge whose calls are counted by round: by how many rankings there were when it was asked."""

    available = True

    def __init__(self, judge: Judge, run: Collecting) -> None:
        self._judge, self._run = judge, run
        self.asked: list[int] = []

    @property
    def name(self) -> str:
        return self._judge.name

    async def generate(self, *values: Any, **named: Any) -> Any:
        self.asked.append(len(self._run.rankings))
        return await self._judge.generate(*values, **named)

    def calls_after(self, rounds: int) -> int:
        """Calls of the first so many rounds; the ranking before the first round is the seeds'."""
        return sum(at <= rounds for at in self.asked)


def scored(ranking: Sequence[str], relevant: frozenset[str]) -> tuple[float, float]:
    """Recall and nDCG of the first K."""
    gains = [float(name in relevant) for name in ranking[:K]]
    discounts = 1 / np.log2(np.arange(2, K + 2))
    ideal = float(discounts[: len(relevant)].sum())
    found = float((np.array(gains) * discounts[: len(gains)]).sum())
    return sum(gains) / len(relevant), found / ideal


@dataclass(frozen=True)
class Study:
    """Outcomes by arm, at one noise of one set."""

    outcomes: Mapping[str, Outcome]
    seeds: tuple[float, float]

    def rows(self) -> list[list[str]]:
        """A row an arm: calls, recall at each of `ROUNDS`, nDCG at the last, and how far from full."""
        made: list[list[str]] = []
        for name, found in self.outcomes.items():
            family = "seeded" if name.startswith("seeded") else "full"
            base = self.outcomes[family]
            difference = found.ndcg[:, -1] - base.ndcg[:, -1]
            p = paired_p(found.ndcg[:, -1].tolist(), base.ndcg[:, -1].tolist())
            own = name == family
            made.append(
                [
                    name,
                    f"{found.calls[:, -1].mean():.0f}",
                    *(f"{found.recall[:, at].mean():.3f}" for at in range(len(ROUNDS))),
                    "{:.3f} ({:.3f}–{:.3f})".format(*interval(found.ndcg[:, -1].tolist())),
                    "" if own else f"{100 * difference.mean():+.1f}",
                    "" if own else f"{p:.4f}",
                ]
            )
        return made


HEADINGS = ["arm", "calls", *(f"R@10, {rounds} rounds" for rounds in ROUNDS), "nDCG@10", "to full", "p"]


async def study(
    shelf: Shelf, given: Sequence[Task], level: str, *, judges: int, parts: Sequence[str] = tuple(PARTS)
) -> Study:
    """Every arm at one noise, from the root and seeded."""
    outcomes: dict[str, Outcome] = {}
    for seeded in (False, True):
        for name in parts:
            title = f"seeded, {name}".removesuffix(", full") if seeded else name
            outcomes[title] = await arm(shelf, given, NOISE[level], PARTS[name], seeded=seeded, judges=judges)
    before = np.mean([scored(task.seeds.ids, task.relevant) for task in given], axis=0)
    return Study(outcomes, (float(before[0]), float(before[1])))
