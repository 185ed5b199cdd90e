"""What the state in SQL costs: publishing, reading passages, polling a version, jobs, runs.

    python -m benchmarks.state [--passages 100000] [--url sqlite:////tmp/state.db]

Passages of 1,000 characters and 80 terms each, ten to a document; without `--url` in a SQLite file of
its own. Times of one call are medians over some hundred calls.
"""

from __future__ import annotations

import asyncio
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from importlib.metadata import version
from itertools import count
from pathlib import Path

from benchmarks import harness
from connectors.sql import (
    Database,
    SqlCache,
    SqlDocuments,
    SqlIndexRegistry,
    SqlLedger,
    SqlRuns,
    open_database,
)
from orchestrator.ports import (
    DocumentRow,
    IndexChange,
    IndexFormat,
    Job,
    PassageRow,
    RunRecord,
    Shard,
    ShardedChange,
    index_scope,
)
from orchestrator.types import ANONYMOUS

TEXT = "word " * 200
FORMAT = IndexFormat("embedder", 256, "bm25")


class WallClock:
    """The `Clock` port."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


def corpus(passages: int) -> tuple[tuple[DocumentRow, ...], dict[str, list[int]]]:
    """Documents of ten passages, and each passage's terms."""
    draw = random.Random(0)
    rows: list[DocumentRow] = []
    terms: dict[str, list[int]] = {}
    for number in range(passages // 10):
        inside = tuple(
            PassageRow(f"{draw.getrandbits(128):032x}", place, TEXT, "h" * 64) for place in range(10)
        )
        terms.update({row.id: [int(draw.random() ** 3 * 100_000) for _ in range(80)] for row in inside})
        name = f"file-{number}"
        rows.append(
            DocumentRow(
                f"{draw.getrandbits(128):032x}",
                "default",
                "/docs",
                name,
                name,
                "Title",
                f"/docs/{name}",
                "h" * 64,
                ("public",),
                {"year": 2020},
                inside,
            )
        )
    return tuple(rows), terms


def median(call: Callable[[], object], times: int = 300) -> float:
    """Milliseconds of a call."""
    taken: list[float] = []
    for _ in range(times):
        begun = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken) * 1000


async def awaited(call: Callable[[], Awaitable[object]], times: int = 300) -> float:
    """Milliseconds of an awaited call."""
    taken: list[float] = []
    for _ in range(times):
        begun = time.perf_counter()
        await call()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken) * 1000


def main() -> None:
    """Print the table."""
    parser = harness.Arguments(__doc__)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--url")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(given.url or Path(folder) / "state.db")
        print(
            f"{'SQLite' if database.is_sqlite else 'PostgreSQL'}, sqlalchemy {version('sqlalchemy')}, ",
            end="",
        )
        print(f"python {sys.version.split()[0]}, {given.passages:,} passages")
        for name, value, unit in rows(database, given.passages):
            print(f"{name:58} {value:10.3f} {unit}", flush=True)
        database.close()


def rows(database: Database, passages: int) -> list[tuple[str, float, str]]:
    """(what, how much, unit) of everything that is measured."""
    catalogue, ledger = SqlIndexRegistry(database), SqlLedger(database, WallClock())
    numbers = count()
    found: list[tuple[str, float, str]] = []
    documents, terms = corpus(passages)
    index = f"benchmark-{time.time_ns()}"
    catalogue.create(index, FORMAT)

    def job() -> Job:
        submitted = ledger.submit("add", index_scope(index), f"{index}-{next(numbers)}", {})
        leased = ledger.claim("worker", seconds=600, job=submitted.id)
        assert leased is not None
        return leased

    def publish(what: str, change: IndexChange) -> None:
        leased = job()
        begun = time.perf_counter()
        catalogue.publish(leased, index, change)
        found.append((what, time.perf_counter() - begun, "s"))

    publish("publish all passages at once", ShardedChange(documents, terms=terms, shard=Shard("a", passages)))
    found.append(("  peak memory of the process, its input included", peak(), "MB"))
    half = documents[: len(documents) // 2]
    publish("replace half of them", ShardedChange(half, terms=terms, shard=Shard("b", 10 * len(half))))
    base = catalogue.create(index, FORMAT).number
    merged = ShardedChange(shard=Shard("c", passages), merged=("a", "b"), base=base)
    publish("merge the two shards", merged)
    some = documents[:100]
    small = {passage.id: terms[passage.id] for row in some for passage in row.passages}
    publish("replace 1,000 passages", ShardedChange(some, terms=small, shard=Shard("d", 1000)))
    current = catalogue.create(index, FORMAT)
    found.append(("current version, nothing written since", median(lambda: catalogue.current(index)), "ms"))

    def after_a_write() -> None:
        ledger.hold(index, "owner", seconds=1)
        catalogue.current(index)

    both, write = median(after_a_write), median(lambda: ledger.hold(index, "owner", seconds=1))
    found.append(("current version, after another's write", both - write, "ms"))
    found.append(("statistics of a reader", median(lambda: catalogue.statistics(current, ANONYMOUS)), "ms"))
    found.append(
        (
            "submit, claim and finish a job",
            median(lambda: ledger.finish(job(), {})),
            "ms",
        )
    )
    found.extend(asyncio.run(online(database, index, [row.id for row in documents[0].passages] * 10)))
    return found


async def online(database: Database, index: str, ids: list[str]) -> list[tuple[str, float, str]]:
    """What a run in a server costs."""
    store, runs, cache = SqlDocuments(database, index), SqlRuns(database), SqlCache(database)
    ten = ids[:10]
    numbers = count()

    async def run() -> None:
        record = RunRecord(f"{index}-{next(numbers)}", "chat", "plan", "none", ANONYMOUS)
        await runs.begin(record)
        await runs.finish(replace(record, status="done", output={"type": "int", "value": 1}))

    measured = [
        ("read 10 passages", await awaited(lambda: store.passages(ten, principal=ANONYMOUS)), "ms"),
        ("begin and finish a run", await awaited(run), "ms"),
        (
            "put 10 KB into the cache",
            await awaited(lambda: cache.put(f"key-{next(numbers)}", bytes(10_000), sources=ten)),
            "ms",
        ),
        ("get it", await awaited(lambda: cache.get("key-300")), "ms"),
    ]
    await runs.close()
    return measured


def peak() -> float:
    """Most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
