"""Jobs as people read them: how far each is, how fast, what it cost, how long it takes still, and why."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.ports import PARTS, Job, JobScope, JobState, Ledger, order_prefix
from orchestrator.types import Usage

#: What is counted of a job that does not say how much there is to do, the first of these that it counts.
_UNITS = ("passages", "files", "nodes", "rankers")
#: Seconds without a sign after which a worker is taken for gone.
SILENT = 60.0
_ORDER = re.compile(rf"\A{PARTS}(\d+):")


@dataclass(frozen=True, slots=True)
class JobView:
    """A job. Times are in seconds, `created`, `started` and `beat` since the epoch.

    `done` of `total` is how far it is, `total` 0 where that is not known; `rate` is `done` by the second,
    `left` how many seconds it takes still. `cost` is what it and its parts spent on models so far. `order` is
    the job that it is part of, `reason` why it failed, waits or is dead.
    """

    id: int
    kind: str
    scope: JobScope
    state: JobState
    attempt: int
    worker: str | None
    order: int | None
    created: float
    started: float | None
    beat: float | None
    seconds: float
    doing: str
    done: int
    total: int
    rate: float
    left: float | None
    cost: Usage
    reason: str | None

    def plain(self) -> dict[str, Any]:
        """The view as plain JSON."""
        return {
            "id": self.id,
            "kind": self.kind,
            "scope": {"kind": self.scope.kind, "name": self.scope.name},
            "state": self.state,
            "attempt": self.attempt,
            "worker": self.worker,
            "order": self.order,
            "created": self.created,
            "started": self.started,
            "beat": self.beat,
            "seconds": round(self.seconds, 3),
            "doing": self.doing,
            "done": self.done,
            "total": self.total,
            "rate": round(self.rate, 3),
            "left": None if self.left is None else round(self.left, 1),
            "cost": {
                "calls": self.cost.calls,
                "prompt_tokens": self.cost.prompt_tokens,
                "completion_tokens": self.cost.completion_tokens,
            },
            "reason": self.reason,
        }


def job_views(
    ledger: Ledger,
    now: float,
    *,
    states: Sequence[JobState] = (),
    parts: bool = False,
    last: int | None = None,
) -> list[JobView]:
    """Views of the `last` so many jobs, in the order of their submission; `parts` of others only if asked."""
    found = ledger.jobs(states=states, parts=parts, brief=True, last=last)
    spent: dict[int | None, Usage] = defaultdict(Usage)
    # One look at all parts: there may be many jobs, each of which has some.
    for part in ledger.jobs(prefix=PARTS, brief=True) if found else ():
        spent[order_of(part)] += _usage(part)
    return [_view(job, now, _usage(job) + spent.get(job.id, Usage())) for job in found]


def job_view(ledger: Ledger, job: Job, now: float) -> JobView:
    """The view of one job."""
    cost = _usage(job)
    if order_of(job) is None:
        for part in ledger.jobs(scope=job.scope, prefix=order_prefix(job.id), brief=True):
            cost += _usage(part)
    return _view(job, now, cost)


def order_of(job: Job) -> int | None:
    """The number of the job that this one is part of."""
    found = _ORDER.match(job.key)
    return int(found[1]) if found else None


def queues(ledger: Ledger, now: float) -> Mapping[str, tuple[int, float]]:
    """How many jobs of each kind wait, and for how many seconds the oldest of them has."""
    waiting: dict[str, list[float]] = defaultdict(list)
    for job in ledger.jobs(states=("pending", "failed"), brief=True):
        waiting[job.name].append(job.created)
    return {name: (len(times), max(0.0, now - min(times))) for name, times in sorted(waiting.items())}


def _view(job: Job, now: float, cost: Usage) -> JobView:
    progress = job.progress.read()
    unit = next((name for name in _UNITS if progress.get(name)), None)
    done = int(progress.get("done", progress.get(unit, 0) if unit else 0))
    total = int(progress.get("total", 0))
    end = now if job.state == "running" else job.changed
    seconds = 0.0 if job.started is None else max(0.0, end - job.started)
    rate = done / seconds if seconds else 0.0
    running = job.state == "running"
    doing = str(progress.get("doing", "")) or (unit or "")
    return JobView(
        id=job.id,
        kind=job.name,
        scope=job.scope,
        state=job.state,
        attempt=job.attempt,
        worker=job.worker,
        order=order_of(job),
        created=job.created,
        started=job.started,
        beat=job.beat,
        seconds=seconds,
        doing=doing if job.state in ("running", "pending") else "",
        done=done,
        total=total,
        rate=rate,
        left=max(0, total - done) / rate if running and rate and total else None,
        cost=cost,
        reason=job.error or (doing if job.state == "pending" else None) or None,
    )


def _usage(job: Job) -> Usage:
    told = job.progress.get("usage")
    return Usage(**told) if told else Usage()
