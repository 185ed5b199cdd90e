"""Search latency over the embedded store, with the access filter on, beside Qdrant Edge alone without one.

    python -m benchmarks.search [--sizes 5000 100000] [--queries 300] [--shards 1 4] [--removed 0.01]

Passages are made up: words by the Zipf-Mandelbrot law without the thirty most frequent, which stand
for the stop words that are not indexed; lengths are log-normal, so that scores differ as those of real
texts do; unit vectors lie around 200 centres. Half of the passages are readable to one reader, and a
seventh to another: a graph over all vectors is in pieces for whom it shows few of them. A search is both legs
of a hybrid query in one call of the store (100 candidates a leg) and their fusion, as the Retrieve node
does it, with the query's vector given. `cpu` is the time of the thread that searches, which a busy
machine does not lengthen as it does the wall clock. "Edge alone" asks the same two queries of the same
points in one shard in one batch, with no access filter, no registry, no ids read and no fusion.

"The workflow `search`" is a run of it with the ports of an application, and an embedder without work.

`recall@10` compares the dense leg with an exact comparison of all readable vectors. `stall` is the
longest time that the event loop did not get its turn while searches ran; in the last row of an index a
version with one new shard, of a tenth of its passages, is noticed and opened meanwhile.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from qdrant_edge import Query, QueryBatchRequest, QueryRequest
from qdrant_edge import SparseVector as EdgeSparse

from benchmarks import harness
from connectors.bm25 import Bm25Encoder
from connectors.qdrant_edge import EdgeShardWriter, EdgeVectorStore
from connectors.qdrant_edge.points import DENSE, TERMS
from connectors.qdrant_edge.reading import ShardReader
from connectors.sql import SqlIndexRegistry, SqlLedger, SqlShardRegistry, open_database
from orchestrator import Principal, Question
from orchestrator.application.workflow_files import load_workflow
from orchestrator.clock import SystemClock
from orchestrator.nodes.retrieve.fusion import anchored_sum
from orchestrator.ports import (
    Dense,
    DocumentRow,
    Embedder,
    IndexFormat,
    Lexical,
    PassageRow,
    ShardedChange,
    VectorStore,
    index_scope,
)
from orchestrator.types import Hits

DIMENSIONS, VOCABULARY, STOP_WORDS, LEG = 256, 50_000, 30, 100
READER = Principal(grants=frozenset({"public"}), name="reader")
FEW = Principal(grants=frozenset({"team"}), name="reader of few")


def texts(count: int, rng: np.random.Generator, words: int) -> list[str]:
    """Texts of about so many words, whose frequencies follow the law of Zipf and Mandelbrot."""
    share = 1 / (np.arange(STOP_WORDS, VOCABULARY) + 2.7)
    reach = np.cumsum(share / share.sum())
    lengths = np.maximum(1, rng.lognormal(np.log(words), 0.4, count)).astype(int)
    return [" ".join(f"word{rank}" for rank in np.searchsorted(reach, rng.random(n))) for n in lengths]


def vectors(count: int, rng: np.random.Generator) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Unit vectors around common centres, as texts of some topics have them."""
    centres = np.random.default_rng(7).normal(size=(200, DIMENSIONS))
    found = centres[rng.integers(0, 200, count)] + 0.7 * rng.normal(size=(count, DIMENSIONS))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def documents(said: Sequence[str], first: int) -> list[DocumentRow]:
    """One document a text; every second one is for somebody else."""
    return [
        DocumentRow(
            id=str(uuid.UUID(int=first + row)),
            tenant="default",
            root="/made-up",
            file=f"{first + row}.txt",
            document=f"{first + row}.txt",
            title="",
            source="",
            hash=str(first + row),
            labels=labels(first + row),
            metadata={},
            passages=(PassageRow(passage_id(first + row), 0, text, str(first + row)),),
        )
        for row, text in enumerate(said)
    ]


def labels(row: int) -> tuple[str, ...]:
    """Who may read a made-up document."""
    return ("public" if row % 2 else "staff", *(("team",) if row % 7 == 0 else ()))


