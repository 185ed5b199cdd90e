"""How much of a corpus a tree has to be searched: recall against the share of documents that were scored.

    python -m benchmarks.tree_quality [--data DIR] [--sets theoremqa] [--parts curves seeded] [--json FILE]
                                      [--record]

TheoremQA, MiniLM, the embedding scorer, no language model. Trees: `given` by the fields and subfields of
`hierarchy.jsonl`; `top_down` and `bottom_up` by vectors alone. Each is walked (`TreeSearch`'s walk, two nodes
a round) until so many documents were scored; the next round would exceed it. `vectors` is the share of all
comparisons, inner nodes with documents. R@5 on all 800 questions, and on the *odd half*: those whose id's
SHA-256 begins with an odd byte. `seeded` begins with the hits of a hybrid search. The share of a parent in
path relevance (0.3) was chosen on the even half. NMI is the normalised mutual information of the nodes just
below the root, or of those that documents hang on, with fields or subfields.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import harness
from connectors.minilm import MiniLmEmbedder
from orchestrator import Hits, workflow
from orchestrator.application.application import Application
from orchestrator.evaluation import Dataset, beir, experiment
from orchestrator.nodes import Interpolate
from orchestrator.nodes.rerank.candidates import normalised
from orchestrator.ports import Tree
from orchestrator.settings import Settings
from orchestrator.tree.build import Method, TreeSettings, build_tree
from orchestrator.tree.leaf import Leaf
from orchestrator.tree.search import TreeWalk, WalkSettings
from orchestrator.tree.spread import expected_best
from orchestrator.tree.summaries import ExtractiveSummaries
from workflows.tree_search import dense, sparse

METHODS: tuple[Method, ...] = ("given", "top_down", "bottom_up")
SHARES = (0.1, 0.15, 0.2, 0.25, 0.3, 0.32, 0.35, 0.5)
DEPTH = 5
WALK = WalkSettings(beam=2, alpha=0.3, anchors=0, sibling=False)


@dataclass(frozen=True)
class Embedded:
    """A set with its vectors: of documents, by their order in `ids`, and of questions."""

    data: Dataset
    ids: tuple[str, ...]
    leaves: tuple[Leaf, ...]
    documents: np.ndarray
    questions: Mapping[str, np.ndarray]


def odd(query: str) -> bool:
    """Whether a query belongs to the half that no constant was chosen on."""
    return hashlib.sha256(query.encode()).digest()[0] % 2 == 1


async def embedded(data: Dataset, home: Path) -> Embedded:
    """Vectors from `home`, where they were kept, or made."""
    await asyncio.to_thread(home.mkdir, parents=True, exist_ok=True)
    records = list(data.corpus.records())
    texts = [f"{one.title}\n{one.text}" if one.title else one.text for one in records]
    asked = [question for question in data.queries if data.qrels.get(question)]
    file = home / f"{data.name}.npz"
    if not file.exists():
        embedder = MiniLmEmbedder()
        documents = await embedder.embed(texts)
        queries = await embedder.embed([data.queries[name] for name in asked], kind="query")
        np.savez(file, documents=documents, queries=queries)
    kept = np.load(file)
    placed = data.hierarchy
    leaves = tuple(
        Leaf(one.id, one.id, one.text, kept["documents"][at], one.title, topics=placed.get(one.id, ()))
        for at, one in enumerate(records)
    )
    ids = tuple(one.id for one in records)
    return Embedded(data, ids, leaves, kept["documents"], dict(zip(asked, kept["queries"], strict=True)))


def flat(held: Embedded) -> dict[str, float]:
    """Recall at 5 of each question when every document is scored."""
    found: dict[str, float] = {}
    for name, query in held.questions.items():
        best = np.argsort(-(held.documents @ query), kind="stable")[:DEPTH]
        found[name] = recall(held, name, [held.ids[at] for at in best])
    return found


def recall(held: Embedded, question: str, first: Sequence[str]) -> float:
    """The share of relevant documents among the first."""
    right = {name for name, grade in held.data.qrels[question].items() if grade > 0}
    return len(right & set(first)) / len(right)


@dataclass(frozen=True)
class Point:
    """A question at a share: recall, and the shares that were scored of documents and compared in all."""

    recall: float
    scored: float
    compared: float


def scored(held: Embedded, tree: Tree, query: np.ndarray) -> dict[str, float]:
    """What the embedding scorer gives each node and each document."""
    cosines = dict(zip(held.ids, (held.documents @ query).tolist(), strict=True))
    for node in tree.nodes.values():
        if node.vector is not None:
            cosines[node.id] = expected_best(query, node.vector, node.leaves, tree.directions)
    return {name: (1.0 + cosine) / 2.0 for name, cosine in cosines.items()}


def curve(held: Embedded, tree: Tree, question: str, settings: WalkSettings = WALK) -> list[Point]:
    """What a walk has found when it stops at each of `SHARES`."""
    size = len(held.ids)
    scores = scored(held, tree, held.questions[question])
    walk = TreeWalk(tree.root, settings, absolute=True)
    points: list[Point] = []
    shares = list(SHARES)

    def stop() -> None:
        first = [name for name, _ in walk.ranking()[:DEPTH]]
        points.append(Point(recall(held, question, first), walk.judged() / size, walk.shown / size))
        shares.pop(0)

    while shares:
        nodes = [tree.nodes[name] for name in walk.beam()]
        while shares and walk.judged() + sum(len(node.passages) for node in nodes) > shares[0] * size:
            stop()
        if not nodes or not shares:
            break
        slates = walk.slates(nodes)
        walk.take(nodes, slates, [{name: scores[name] for name in slate.entries} for slate in slates])
    while shares:
        stop()
    return points


def nmi(first: Sequence[str], second: Sequence[str]) -> float:
    """Normalised mutual information of two partitions, over the mean of their entropies."""

    def entropy(counts: Counter[Any]) -> float:
        total = sum(counts.values())
        return -sum(each / total * math.log(each / total) for each in counts.values())

    one, two, both = Counter(first), Counter(second), Counter(zip(first, second, strict=True))
    mean = (entropy(one) + entropy(two)) / 2
    return (entropy(one) + entropy(two) - entropy(both)) / mean if mean > 0 else 1.0


def agreement(held: Embedded, tree: Tree) -> dict[str, float]:
    """The NMI of a tree's widest topics with the fields, and of its narrowest with the subfields."""
    parents = tree.parents()
    wide: dict[str, str] = {}
    for leaf in held.ids:
        above = [leaf]
        while parents[above[-1]] != tree.root:
            above.append(parents[above[-1]])
        wide[leaf] = above[-1]
    placed = [leaf for leaf in held.leaves if leaf.topics]
    return {
        "fields": nmi([wide[leaf.id] for leaf in placed], [leaf.topics[0] for leaf in placed]),
        "subfields": nmi([parents[leaf.id] for leaf in placed], ["/".join(leaf.topics) for leaf in placed]),
    }


