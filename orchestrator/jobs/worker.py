"""The worker of a command: a process that runs the jobs of its write lock, and reports progress.

It is told what to do on the first line of standard input, and that there may be work on each further
line; it tells what it does on standard output, a JSON object a line. When its input ends, so does it, at
once: whoever started it has died or needs it no more, and a job that was not published has written
nothing that anybody sees.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

from orchestrator.jobs.job_run import JobRunner
from orchestrator.ports import JobScope
from orchestrator.process import process_name

#: Seconds after which a worker looks for work though nobody told it.
_LOOK = 1.0
#: So many of a unit are told at once, unless there is something else to tell: a line each were too many.
_TOLD_AT = {"files": 50}


class Reports:
    """The reports of a worker, as lines; counts are batched."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def tell(self, **what: Any) -> None:
        """Write one line, and the counts so far before it."""
        with self._lock:
            lines = [json.dumps(what)] if what else []
            if self._counts:
                lines.insert(0, json.dumps(dict(self._counts)))
                self._counts.clear()
            for line in lines:
                self._stream.write(line + "\n")
            self._stream.flush()

    def count(self, done: Mapping[str, int]) -> None:
        """Add to the counts."""
        with self._lock:
            self._counts.update(done)
            enough = any(number >= _TOLD_AT.get(unit, 1) for unit, number in self._counts.items())
        if enough:
            self.tell()


@dataclass(frozen=True, slots=True, eq=False)
class WorkerOrder:
    """The order of a worker: the jobs of a write lock, with settings; at first there are jobs of `kinds`."""

    scope: JobScope
    lock: str
    settings: Mapping[str, Any]
    kinds: frozenset[str]
    reports: Reports
    woken: threading.Event


def take_order() -> WorkerOrder:
    """Read what this process is to do, and from then on end with whoever started it."""
    # An interrupt from the keyboard is the parent's to deal with.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Only reports may go where the parent listens; some libraries print.
    reports = Reports(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)
    told = json.loads(sys.stdin.readline())
    woken = threading.Event()
    threading.Thread(target=_listen, args=(woken,), daemon=True).start()
    return WorkerOrder(
        JobScope(*told["scope"]), told["lock"], told["settings"], frozenset(told["kinds"]), reports, woken
    )


async def work(runner: JobRunner, order: WorkerOrder) -> None:
    """Run the jobs of the order's write lock until the process ends."""
    name, prefix = process_name(), f"{order.lock}:"
    runner.watch = order.reports.count
    while True:
        order.woken.clear()
        job = await asyncio.to_thread(
            runner.ledger.claim, name, seconds=runner.lease, scope=order.scope, prefix=prefix
        )
        if job is None:
            await asyncio.to_thread(order.woken.wait, _LOOK)
            continue
        order.reports.tell(claimed=job.id, kind=job.kind)
        await runner.do(job)
        order.reports.tell(ended=job.id)


def _listen(woken: threading.Event) -> None:
    while sys.stdin.readline():
        woken.set()
    os._exit(0)
