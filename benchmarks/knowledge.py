"""The mention graph: passages across hops, what each part of it is worth, and what it costs.

    python -m benchmarks.knowledge quality [--data DIR] [--sets NAME …] [--embedder light minilm]
    python -m benchmarks.knowledge cost [--passages 100000]
    python -m benchmarks.knowledge pagerank [--edges 100000 1000000 10000000]

`quality` compares `hybrid` with and without `GraphSearch` and `EntityWalk`, its parts left out one by one,
PageRank over the built graph, and the same with *permuted edges*: every name and every entity leads to the
passage of another document, drawn by chance, so that a gain that has nothing to do with what documents say
would stay. A set's `triples.jsonl` and `concepts.jsonl` are its facts. `two-hop` is a
made-up encyclopedia (`benchmarks.made_up_encyclopedia`). In brackets is p against `hybrid` without the
graph, paired, by randomisation, without correction.

`cost` publishes documents with a registry alone, without vectors, and builds the graph: seconds beyond
indexing, of 85 documents removed, and of loading what a reader may read. `pagerank` walks graphs of so many
edges, whose degrees are unequal as those of links, from ten passages and two titles a question.
"""

from __future__ import annotations

import asyncio
import random
import resource
import tempfile
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from benchmarks import harness
from benchmarks.made_up_encyclopedia import Encyclopedia
from benchmarks.retrieval import HYBRID_FEEDBACK, HYBRID_PARTS
from orchestrator import Workflow, workflow
from orchestrator.application.application import Application
from orchestrator.cli.judged_data import dataset_of
from orchestrator.evaluation import Report, experiment
from orchestrator.evaluation.indexed import indexed
from orchestrator.evaluation.significance import paired_p
from orchestrator.knowledge.mention_graph import MentionGraph
from orchestrator.knowledge.pagerank import Adjacency, local_pagerank
from orchestrator.nodes import EntityPassages, EntityWalk, GraphSearch, Interpolate, PageRank, Retrieve
from orchestrator.ports import DocumentNames, KnowledgeStore, NamedDocument, replace_ports
from orchestrator.settings import Settings
from orchestrator.types import ANONYMOUS

SETS = ("musique", "two-hop", "scifact", "cranfield", "toolbench", "theoremqa", "medquad")
METRICS = ("recall@5", "completeness@8", "ndcg@10")
BASELINE, PERMUTED = "hybrid without graph", "permuted edges"


class PermutedNames:
    """The `DocumentNames` port with every name leading elsewhere."""

    def __init__(self, names: DocumentNames, passages: Sequence[str], seed: int = 0) -> None:
        self._names = names
        shuffled = list(passages)
        random.Random(seed).shuffle(shuffled)
        self.leads = dict(zip(passages, shuffled, strict=True))

    async def spelled(self, spellings: Collection[int], **others: Any) -> list[NamedDocument]:
        return self._permuted(await self._names.spelled(spellings, **others))

    async def folded(self, keys: Collection[int], **others: Any) -> list[NamedDocument]:
        return self._permuted(await self._names.folded(keys, **others))

    async def frequencies(self, terms: Collection[int], **others: Any) -> tuple[int, Mapping[int, int]]:
        return await self._names.frequencies(terms, **others)

    def read_names(self, *, most: int = 500) -> int:
        return self._names.read_names(most=most)

    def search(self, *, most: int = 2_000) -> int:
        return self._names.search(most=most)

    def counts(self) -> Any:
        return self._names.counts()

    async def edges(self, **others: Any) -> Any:
        return await self._names.edges(**others)

    def _permuted(self, found: Sequence[NamedDocument]) -> list[NamedDocument]:
        return [NamedDocument(one.words, one.kind, self.leads[one.passage], "", "") for one in found]


class PermutedFacts:
    """The `KnowledgeStore` port with every entity named by the passages of another, by chance."""

    def __init__(self, store: KnowledgeStore, leads: Mapping[str, str]) -> None:
        self._store = store
        self._leads = leads

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def passages(self, entities: Sequence[str], **others: Any) -> dict[str, tuple[str, ...]]:
        found = await self._store.passages(entities, **others)
        return {
            entity: tuple(sorted(self._leads.get(one, one) for one in passages))
            for entity, passages in found.items()
        }