@dataclass(frozen=True)
class Filled:
    """An index, what searches it, and the labels and the vector of each passage."""

    folder: Path
    registry: SqlIndexRegistry
    ledger: SqlLedger
    store: EdgeVectorStore
    passages: dict[str, tuple[tuple[str, ...], np.ndarray[Any, np.dtype[np.float32]]]]

    def add(self, first: int, count: int, removed: Sequence[str] = ()) -> None:
        """Publish a version with a new shard of so many passages, and without some documents."""
        rng = np.random.default_rng(first)
        said, dense = texts(count, rng, 80), vectors(count, rng)
        sparse = Bm25Encoder().passages(said)
        rows = documents(said, first)
        job = self.ledger.submit("add", index_scope("default"), f"{first}", {})
        leased = self.ledger.claim("benchmark", seconds=3600, job=job.id)
        assert leased is not None
        shard = None
        if count:
            writer = EdgeShardWriter(self.folder / "indexes")
            shard = writer.build("default", f"s{first}", rows, dense, sparse)
        terms = {row.passages[0].id: vector.indices for row, vector in zip(rows, sparse, strict=True)}
        change = ShardedChange(
            shard=shard, documents=tuple(rows), terms=terms, removed_documents=tuple(removed)
        )
        self.registry.publish(leased, "default", change)
        for row, vector in zip(rows, dense, strict=True):
            self.passages[row.passages[0].id] = row.labels, vector

    def remove(self, size: int, share: float) -> None:
        """Publish a version without a share of the first `size` passages."""
        gone = range(0, size, round(1 / share))
        self.add(size, 0, [str(uuid.UUID(int=row)) for row in gone])
        for row in gone:
            self.passages.pop(passage_id(row), None)


def fill(folder: Path, size: int, shards: int, made_with: IndexFormat | None = None) -> Filled:
    """An index of so many passages in so many shards."""
    encoder, database = Bm25Encoder(), open_database(folder / "state.db")
    registry, ledger = SqlIndexRegistry(database, SystemClock()), SqlLedger(database, SystemClock())
    made_with = made_with or IndexFormat("made-up", DIMENSIONS, encoder.name)
    registry.create("default", made_with)
    held = SqlShardRegistry(database)
    store = EdgeVectorStore(registry, held, "default", folder / "indexes", encoder, made_with)
    filled = Filled(folder, registry, ledger, store, {})
    for part in np.array_split(np.arange(size), shards):
        filled.add(int(part[0]), len(part))
    return filled


def passage_id(row: int) -> str:
    """The id of a made-up passage."""
    return str(uuid.UUID(int=(1 << 64) + row))


@dataclass
class Heart:
    """Beats every millisecond, and knows the longest time that it could not, in ms."""

    longest: float = 0.0

    async def beat(self) -> None:
        """Until cancelled."""
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            self.longest = max(self.longest, (now - last) * 1e3 - 1.0)
            last = now


HEADINGS = ("search", "p50 ms", "p99 ms", "cpu p50", "cpu p99", "recall@10", "stall ms")


@dataclass(frozen=True)
class Row:
    """What is printed of one way to search; times in ms."""

    name: str
    wall: list[float]
    cpu: list[float]
    recall: float | None = None
    stall: float | None = None

    def cells(self) -> list[str]:
        """By HEADINGS."""
        times = [f"{np.percentile(taken, q):.2f}" for taken in (self.wall, self.cpu) for q in (50, 99)]
        recall = "–" if self.recall is None else f"{self.recall:.3f}"
        return [self.name, *times, recall, "–" if self.stall is None else f"{self.stall:.1f}"]


async def timed(search: Callable[[int], Awaitable[Any]], count: int) -> tuple[list[float], list[float]]:
    """ms of the wall clock and of the thread of each search, after a warm-up."""
    for number in range(20):
        await search(number % count)
        await asyncio.sleep(0)
    wall: list[float] = []
    cpu: list[float] = []
    for number in range(count):
        begun, used = time.perf_counter(), time.thread_time()
        await search(number)
        wall.append((time.perf_counter() - begun) * 1e3)
        cpu.append((time.thread_time() - used) * 1e3)
        await asyncio.sleep(0)
    return wall, cpu


