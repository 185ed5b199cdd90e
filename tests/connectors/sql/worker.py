"""A worker process for the tests: `python -m tests.connectors.sql.worker TASK URL …`."""

from __future__ import annotations

import sys
import time
from random import Random

from connectors.sql import SqlIndexRegistry, SqlLedger, open_database
from orchestrator.errors import LeaseLost
from orchestrator.ports import Shard, ShardedChange, index_scope
from orchestrator.testing.publisher import words
from orchestrator.testing.rows import document


class WallClock:
    """The `Clock` port of real processes."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


def claim_all(url: str, name: str) -> None:
    """Claim and finish jobs until there are none; print the id of each."""
    ledger = SqlLedger(open_database(url), WallClock())
    while job := ledger.claim(name, seconds=60):
        print(job.id, flush=True)  # noqa: T201
        ledger.finish(job, {"by": name})


def hang(url: str, name: str) -> None:
    """Claim a job for two seconds, say so, and do nothing."""
    job = SqlLedger(open_database(url), WallClock()).claim(name, seconds=2)
    print(job and job.id, flush=True)  # noqa: T201
    time.sleep(600)


def publish(url: str, name: str) -> None:
    """Publish the documents that jobs of the index name; a job that was lost meanwhile is another's."""
    database = open_database(url)
    ledger, registry = SqlLedger(database, WallClock()), SqlIndexRegistry(database)
    while job := ledger.claim(name, seconds=2, scope=index_scope("default")):
        random = Random(job.payload["seed"])
        rows = [
            document(f"d{number}", *(f"w{random.randrange(50)} w{random.randrange(50)}" for _ in range(3)))
            for number in sorted(random.sample(range(40), 12))
        ]
        passages = [passage for row in rows for passage in row.passages]
        change = ShardedChange(
            shard=Shard(f"{job.id}-{job.fence}", len(passages)),
            documents=tuple(rows),
            terms={passage.id: words(passage.text) for passage in passages},
        )
        try:
            version = registry.publish(job, "default", change)
        except LeaseLost:
            continue
        print(version.number, flush=True)  # noqa: T201


if __name__ == "__main__":
    {"claim_all": claim_all, "hang": hang, "publish": publish}[sys.argv[1]](*sys.argv[2:])