def arms() -> list[Workflow]:
    """The shipped ranking without the graph, with it, and with parts of it left out."""
    sparse = Retrieve(k=100, mode="bm25").writing("sparse")
    dense = Retrieve(k=100, mode="dense", fusion="max").writing("dense")
    before = HYBRID_PARTS >> sparse >> dense >> Interpolate() >> HYBRID_FEEDBACK >> dense >> Interpolate()
    plain = Retrieve(k=100, fusion="rrf", weights=(1.0, 1.0))
    nodes: dict[str, Any] = {
        "hybrid": GraphSearch() >> EntityWalk(),
        "titles only": GraphSearch(),
        "facts only": EntityWalk(),
        "no synonyms": GraphSearch() >> EntityWalk(synonyms=0.0),
        "one hop": GraphSearch(hops=1) >> EntityWalk(hops=1),
        "nothing named by the question": GraphSearch(asked=0.0) >> EntityWalk(),
        "named by the question alone": GraphSearch(share=0.0),
        "no words beside": GraphSearch(beside=0.0) >> EntityWalk(beside=0.0),
        "pagerank": PageRank(),
    }
    return [
        workflow(BASELINE, before),
        *(workflow(name, before >> node) for name, node in nodes.items()),
        workflow("rrf", plain),
        workflow("rrf with graph", plain >> GraphSearch() >> EntityWalk()),
        workflow("rrf with passages of the entity", plain >> EntityPassages()),
    ]


async def measured(
    name: str, data: Path | None, embedder: str, home: Path, wanted: Collection[str] | None
) -> Report:
    """The wanted arms on one set, the baseline first; that with permuted edges is beside the others."""
    folder = data / name if data is not None else Path()
    if name == "two-hop":
        folder = home / "two-hop"
        made = Encyclopedia(7, 2_000)
        made.ask(400)
        made.write(folder)
    dataset = dataset_of(str(folder), None, None, None)
    async with AsyncExitStack() as opened:
        settings = Settings(home=home / embedder, embedder=embedder)
        application = await opened.enter_async_context(Application(settings))
        ports = await opened.enter_async_context(indexed(dataset, application))
        names: DocumentNames = ports[DocumentNames]
        while await asyncio.to_thread(names.search):
            pass
        mine = [arm for arm in arms() if wanted is None or arm.name in {BASELINE, *wanted}]
        report = await experiment(mine, data=dataset, metrics=METRICS, ports=ports)
        if wanted is not None and PERMUTED not in wanted:
            return report
        graph = MentionGraph(await names.edges(principal=ANONYMOUS))
        permuted = PermutedNames(names, graph.edges.passages)
        (chosen,) = [arm for arm in arms() if arm.name == "hybrid"]
        moved = workflow(PERMUTED, chosen.body)
        facts = PermutedFacts(ports[KnowledgeStore], permuted.leads)
        elsewhere = replace_ports(ports, {DocumentNames: permuted, KnowledgeStore: facts})
        other = await experiment([moved], data=dataset, metrics=METRICS, ports=elsewhere)
    return replace(report, arms={**report.arms, **other.arms})


def rows(name: str, embedder: str, report: Report) -> list[list[object]]:
    """A row for each arm: its metrics, and p against the ranking without the graph."""
    base = report.arms[BASELINE]
    found: list[list[object]] = []
    for arm in report.arms.values():
        cells: list[object] = [name, embedder, arm.name]
        for metric in METRICS:
            queries = sorted(base.scores[metric])
            mine = [arm.scores[metric][query] for query in queries]
            theirs = [base.scores[metric][query] for query in queries]
            mark = "" if arm is base else f" ({paired_p(mine, theirs):.3f})"
            cells.append(f"{fmean(mine):.4f}{mark}")
        found.append(cells)
    return found


def quality(arguments: Any) -> str:
    """The table of all sets."""
    found: list[list[object]] = []
    for name in arguments.sets:
        for embedder in arguments.embedder:
            report = asyncio.run(measured(name, arguments.data, embedder, arguments.home, arguments.arms))
            found += rows(name, embedder, report)
            print(harness.table(("set", "embedder", "arm", *METRICS), found[-len(report.arms) :]), flush=True)
    return harness.table(("set", "embedder", "arm", *METRICS), found)