async def trees(held: Embedded) -> dict[str, tuple[Tree, float]]:
    """A tree of each method, and the seconds that it took beyond embedding."""
    found: dict[str, tuple[Tree, float]] = {}
    for method in METHODS:
        if method == "given" and not held.data.hierarchy:
            continue
        began = time.perf_counter()
        tree = await build_tree(held.leaves, ExtractiveSummaries(), TreeSettings(method))
        found[method] = tree, time.perf_counter() - began
    return found


def mean(values: Mapping[str, float], only: bool | None = None) -> float:
    """The mean, of all questions or of those of one half."""
    chosen = [value for name, value in values.items() if only is None or odd(name) == only]
    return float(np.mean(chosen))


def curves_table(held: Embedded, made: Mapping[str, tuple[Tree, float]]) -> str:
    """Recall at each share, for each tree."""
    rows: list[Sequence[object]] = [["flat", "1.00", "1.00", *_three(flat(held))]]
    for method, (tree, _) in made.items():
        walked = {question: curve(held, tree, question) for question in held.questions}
        for at in range(len(SHARES)):
            points = {question: found[at] for question, found in walked.items()}
            share = float(np.mean([point.scored for point in points.values()]))
            compared = float(np.mean([point.compared for point in points.values()]))
            values = {question: point.recall for question, point in points.items()}
            rows.append([method, f"{share:.2f}", f"{compared:.2f}", *_three(values)])
    return harness.table(("tree", "documents", "vectors", "even half", "odd half", "all"), rows)


def _three(values: Mapping[str, float]) -> list[str]:
    return [f"{mean(values, half):.4f}".lstrip("0") for half in (False, True, None)]


