"""Does a tree that was edited find what one that was built anew finds?

    python -m benchmarks.tree_edits [--data DIR] [--set scifact] [--edits 1000] [--rounds 20] [--record]

The corpus but for some documents is indexed and its tree built. Then as many edits follow, in rounds: half of
them put a document in that was held back, the others remove one. After each round `tree update` follows. The
edited tree and one that is built anew from the same documents are then searched from the root, without seeds,
by embeddings (the light embedder), and scored on the same questions that have a document left. The target:
recall@10 of the edited tree within 1 point of the new one's, and at most two summaries written for an edit.
"""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import harness
from orchestrator import ANONYMOUS
from orchestrator.application.application import Application
from orchestrator.application.indexing import indexing_context
from orchestrator.evaluation import Dataset, beir
from orchestrator.indexing.indexer import Indexer
from orchestrator.indexing.isolated_reading import Reader
from orchestrator.nodes import TreeSearch
from orchestrator.ports import (
    Documents,
    Embedder,
    IndexRegistry,
    Ledger,
    Tree,
    TreeGroup,
    TreeRegistry,
    VectorStore,
)
from orchestrator.progress import silent
from orchestrator.settings import Settings
from orchestrator.tree.build_job import TreePlan, build_trees_locally
from orchestrator.tree.group_leaves import vectors_of
from orchestrator.tree.search import TreeWalk
from orchestrator.tree.spread import expected_best
from orchestrator.tree.update_job import update_trees_locally
from orchestrator.types import PUBLIC

#: Documents of one file.
PART = 50
METRICS = ("recall@10", "recall@100", "scored")
GROUP = TreeGroup("default", (PUBLIC,))


@dataclass
class Edited:
    """What the edits took, and how far the tree has drifted after them."""

    edits: int = 0
    inserted: int = 0
    repaired: int = 0
    seconds: float = 0.0
    drift: float = 0.0
    faults: int = 0
    scores: dict[str, dict[str, float]] = field(default_factory=dict[str, dict[str, float]])


class Library:
    """A folder of documents, and the index and trees that follow it."""

    def __init__(self, app: Application, reader: Reader, root: Path) -> None:
        self.app, self.root = app, root
        self.indexer = Indexer(indexing_context(app.container, reader), settings=None)
        self._files: dict[str, Path] = {}

    def write(self, records: Mapping[str, str]) -> None:
        """Make the folder hold these documents; files of those that did not change stay as they are."""
        self.root.mkdir(exist_ok=True)
        for key in records:
            if key not in self._files:
                self._files[key] = self.root / f"{len(self._files) // PART:05}.jsonl"
        of_file: dict[Path, list[str]] = {}
        for key, path in self._files.items():
            of_file.setdefault(path, []).extend([records[key]] if key in records else [])
        for path, lines in of_file.items():
            text = "".join(f"{line}\n" for line in lines)
            if not text:
                path.unlink(missing_ok=True)
            elif not path.exists() or path.read_text() != text:
                path.write_text(text)

    async def index(self, records: Mapping[str, str]) -> None:
        """Index these documents and no others."""
        self.write(records)
        await self.indexer.add(self.root)

    @property
    def given(self) -> tuple[Any, Any, Any]:
        """The ledger, the ports and the version of the index."""
        ports: Any = self.app.ports()
        version = ports[IndexRegistry].current(self.indexer.index)
        return ports[Ledger], ports, version

    async def build(self) -> float:
        """Build its trees; how many seconds it took."""
        began = time.perf_counter()
        principal = self.app.settings.principal
        await build_trees_locally(*self.given, TreePlan(written=False), principal=principal, progress=silent)
        return time.perf_counter() - began


#: Rounds of the search from the root, two nodes each.
ROUNDS = (20, 60)


async def scored(library: Library, data: Dataset) -> dict[str, dict[str, float]]:
    """Recall and the share of passages scored, by the search: of the tree as it is, and of all vectors."""
    kept = await library.app.container.get(TreeRegistry).read(GROUP)
    assert kept is not None
    tree = kept.tree
    ports: Any = library.app.ports()
    names = sorted(set(tree.passages()))
    vectors = await vectors_of(ports[VectorStore], GROUP, names)
    documents = await ports[Documents].passages(names, principal=ANONYMOUS)
    of_document = {name: each.document for name, each in documents.items()}
    ids = list(vectors)
    points = np.stack([vectors[name] for name in ids])
    found: dict[str, dict[str, list[float]]] = {}
    queries = {query: text for query, text in data.queries.items() if data.qrels.get(query)}
    embedded = await ports[Embedder].embed(list(queries.values()), kind="query")
    for query, vector in zip(queries, embedded, strict=True):
        here = {document for document, grade in data.qrels[query].items() if grade > 0} & set(
            of_document.values()
        )
        if not here:
            continue
        flat = [ids[at] for at in np.argsort(-(points @ vector), kind="stable")[:200]]
        rankings = {"flat": (flat, 1.0)}
        for rounds in ROUNDS:
            rankings[f"tree, {rounds} rounds"] = walked(tree, vectors, vector, rounds)
        for name, (ranking, share) in rankings.items():
            ranked = list(dict.fromkeys(of_document[each] for each in ranking))
            of_arm = found.setdefault(name, {metric: [] for metric in METRICS})
            for depth in (10, 100):
                of_arm[f"recall@{depth}"].append(len(here & set(ranked[:depth])) / min(depth, len(here)))
            of_arm["scored"].append(share)
    return {name: {metric: fmean(values) for metric, values in each.items()} for name, each in found.items()}