async def measure(size: int, shards: int, removed: float, count: int) -> AsyncIterator[Row]:
    """The store over such an index, the engine alone where there is one shard, then with removals."""
    rng = np.random.default_rng(1)
    asked, dense = texts(count, rng, 8), vectors(count, rng)
    with tempfile.TemporaryDirectory() as folder:
        filled = fill(Path(folder), size, shards)

        async def row(name: str, principal: Principal = READER, count: int = count) -> Row:
            async def hybrid(number: int) -> Hits:
                found = await filled.store.search(
                    [Lexical(asked[number]), Dense(dense[number])], principal=principal, limit=LEG
                )
                return anchored_sum(*found, top=20)

            # The comparison of the row before held the loop up, which does not count.
            await asyncio.sleep(0.05)
            heart.longest = 0.0
            wall, cpu = await timed(hybrid, count)
            stall, shown = heart.longest, await recall(filled, principal, dense)
            return Row(f"{size:,} passages, {shards} shards{name}", wall, cpu, shown, stall)

        heart = Heart()
        beating = asyncio.ensure_future(heart.beat())
        # What is first used is opened and loaded.
        await row("")
        yield await row("")
        yield await row(", a seventh readable", FEW)
        if shards == 1:
            yield Row(f"{size:,} passages, Edge alone", *await alone(filled, asked, dense))
        if removed:
            filled.remove(size, removed)
            yield await row(f", {removed:.0%} removed")
        yield Row(
            f"{size:,} passages, {shards} shards, the workflow `search`",
            *await timed(asking(filled, asked, dense), count),
        )
        # In earnest another process writes it; here the loop waits meanwhile, and that does not count.
        filled.add(size + 1, max(1, size // 10))
        yield await row(" and a new one", count=min(20, count))
        beating.cancel()
        filled.store.close()


@dataclass(frozen=True)
class Given:
    """An embedder that takes no time: the vectors of the questions are given."""

    vectors: dict[str, np.ndarray[Any, np.dtype[np.float32]]]
    name: str = "made-up"
    dimensions: int = DIMENSIONS

    async def embed(self, texts: Sequence[str], *, kind: str) -> Any:
        """Their rows."""
        return np.stack([self.vectors[text] for text in texts])


def asking(
    filled: Filled, asked: Sequence[str], dense: np.ndarray[Any, np.dtype[np.float32]]
) -> Callable[[int], Awaitable[Any]]:
    """A run of the workflow `search`: the engine, the node, the store, and no time of an embedder."""
    ports = {VectorStore: filled.store, Embedder: Given(dict(zip(asked, dense, strict=True)))}
    flow = load_workflow("search")

    async def search(number: int) -> Hits:
        result = await flow.run(Question(asked[number], READER), ports=ports)
        assert isinstance(result.output, Hits)
        return result.output

    return search


async def recall(filled: Filled, principal: Principal, dense: np.ndarray[Any, np.dtype[np.float32]]) -> float:
    """The share of the ten readable vectors that are nearest which the dense leg returns."""
    readable = {
        name: vector
        for name, (granted, vector) in filled.passages.items()
        if not principal.grants.isdisjoint(granted)
    }
    names, shares = list(readable), []
    matrix = np.stack([readable[name] for name in names])
    for vector in dense[:50]:
        (hits,) = await filled.store.search([Dense(vector)], principal=principal, limit=LEG)
        best = {names[row] for row in np.argsort(-(matrix @ vector))[:10]}
        shares.append(len(best & set(hits.ids[:10])) / 10)
    return float(np.mean(shares))


async def alone(
    filled: Filled, asked: Sequence[str], dense: np.ndarray[Any, np.dtype[np.float32]]
) -> tuple[list[float], list[float]]:
    """The engine's own time for the same two queries, unfiltered."""
    reader = ShardReader(filled.folder / "indexes" / "default" / "s0")
    terms = [Bm25Encoder().query(text) for text in asked]

    async def search(number: int) -> Any:
        sparse = EdgeSparse(list(terms[number].indices), list(terms[number].values))
        legs = [Query.Nearest(sparse, using=TERMS), Query.Nearest(dense[number].tolist(), using=DENSE)]
        return reader.edge.query_batch(
            QueryBatchRequest([QueryRequest(limit=LEG, query=leg) for leg in legs])
        )

    times = await timed(search, len(asked))
    reader.close()
    return times


async def report(sizes: Sequence[int], shards: Sequence[int], removed: float, count: int) -> list[list[str]]:
    """The rows, each printed as soon as it is measured."""
    rows: list[list[str]] = []
    for size, number in product(sizes, shards):
        async for row in measure(size, number, removed, count):
            rows.append(row.cells())
            print(f"| {' | '.join(rows[-1])} |", flush=True)
    return rows


def main() -> None:
    """Measure and print."""
    parser = harness.Arguments(__doc__, record=True)
    parser.add_argument("--sizes", type=int, nargs="+", default=[5_000, 100_000])
    parser.add_argument("--shards", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--removed", type=float, default=0.01)
    parser.add_argument("--queries", type=int, default=300)
    given = parser.parse_args()
    print(harness.table(HEADINGS, ()))
    rows = asyncio.run(report(given.sizes, given.shards, given.removed, given.queries))
    print("\n" + harness.machine("qdrant-edge-py", "numpy"))
    if given.record:
        harness.record("search", harness.table(HEADINGS, rows))


if __name__ == "__main__":
    main()