def shapes_table(held: Embedded, made: Mapping[str, tuple[Tree, float]]) -> str:
    """How each tree looks, and how far it agrees with what was given."""
    rows: list[Sequence[object]] = []
    for method, (tree, seconds) in made.items():
        like = agreement(held, tree) if held.data.hierarchy else {}
        nmis = [f"{like[name]:.3f}".lstrip("0") if like else "" for name in ("fields", "subfields")]
        rows.append([method, len(tree.nodes), tree.depth, *nmis, f"{seconds:.1f}"])
    return harness.table(("tree", "nodes", "depth", "NMI fields", "NMI subfields", "s"), rows)


#: The rounds of a seeded search, and the shares of a seed's own score in the final one.
SEEDED_ROUNDS = (5, 10, 20)
SEED_WEIGHTS = (0.0, 0.01, 0.05, 0.1, 0.5)
SEEDS = 50


async def hybrid(data: Dataset, home: Path) -> Mapping[str, Hits]:
    """The hits that seed the workflow `tree_search`, by documents."""
    flow = workflow("seeds", sparse >> dense >> Interpolate())
    async with Application(Settings(home=home / "minilm", embedder="minilm")) as application:
        report = await experiment([flow], data=data, metrics=["recall@5"], application=application)
    return report.arms[flow.name].rankings


def seeded_table(held: Embedded, tree: Tree, seeds: Mapping[str, Hits]) -> str:
    """R@5 of searches that begin with hits, and the share of documents that they score."""
    alone = {name: recall(held, name, seeds[name].ids[:DEPTH]) for name in held.questions}
    rows: list[Sequence[object]] = [["hits alone", "", "", *_three(alone)]]
    for rounds in SEEDED_ROUNDS:
        found: dict[float, dict[str, float]] = {weight: {} for weight in SEED_WEIGHTS}
        shares: list[float] = []
        for name in held.questions:
            walk = seeded(held, tree, name, seeds[name], rounds)
            shares.append(walk.judged() / len(held.ids))
            for weight in SEED_WEIGHTS:
                walk.settings = replace(WALK, seed_weight=weight)
                found[weight][name] = recall(held, name, [leaf for leaf, _ in walk.ranking()[:DEPTH]])
        for weight, values in found.items():
            rows.append([rounds, f"{weight:.2f}", f"{np.mean(shares):.2f}", *_three(values)])
    return harness.table(("rounds", "seed weight", "documents", "even half", "odd half", "all"), rows)


def seeded(held: Embedded, tree: Tree, question: str, seeds: Hits, rounds: int) -> TreeWalk:
    """A walk from the paths of the first hits and from the root."""
    scores = scored(held, tree, held.questions[question])
    parents = tree.parents()
    walk = TreeWalk(tree.root, WALK, absolute=True)
    first = seeds.top(SEEDS)
    for hit, score in zip(first, normalised([hit.score for hit in first]), strict=True):
        path = [hit.id]
        while path[0] in parents:
            path.insert(0, parents[path[0]])
        walk.seed(hit.id, path[:-1], score)
    for _ in range(rounds):
        nodes = [tree.nodes[name] for name in walk.beam()]
        if not nodes:
            break
        slates = walk.slates(nodes)
        walk.take(nodes, slates, [{name: scores[name] for name in slate.entries} for slate in slates])
    return walk


async def measured(data: Dataset, home: Path, wanted: Sequence[str]) -> str:
    """The tables of a set that are wanted."""
    parts: list[str] = []
    held = await embedded(data, home)
    made = await trees(held)
    if "curves" in wanted:
        parts += [shapes_table(held, made), curves_table(held, made)]
    if "seeded" in wanted:
        parts.append(seeded_table(held, made["top_down"][0], await hybrid(data, home)))
    return "\n\n".join(parts)


def main() -> None:
    """Measure and print."""
    parser = harness.Arguments(__doc__, data=True, home="tree_quality", record=True)
    parser.add_argument("--sets", nargs="+", default=["theoremqa"])
    parser.add_argument("--parts", nargs="+", default=["curves", "seeded"], choices=["curves", "seeded"])
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    found = {
        name: asyncio.run(measured(beir(given.data / name), given.home, given.parts)) for name in given.sets
    }
    for name, text in found.items():
        print(f"## {name}\n\n{text}\n\n{harness.machine('numpy')}")
    if given.json:
        given.json.write_text(json.dumps(found), encoding="utf-8")
    if given.record:
        harness.record("tree-quality", "\n\n".join(found.values()))


if __name__ == "__main__":
    main()
