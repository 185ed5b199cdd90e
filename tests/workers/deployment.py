"""A deployment for tests to kill: a home, a database, worker processes, and what orders did in it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from orchestrator.application.application import Application
from orchestrator.errors import StoreError
from orchestrator.indexing.orders import add_payload
from orchestrator.indexing.upkeep import pages
from orchestrator.ports import IndexRegistry, Job, Ledger, index_scope, order_prefix
from orchestrator.settings import Settings
from tests.indexing.samples import pdf

#: Seconds of a lease: as short as a busy machine allows.
LEASE = 4.0
WORDS = "otter badger swift owl heron fox river stone snow night sound wing nest water tree".split()


def sentence(chance: random.Random) -> str:
    """Some words."""
    return " ".join(chance.choices(WORDS, k=8)).capitalize() + "."


def change(root: Path, chance: random.Random, *, notes: int = 8) -> None:
    """Add, change and remove some files of several kinds below a root."""
    for number in range(notes):
        path = root / f"part{number % 3}" / f"note{number}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        fate = chance.random()
        if fate < 0.2:
            path.unlink(missing_ok=True)
        elif fate < 0.7 or not path.exists():
            path.write_text(f"# {sentence(chance)}\n\n" + " ".join(sentence(chance) for _ in range(5)))
    records = [
        f'{{"_id": "r{number}", "text": "{sentence(chance)}"}}' for number in range(chance.randint(20, 60))
    ]
    (root / "records.jsonl").write_text("\n".join(records))
    if chance.random() < 0.3:
        (root / "paper.pdf").write_bytes(pdf(*(sentence(chance) for _ in range(3))))
    (root / "always.txt").write_text("This one never changes.")


def processes_of(pid: int) -> Iterator[int]:
    """The processes that a process started, and theirs."""
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(child) for child in listing.read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
        for child in children:
            yield child
            yield from processes_of(child)


def kill(pid: int) -> None:
    """What `kill -9` does, to a process that may have ended just now."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


@dataclass
class Deployment:
    """Workers of a home and a database; `options` are those of `orchestrator worker`."""

    home: Path
    database_url: str = ""
    options: Sequence[str] = (f"--lease={LEASE}",)
    environment: dict[str, str] = field(default_factory=dict[str, str])
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list[subprocess.Popen[bytes]])

    @property
    def settings(self) -> Settings:
        """The settings of all its processes."""
        return Settings(home=self.home, database_url=self.database_url or None)

    def start(self) -> subprocess.Popen[bytes]:
        """Start another worker."""
        environment = {**os.environ, **self.environment}
        if self.database_url:
            environment["ORCHESTRATOR_DATABASE_URL"] = self.database_url
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "worker.log").open("ab") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "orchestrator.cli", f"--home={self.home}", "worker", *self.options],
                stdout=log,
                stderr=log,
                env=environment,
            )
        self.workers.append(worker)
        return worker

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        """Kill a worker; what it started ends by itself."""
        kill(worker.pid)
        worker.wait()
        self.workers.remove(worker)

    def stop(self) -> list[int]:
        """Tell all workers to end; their exit codes."""
        workers, self.workers = self.workers, []
        for worker in workers:
            worker.terminate()
        return [worker.wait(60) for worker in workers]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in list(self.workers):
            for pid in list(processes_of(worker.pid)):
                kill(pid)
            self.kill(worker)

    def log(self) -> str:
        """What the workers logged."""
        return (self.home / "worker.log").read_text(errors="replace")


def submit_add(app: Application, root: Path) -> Job:
    """Order that a folder is added."""
    return app.jobs.submit("add", index_scope("default"), add_payload([root]))


def hashes(app: Application) -> dict[str, str]:
    """The content hash of each document."""
    registry = app.container.get(IndexRegistry)
    if registry.current("default") is None:
        return {}
    return {row.id: row.hash for page in pages(registry, "default") for row in page}


def published(app: Application, order: Job) -> int:
    """How many documents the parts of an order wrote, each as often as it was written."""
    parts = app.container.get(Ledger).jobs(prefix=order_prefix(order.id), states=("done",), brief=True)
    return sum(part.effects.read().get("documents", 0) for part in parts if part.effects is not None)


def wait_for(order: Job, app: Application, seconds: float, meanwhile: Callable[[], object]) -> Job:
    """Wait until an order is done or dead, and do something meanwhile."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = app.jobs.find(order.id)
        except StoreError:
            # Its database was just killed.
            found = order
        if found.state in ("done", "dead"):
            return found
        assert time.monotonic() < deadline, f"Job {order.id} is {found.state} after {seconds} s: {found}"
        meanwhile()
        time.sleep(0.1)