def walked(
    tree: Tree, vectors: Mapping[str, NDArray[np.float32]], query: NDArray[np.float32], rounds: int
) -> tuple[list[str], float]:
    """A search from the root by embeddings, as `TreeSearch(scorer="embedding")`: its ranking, and the share
    of passages that it scored."""
    walk = TreeWalk(tree.root, TreeSearch().walk_settings(absolute=True), absolute=True)

    def score(name: str) -> float:
        node = tree.nodes.get(name)
        if node is None or node.vector is None:
            return (1 + float(query @ vectors[name])) / 2
        return (1 + expected_best(query, node.vector, node.leaves, tree.directions)) / 2

    for _ in range(rounds):
        nodes = [tree.nodes[name] for name in walk.beam()]
        if not nodes:
            break
        slates = walk.slates(nodes)
        walk.take(nodes, slates, [{name: score(name) for name in slate.entries} for slate in slates])
    return [name for name, _ in walk.ranking()], walk.judged() / max(1, len(tree))


def edited(records: dict[str, str], held: list[str], edits: int, rounds: int) -> Iterator[dict[str, str]]:
    """The documents after each round of edits."""
    chance = random.Random(0)
    now = {key: record for key, record in records.items() if key not in set(held)}
    for part in range(rounds):
        for number in range(edits * part // rounds, edits * (part + 1) // rounds):
            if number % 2:
                now.pop(chance.choice(sorted(now)))
            else:
                key = held[number // 2]
                now[key] = records[key]
        yield dict(now)


async def measured(data: Dataset, home: Path, edits: int, rounds: int) -> Edited:
    """The edits, and both trees."""
    records = {
        each.id: json.dumps({"_id": each.id, "title": each.title, "text": each.text})
        for each in data.corpus.records()
        if each.text.strip()
    }
    chance = random.Random(1)
    held = chance.sample(sorted(records), edits // 2)
    result = Edited(edits)
    with Reader() as reader:
        async with Application(Settings(home=home, embedder="light")) as app:
            library = Library(app, reader, home / "docs")
            await library.index({key: text for key, text in records.items() if key not in set(held)})
            result.scores["before"] = {"": {"seconds": await library.build()}}
            for now in edited(records, held, edits, rounds):
                await library.index(now)
                began = time.perf_counter()
                report = await update_trees_locally(
                    *library.given, principal=app.settings.principal, progress=silent, written=False
                )
                result.seconds += time.perf_counter() - began
                result.inserted += report.inserted
                result.repaired += report.repaired
            (state,) = await app.container.get(TreeRegistry).states()
            result.drift = state.drift
            result.faults = len(list(app.container.get(IndexRegistry).verify("default")))
            result.scores["edited"] = await scored(library, data)
            await app.container.get(TreeRegistry).remove()
            await library.build()
            result.scores["anew"] = await scored(library, data)
    return result


def told(result: Edited, name: str) -> str:
    """The table, and what the edits took."""
    rows: list[Sequence[object]] = []
    for arm in result.scores["anew"]:
        for kind in ("edited", "anew"):
            scores = result.scores[kind][arm]
            rows.append((arm, kind, *(f"{scores[metric]:.4f}" for metric in METRICS)))
    lines = harness.table(("search", "tree", *METRICS), rows)
    return (
        f"{lines}\n\n{name}, {result.edits:,} edits: {result.inserted:,} passages put in, "
        f"{result.repaired / result.edits:.2f} summaries written an edit, drift {result.drift:+.1%}, "
        f"{1000 * result.seconds / result.edits:.0f} ms of `tree update` an edit, {result.faults} faults. "
        f"({harness.machine('qdrant-edge-py', 'wordllama')})"
    )


def main() -> None:
    """Measure and print, or record."""
    arguments = harness.Arguments(__doc__, data=True, record=True)
    arguments.add_argument("--set", default="scifact")
    arguments.add_argument("--edits", type=int, default=1000)
    arguments.add_argument("--rounds", type=int, default=20)
    given = arguments.parse_args()
    data = beir(given.data / given.set, split="test")
    with tempfile.TemporaryDirectory() as home:
        text = told(asyncio.run(measured(data, Path(home), given.edits, given.rounds)), str(given.set))
    print(text)
    if given.record:
        harness.record("tree_edits", text)


if __name__ == "__main__":
    main()
