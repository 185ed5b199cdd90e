"""Search latency over the embedded store, with the access filter on, beside Qdrant Edge alone without one.

    python -m benchmarks.search [--sizes 5000 100000] [--queries 300] [--shards 1 4]

Passages are made up: words by Zipf's law, unit vectors around 200 centres, half of them readable. A
search is both legs of a hybrid query in one call of the store (100 candidates a leg) and their fusion,
as the Retrieve node does it, with the query's vector given. "Edge alone" asks the same two queries of
one shard of the same points in one batch, with no access filter, no catalogue and no fusion.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.metadata
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from qdrant_edge import EdgeShard, Query, QueryBatchRequest, QueryRequest
from qdrant_edge import SparseVector as EdgeSparse

from connectors.bm25 import Bm25Encoder
from connectors.qdrant_edge import EdgeShardWriter, EdgeVectorStore
from connectors.qdrant_edge.points import DENSE, TERMS
from connectors.sql import Database, SqlCatalogue, SqlLedger
from orchestrator import Principal
from orchestrator.clock import SystemClock
from orchestrator.nodes.fusion import anchored_sum
from orchestrator.ports import Dense, DocumentRow, IndexChange, IndexFormat, Lexical, PassageRow
from orchestrator.types import Hits

DIMENSIONS, VOCABULARY, WORDS, LEG = 256, 30_000, 80, 100
READER = Principal(grants=frozenset({"public"}), name="reader")


def texts(count: int, rng: np.random.Generator, words: int) -> list[str]:
    """Texts of words whose frequencies follow Zipf's law."""
    ranks = np.minimum(rng.zipf(1.2, (count, words)), VOCABULARY)
    return [" ".join(f"word{rank}" for rank in row) for row in ranks]


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
            labels=("public",) if row % 2 else ("staff",),
            metadata={},
            passages=(PassageRow(str(uuid.UUID(int=(1 << 64) + first + row)), 0, text, str(first + row)),),
        )
        for row, text in enumerate(said)
    ]


def fill(folder: Path, size: int, shards: int) -> EdgeVectorStore:
    """An index of so many passages in so many shards."""
    encoder, clock = Bm25Encoder(), SystemClock()
    database = Database(folder / "state.db")
    catalogue, ledger = SqlCatalogue(database, clock), SqlLedger(database, clock)
    made_with = IndexFormat("made-up", DIMENSIONS, encoder.name)
    catalogue.create("default", made_with)
    writer, rng = EdgeShardWriter(folder / "indexes"), np.random.default_rng(size)
    for number, part in enumerate(np.array_split(np.arange(size), shards)):
        said, dense = texts(len(part), rng, WORDS), vectors(len(part), rng)
        sparse = encoder.passages(said)
        rows = documents(said, int(part[0]))
        job = ledger.submit("add", "default", f"{number}", {})
        leased = ledger.claim("benchmark", seconds=3600, job=job.id)
        assert leased is not None
        shard = writer.build("default", f"s{number}", rows, dense, sparse)
        terms = {row.passages[0].id: vector.indices for row, vector in zip(rows, sparse, strict=True)}
        catalogue.publish(leased, "default", IndexChange(shard=shard, documents=tuple(rows), terms=terms))
    return EdgeVectorStore(catalogue, "default", folder / "indexes", encoder, made_with)


async def timed(search: Callable[[int], Awaitable[Any]], count: int) -> list[float]:
    """ms of each search, after a warm-up."""
    for number in range(20):
        await search(number % count)
    found: list[float] = []
    for number in range(count):
        begun = time.perf_counter()
        await search(number)
        found.append((time.perf_counter() - begun) * 1e3)
    return found


async def measure(size: int, shards: int, count: int) -> list[tuple[str, list[float]]]:
    """ms by what was asked."""
    rng = np.random.default_rng(1)
    asked, dense = texts(count, rng, 8), vectors(count, rng)
    with tempfile.TemporaryDirectory() as folder:
        store = fill(Path(folder), size, shards)

        async def hybrid(number: int) -> Hits:
            found = await store.search(
                [Lexical(asked[number]), Dense(dense[number])], principal=READER, limit=LEG
            )
            return anchored_sum(*found).top(20)

        rows = [(f"{size:,} passages, {shards} shards, access filter, fused", await timed(hybrid, count))]
        store.close()
        if shards == 1:
            shard = EdgeShard.load(str(Path(folder) / "indexes" / "default" / "s0"))
            encoder = Bm25Encoder()
            terms = [encoder.query(text) for text in asked]

            async def alone(number: int) -> Any:
                sparse = EdgeSparse(list(terms[number].indices), list(terms[number].values))
                legs = [
                    Query.Nearest(sparse, using=TERMS),
                    Query.Nearest(dense[number].tolist(), using=DENSE),
                ]
                return shard.query_batch(
                    QueryBatchRequest([QueryRequest(limit=LEG, query=leg) for leg in legs])
                )

            rows.append((f"{size:,} passages, Edge alone, no filter", await timed(alone, count)))
            shard.close()
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[5_000, 100_000])
    parser.add_argument("--shards", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--queries", type=int, default=300)
    arguments = parser.parse_args()
    print("| search | p50 ms | p99 ms |\n|---|---|---|")
    for size in arguments.sizes:
        for shards in arguments.shards:
            for name, found in asyncio.run(measure(size, shards, arguments.queries)):
                print(
                    f"| {name} | {np.percentile(found, 50):.2f} | {np.percentile(found, 99):.2f} |",
                    flush=True,
                )
    edge = importlib.metadata.version("qdrant-edge-py")
    print(f"\nversions: python {sys.version.split()[0]}, qdrant-edge-py {edge}, numpy {np.__version__}")


if __name__ == "__main__":
    main()