def cost(arguments: Any) -> str:
    """Seconds of building, of removing, and of loading."""
    from sqlalchemy import delete

    from connectors.sql import SqlDocumentNames, SqlIndexRegistry, SqlLedger, open_database
    from connectors.sql.tables import document_names
    from orchestrator.testing.clock import ManualClock
    from orchestrator.testing.document_names import titled
    from orchestrator.testing.publisher import Publisher
    from orchestrator.testing.rows import FORMAT

    made = Encyclopedia(7, max(600, arguments.passages * 2_000 // 7_200))
    pages = list(made.pages.items())[: arguments.passages]
    found: list[list[object]] = []
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(Path(folder) / "state.db")
        clock = ManualClock()
        registry = SqlIndexRegistry(database, clock)
        registry.create("default", FORMAT)
        publisher = Publisher(registry, SqlLedger(database, clock))
        documents = [titled(f"d{number}", title, text) for number, (title, text) in enumerate(pages)]
        began = time.perf_counter()
        for at in range(0, len(documents), 5_000):
            publisher.publish(*documents[at : at + 5_000])
        published = time.perf_counter() - began
        with database.writing() as connection:
            connection.execute(delete(document_names))
        names = SqlDocumentNames(database, "default")
        busy = time.process_time()
        began = time.perf_counter()
        while names.read_names(most=5_000):
            pass
        read = time.perf_counter() - began
        began = time.perf_counter()
        while names.search(most=5_000):
            pass
        searched = time.perf_counter() - began
        busy = time.process_time() - busy
        counts = names.counts()
        began = time.perf_counter()
        edges = asyncio.run(names.edges(principal=ANONYMOUS))
        loaded = time.perf_counter() - began
        chance = random.Random(1)
        gone = chance.sample(
            documents, max(1, len(documents) * 85 // 1_000 if len(documents) <= 1_000 else 85)
        )
        began = time.perf_counter()
        publisher.publish(removed=tuple(gone))
        removed = time.perf_counter() - began
        found.append(
            [
                f"{len(documents):,}", f"{counts.mentions:,}", f"{len(edges.sources):,}", f"{published:.1f}",
                f"{read:.1f}", f"{searched:.1f}", f"{busy:.1f}", f"{loaded:.1f}", f"{removed:.2f}",
            ]
        )  # fmt: skip
        database.close()
    return harness.table(
        (
            "passages", "mentions", "edges", "published with names, s", "names again, s", "searched, s",
            "both, s of processor",
            "loaded, s", f"{len(gone)} documents removed, s",
        ),
        found,
    )  # fmt: skip


def pagerank(arguments: Any) -> str:
    """Milliseconds of a walk, by the number of edges."""
    found: list[list[object]] = []
    for edges in arguments.edges:
        random_numbers = np.random.default_rng(edges)
        nodes = max(100, edges // 10)
        began = time.perf_counter()
        # Some are named far more often than others, as countries are.
        targets = (nodes * random_numbers.random(edges // 2) ** 3).astype(np.int32)
        sources = random_numbers.integers(0, nodes, edges // 2, dtype=np.int32)
        graph = Adjacency.of(nodes, sources, targets)
        made = time.perf_counter() - began
        taken: list[float] = []
        reached = 0
        for _ in range(200):
            starts = random_numbers.integers(0, nodes, 12)
            restart = {int(node): 1.0 / rank for rank, node in enumerate(starts, 1)}
            began = time.perf_counter()
            reached += len(local_pagerank(graph, restart))
            taken.append(1_000 * (time.perf_counter() - began))
        taken.sort()
        memory = (graph.starts.nbytes + graph.targets.nbytes + graph.weights.nbytes) / 2**20
        found.append(
            [
                f"{graph.edges:,}", f"{made:.1f}", f"{memory:,.0f}", reached // 200,
                f"{taken[100]:.1f}", f"{taken[197]:.1f}",
            ]
        )  # fmt: skip
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"Peak memory of the process: {peak:,.0f} MB")
    return harness.table(("edges", "made, s", "MB", "passages reached", "p50 ms", "p99 ms"), found)


def main() -> None:
    parser = harness.Arguments(__doc__, home="knowledge", record=True)
    parser.add_argument("what", choices=("quality", "cost", "pagerank"))
    parser.add_argument("--data", type=Path, default=None, metavar="DIR")
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--arms", nargs="+", default=None, metavar="ARM", help="by default, all")
    parser.add_argument("--embedder", nargs="+", default=["light", "minilm"])
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--edges", type=int, nargs="+", default=[10**5, 10**6, 10**7])
    arguments = parser.parse_args()
    text = {"quality": quality, "cost": cost, "pagerank": pagerank}[arguments.what](arguments)
    print(text)
    print(harness.machine("orchestrator-rag", "numpy"))
    if arguments.record:
        harness.record(f"knowledge {arguments.what}", text)


if __name__ == "__main__":
    main()
