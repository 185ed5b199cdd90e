"""The quantised first stage: recall against all vectors compared exactly, time, and size on disk.

    python -m benchmarks.quantisation [--data DIR] [--embedder light] [--passages 30000]

The passages are those of all judged sets, then sentences of their texts until there are enough: real
vectors in one shard with a graph. The queries are those of the sets, some of each.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, get_args

import numpy as np

from benchmarks import harness
from connectors.bm25 import Bm25Encoder
from connectors.qdrant_edge import EdgeShardWriter, EdgeVectorStore
from connectors.qdrant_edge.shards import Quantisation
from connectors.sql import SqlIndexRegistry, SqlLedger, SqlShardRegistry, open_database
from orchestrator.application.application import Application
from orchestrator.clock import SystemClock
from orchestrator.evaluation import beir
from orchestrator.indexing.index_format import index_format
from orchestrator.ports import Dense, DocumentRow, Embedder, ShardedChange, SparseVector, index_scope
from orchestrator.settings import Settings
from orchestrator.testing.vectors import document
from orchestrator.text.sentences import sentences
from orchestrator.types import ANONYMOUS

if TYPE_CHECKING:
    from numpy.typing import NDArray

SETS = ("scifact", "cranfield", "musique", "theoremqa", "toolbench")
QUERIES = 40
K = (10, 100)


async def vectors(
    folder: Path, embedder: str, passages: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Vectors of passages, and of queries."""
    sets = [beir(folder / name) for name in SETS]
    whole = [f"{one.title}\n{one.text}" for data in sets for one in data.corpus.records()]
    parts = (text[one.start : one.end] for text in whole for one in sentences(text))
    texts = [*whole, *(part for part, _ in zip(parts, range(max(0, passages - len(whole))), strict=False))]
    asked = [text for data in sets for text in list(data.queries.values())[:QUERIES]]
    async with Application(Settings(embedder=embedder)) as application:  # type: ignore[arg-type]
        model = application.container.get(Embedder)
        return await model.embed(texts, kind="passage"), await model.embed(asked, kind="query")


async def run(folder: Path, embedder: str, passages: int) -> None:
    """Build a shard each way, ask, print."""
    dense, queries = await vectors(folder, embedder, passages)
    rows: list[DocumentRow] = [document(f"d{number}", f"p{number}") for number in range(len(dense))]
    ids = np.array([row.passages[0].id for row in rows])
    exact = [ids[np.argsort(-(dense @ query), kind="stable")[: max(K)]] for query in queries]
    async with Application(Settings(embedder=embedder)) as application:  # type: ignore[arg-type]
        made_with = index_format(application.container.get(Embedder), Bm25Encoder())
    print(f"{len(dense)} passages, {len(queries)} queries, {embedder}")
    for how in get_args(Quantisation):
        with TemporaryDirectory() as home:
            database = open_database(Path(home) / "state.db")
            catalogue, ledger = SqlIndexRegistry(database), SqlLedger(database, SystemClock())
            catalogue.create("default", made_with)
            submitted = ledger.submit("add", index_scope("default"), "key", {})
            job = ledger.claim("benchmark", seconds=3600, job=submitted.id)
            assert job is not None
            writer = EdgeShardWriter(Path(home) / "indexes", quantisation=how)
            shard = writer.build("default", "one", rows, dense, [SparseVector((1,), (1.0,))] * len(dense))
            catalogue.publish(job, "default", ShardedChange(shard=shard, documents=tuple(rows)))
            size = sum(file.stat().st_size for file in (Path(home) / "indexes").rglob("*") if file.is_file())
            for oversampling in (1.0, 1.5, 3.0, 6.0) if how != "none" else (1.0,):
                store = EdgeVectorStore(
                    catalogue,
                    SqlShardRegistry(database),
                    "default",
                    Path(home) / "indexes",
                    Bm25Encoder(),
                    made_with,
                    oversampling=oversampling,
                )
                line = f"{how:<7} oversampling {oversampling:.1f}"
                for k in K:
                    recalls, times = await asked(store, queries, exact, k)
                    line += f"  recall@{k} {recalls:.4f}  p50 {times:.2f} ms"
                print(f"{line}  {size / 2**20:.0f} MiB")
                store.close()
            database.close()


async def asked(
    store: EdgeVectorStore, queries: NDArray[np.float32], exact: list[NDArray[np.str_]], k: int
) -> tuple[float, float]:
    """Mean recall and median milliseconds."""
    await store.search([Dense(queries[0])], principal=ANONYMOUS, limit=k)
    recalls: list[float] = []
    times: list[float] = []
    for query, wanted in zip(queries, exact, strict=True):
        began = time.perf_counter()
        (hits,) = await store.search([Dense(query)], principal=ANONYMOUS, limit=k)
        times.append((time.perf_counter() - began) * 1000)
        recalls.append(len(set(hits.ids) & set(wanted[:k].tolist())) / k)
    return float(np.mean(recalls)), float(np.median(times))


def main() -> None:
    """Read the arguments, measure, print."""
    parser = harness.Arguments(__doc__, data=True)
    parser.add_argument("--embedder", default="light", choices=["light", "minilm"])
    parser.add_argument("--passages", type=int, default=30_000)
    arguments = parser.parse_args()
    asyncio.run(run(arguments.data, arguments.embedder, arguments.passages))


if __name__ == "__main__":
    main()
