"""Kills workers and servers at random moments while orders are done, and compares what is left."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.application.application import Application
from orchestrator.application.indexing import indexing_context
from orchestrator.indexing.indexer import Indexer
from orchestrator.ports import Ledger, order_prefix
from orchestrator.settings import Settings
from tests.indexing.contents import assert_alike, found, stored
from tests.workers.deployment import (
    Deployment,
    change,
    hashes,
    kill,
    processes_of,
    published,
    submit_add,
    wait_for,
)

QUESTIONS = ("otter river", "owl sound night", "what does a heron build?")
#: Seconds that an order may take on a busy machine, with all that is killed meanwhile.
PATIENCE = 240.0


@dataclass
class Killed:
    """What was killed how often, and what orders did: `executions` of at least `minimum` documents."""

    kills: Counter[str] = field(default_factory=Counter[str])
    orders: int = 0
    retried: int = 0
    executions: int = 0
    minimum: int = 0
    attempts: int = 0


@dataclass
class Killing:
    """A run of kills over a deployment; `servers` are crashed and started again, by name."""

    deployment: Deployment
    root: Path
    seed: int
    servers: Mapping[str, Callable[[], None]] = field(default_factory=dict[str, Callable[[], None]])
    workers: int = 2
    longest: float = 6.0
    _next: list[str] = field(default_factory=list[str])

    def run(self, kills: int) -> Killed:
        """Kill so often, and then let one more order be done in peace."""
        chance, result = random.Random(self.seed), Killed()
        change(self.root, chance)
        for _ in range(self.workers):
            self.deployment.start()
        with Application(self.deployment.settings) as app:
            left = kills
            while left > 0:
                left -= self._order(app, chance, left, result)
                change(self.root, chance)
            self._order(app, chance, 0, result)
        return result

    def _order(self, app: Application, chance: random.Random, left: int, result: Killed) -> int:
        """Have the folder added, and kill meanwhile; how many kills there were."""
        before = hashes(app)
        order = submit_add(app, self.root)
        result.orders += 1
        killed = 0
        again = time.monotonic() + chance.uniform(0.0, self.longest)

        def disturb() -> None:
            nonlocal again, killed
            if time.monotonic() < again or killed >= left:
                return
            killed += 1
            result.kills[self._kill(chance)] += 1
            again = time.monotonic() + chance.uniform(0.0, self.longest)

        while wait_for(order, app, PATIENCE, disturb).state == "dead":
            # Killed three times before it got anything done: visible, with its reason, and tried again.
            assert app.jobs.find(order.id).error
            app.jobs.retry(order.id)
            result.retried += 1
        after = hashes(app)
        result.minimum += sum(before.get(name) != digest for name, digest in after.items())
        result.executions += published(app, order)
        parts = app.container.get(Ledger).jobs(prefix=order_prefix(order.id), brief=True)
        assert all(part.state in ("done", "dead") for part in parts), parts
        result.attempts += sum(part.attempt for part in parts)
        return killed

    def _victim(self, chance: random.Random) -> str:
        """Whom to kill next: in any order, but all of them in each round."""
        if not self._next:
            self._next = ["worker", "worker", "reader", "all workers", *self.servers]
            chance.shuffle(self._next)
        return self._next.pop()

    def _kill(self, chance: random.Random) -> str:
        whom = self._victim(chance)
        if whom in self.servers:
            self.servers[whom]()
            return whom
        workers = list(self.deployment.workers)
        if whom == "reader":
            readers = list(processes_of(chance.choice(workers).pid))
            for pid in readers[:1]:
                kill(pid)
            return whom
        for worker in workers if whom == "all workers" else [chance.choice(workers)]:
            self.deployment.kill(worker)
            self.deployment.start()
        return whom


async def compared(deployment: Deployment, root: Path, fresh_home: Path) -> None:
    """Assert that the index is sound, and like one that was made without any disturbance."""
    async with Application(deployment.settings) as app, Application(Settings(home=fresh_home)) as fresh:
        assert (await app.indexer().verify()).faults == ()
        context = indexing_context(fresh.container)
        await Indexer(context, settings=None).add(root)
        context.close()
        assert stored(app) == stored(fresh)
        for question in QUESTIONS:
            assert_alike(await found(app, question), await found(fresh, question))
