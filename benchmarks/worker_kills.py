"""Kill workers, and a database or a broker, at random moments while documents are added, changed and removed.

    python -m benchmarks.worker_kills --kills 1000 [--on sqlite|postgres|celery] [--seed 1]
    python -m benchmarks.worker_kills --steps 10000

The latter takes random steps in this process instead: documents are added, edited and deleted, jobs crash
in the middle or come twice, and the index is compared with a model of it.

It needs the development environment, with PostgreSQL's programs and redis-server for the last two. It ends
with an error if anything is lost or done twice, or if the index is not that of an undisturbed run.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.harness import Arguments, machine
from orchestrator import Application
from orchestrator.settings import Settings
from tests.services.postgres import Cluster
from tests.services.redis import RedisServer
from tests.workers.deployment import LEASE, Deployment
from tests.workers.killing import Killing, compared
from tests.workers.random_steps import RandomSteps


def deployed(on: str, folder: Path, left: ExitStack) -> tuple[Deployment, dict[str, RedisServer | Cluster]]:
    """The deployment, and the servers that are killed."""
    servers: dict[str, RedisServer | Cluster] = {}
    deployment = Deployment(folder / "home")
    if on in ("postgres", "celery"):
        cluster = Cluster()
        cluster.start()
        left.callback(cluster.remove)
        left.callback(cluster.crash)
        deployment.database_url = cluster.url.format("postgres")
        servers["database"] = cluster
    if on == "celery":
        broker = RedisServer()
        broker.start()
        left.callback(broker.remove)
        left.callback(broker.crash)
        servers["broker"] = broker
        table = {"celery": {"broker_url": broker.url, "again_seconds": 3.0}}
        deployment.environment["ORCHESTRATOR_CONNECTORS"] = json.dumps(table)
        deployment.options = ("--celery", f"--lease={LEASE}", "--concurrency=1")
    return left.enter_context(deployment), servers


async def steps(number: int, seed: int) -> None:
    """Take so many random steps."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        async with Application(Settings(home=Path(name) / "home")) as application:
            taken = RandomSteps(application, Path(name) / "docs", seed)
            await taken.run(number)
    print(f"{dict(taken.done)} in {time.monotonic() - began:.0f} s: 0 missing, 0 twice, 0 orphans")
    print(machine())


def main() -> None:
    """Kill, compare, and print what was counted."""
    arguments = Arguments(__doc__)
    arguments.add_argument("--kills", type=int, default=1000)
    arguments.add_argument("--steps", type=int, default=0)
    arguments.add_argument("--on", choices=["sqlite", "postgres", "celery"], default="sqlite")
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    if given.steps:
        asyncio.run(steps(given.steps, given.seed))
        return
    with tempfile.TemporaryDirectory() as name, ExitStack() as left:
        folder = Path(name)
        deployment, servers = deployed(given.on, folder, left)

        def restart(server: RedisServer | Cluster) -> None:
            server.crash()
            server.start()

        killing = Killing(
            deployment,
            folder / "docs",
            given.seed,
            {name: lambda server=server: restart(server) for name, server in servers.items()},
        )
        began = time.monotonic()
        result = killing.run(given.kills)
        deployment.stop()
        asyncio.run(compared(deployment, folder / "docs", folder / "fresh"))
    seconds = time.monotonic() - began
    print(f"{given.on}: {sum(result.kills.values())} kills {dict(result.kills)} in {seconds:.0f} s")
    print(f"{result.orders} orders, {result.retried} retried by hand after three deaths")
    print(f"{result.executions} publications of documents, of at least {result.minimum}")
    print(f"{result.attempts} attempts at parts")
    assert result.executions == result.minimum
    print(machine())


if __name__ == "__main__":
    main()
