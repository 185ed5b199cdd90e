"""Random steps of a folder and its index, beside a model of what the index must hold."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.application.application import Application
from orchestrator.application.job_runners import JobRunners
from orchestrator.indexing.sharded_writer import ShardedIndexWriter
from orchestrator.indexing.upkeep import pages
from orchestrator.jobs.ledger_worker import LedgerWorker
from orchestrator.ports import IndexRegistry, Ledger
from tests.indexing.contents import registry_of
from tests.workers.deployment import sentence, submit_add


class Crash(Exception):
    """What stops a job in the middle."""


@dataclass
class RandomSteps:
    """Adds, edits, deletes, orders, crashes and duplicate deliveries, each at random."""

    app: Application
    root: Path
    seed: int
    texts: dict[str, str] = field(default_factory=dict[str, str])
    done: Counter[str] = field(default_factory=Counter[str])

    async def run(self, steps: int, *, verify: int = 50) -> None:
        """So many steps; every `verify` of them, and at the end, the index is compared with its store."""
        chance = random.Random(self.seed)
        self.root.mkdir(exist_ok=True)
        self._write("always", "This one stays.")
        runners = JobRunners(self.app.container, lease=30.0)
        try:
            for number in range(1, steps + 1):
                step = chance.choice(
                    [self._add, self._edit, self._edit, self._delete, self._index, self._crash]
                )
                await step(chance, runners)
                self.done[step.__name__.strip("_")] += 1
                if number % verify == 0:
                    await self._index(chance, runners)
                    assert (await self.app.indexer().verify()).faults == ()
        finally:
            runners.close()

    async def _add(self, chance: random.Random, runners: JobRunners) -> None:
        self._write(f"n{chance.randrange(10_000)}", sentence(chance))

    async def _edit(self, chance: random.Random, runners: JobRunners) -> None:
        self._write(chance.choice(sorted(self.texts)), sentence(chance))

    async def _delete(self, chance: random.Random, runners: JobRunners) -> None:
        name = chance.choice(sorted(self.texts))
        if name != "always":
            (self.root / f"{name}.txt").unlink()
            del self.texts[name]

    async def _index(self, chance: random.Random, runners: JobRunners) -> None:
        """An order, done to its end; and the numbers of jobs come again."""
        submit_add(self.app, self.root)
        worker = self._worker(runners)
        await worker.run(until_idle=True)
        for job in self._ledger.jobs(brief=True, last=4):
            assert not await worker.run_one(job.id), "a job was done twice"
        self._compare()

    async def _crash(self, chance: random.Random, runners: JobRunners) -> None:
        """An order that is stopped somewhere; what it was about is done by the next."""
        order = submit_add(self.app, self.root)
        worker = self._worker(runners)
        if chance.random() < 0.3:
            loop = asyncio.get_running_loop()
            loop.call_later(chance.uniform(0.0, 0.5), worker.stop)
            await worker.run(until_idle=True)
        else:
            with _crashing(chance):
                await worker.run(until_idle=True)
        if self.app.jobs.find(order.id).state == "dead":
            self.app.jobs.retry(order.id)
        await self._worker(runners).run(until_idle=True)
        self._compare()

    def _write(self, name: str, text: str) -> None:
        self.texts[name] = text
        (self.root / f"{name}.txt").write_text(text)

    def _worker(self, runners: JobRunners) -> LedgerWorker:
        return LedgerWorker(self._ledger, runners.runner, lease=30.0, grace=0.0)

    def _compare(self) -> None:
        """The index holds each file's text once, and nothing else."""
        registry = self.app.container.get(IndexRegistry)
        held = Counter(
            (row.file, "".join(passage.text for passage in row.passages))
            for page in pages(registry, "default")
            for row in page
        )
        assert held == Counter((f"{name}.txt", text) for name, text in self.texts.items())
        assert {row.file for row in registry_of(self.app).files("default")} == {
            f"{name}.txt" for name in self.texts
        }
        assert {job.state for job in self._ledger.jobs(brief=True)} <= {"done", "dead"}

    @property
    def _ledger(self) -> Ledger:
        return self.app.container.get(Ledger)


@contextmanager
def _crashing(chance: random.Random) -> Generator[None]:
    """Writing a shard, or publishing it, fails once: before it begins, or after it is done."""
    at, after = chance.randint(1, 3), chance.random() < 0.5
    calls = 0
    real: Any = ShardedIndexWriter.apply

    def apply(self: ShardedIndexWriter, *given: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls != at:
            return real(self, *given)
        if not after:
            raise Crash("before it was written")
        publish: Callable[..., Any] = given[-1]
        published = real(self, *given[:-1], publish)
        raise Crash(f"after version {published.number} was published")

    ShardedIndexWriter.apply = apply  # type: ignore[method-assign]
    try:
        yield
    finally:
        ShardedIndexWriter.apply = real  # type: ignore[method-assign]
