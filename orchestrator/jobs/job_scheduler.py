"""Announces the jobs that a ledger has to a broker's queues: the ledger is the outbox of its own jobs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from orchestrator.errors import StoreError
from orchestrator.jobs.order_runner import free_dead
from orchestrator.ports import PARTS, SUBMITTED, Clock, Job, Ledger
from orchestrator.process import process_name

log = logging.getLogger(__name__)

#: The named lease of the one scheduler that announces; as long as it is held, one is alive.
SCHEDULER = "job scheduler"
#: Seconds for which it is held.
HOLD = 10.0
#: Seconds after which a job that nobody claimed is announced again: its message may be lost.
AGAIN = 30.0


@dataclass(frozen=True, slots=True)
class JobQueue:
    """A queue: the handlers whose jobs go there, with `*` for any part of a name, and its jobs a minute."""

    kinds: Sequence[str] = ("*",)
    rate: float | None = None

    def takes(self, name: str) -> bool:
        """Whether jobs of this handler go there."""
        return any(fnmatchcase(name, kind) for kind in self.kinds)


@dataclass
class JobScheduler:
    """Announces claimable jobs by `send`, which is given a queue and a job's number, or raises BrokerAway.

    Jobs are claimable that are new, that failed and rested, and those whose lease ran out: so it sweeps up
    what dead workers left, and what a broker lost. Of several schedulers, the one with the lease works.
    """

    ledger: Ledger
    clock: Clock
    queues: Mapping[str, JobQueue]
    send: Callable[[str, int], None]
    again: float = AGAIN
    _announced: dict[int, tuple[int, float]] = field(default_factory=dict[int, tuple[int, float]])
    _allowed: dict[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])

    def run(self, stopping: Callable[[], bool], *, look: float = 1.0) -> None:
        """Announce until it is to stop; an error of the ledger or of the broker is logged, and outlived."""
        while not stopping():
            try:
                if self.leads():
                    self.announce()
                self.ledger.wait(look)
            except StoreError as error:
                log.warning("No jobs can be announced: %s", error.message)
                time.sleep(look)

    def leads(self) -> bool:
        """Whether this is the scheduler that works now: its heartbeat is the lease."""
        owner = process_name()
        return self.ledger.hold(SCHEDULER, owner, seconds=HOLD) == owner

    def announce(self) -> int:
        """Send what can be claimed and was not sent a moment ago; how many."""
        now = self.clock.now()
        jobs = self.ledger.jobs(states=("pending", "failed", "running"), brief=True)
        shared = [job for job in jobs if job.key.startswith((PARTS, SUBMITTED))]
        free_dead(self.ledger, shared)
        sent = 0
        for job in sorted(shared, key=lambda job: (job.key.startswith(SUBMITTED), job.id)):
            if job.lease_until > now or not self._is_due(job, now):
                continue
            queue = self.queue_of(job.name)
            if queue is None or not self._allows(queue, now):
                continue
            self._announced[job.id] = (job.fence, now)
            try:
                self.send(queue, job.id)
            except StoreError:
                del self._announced[job.id]
                raise
            sent += 1
        known = {job.id for job in shared}
        self._announced = {number: at for number, at in self._announced.items() if number in known}
        return sent

    def queue_of(self, name: str) -> str | None:
        """The first queue that takes jobs of this handler."""
        return next((queue for queue, given in self.queues.items() if given.takes(name)), None)

    def _is_due(self, job: Job, now: float) -> bool:
        fence, at = self._announced.get(job.id, (-1, 0.0))
        return fence != job.fence or now - at >= self.again

    def _allows(self, queue: str, now: float) -> bool:
        """Whether the rate of a queue allows another job now: a bucket that fills as time goes by."""
        rate = self.queues[queue].rate
        if rate is None:
            return True
        left, since = self._allowed.get(queue, (1.0, now))
        left = min(max(1.0, rate / 60), left + (now - since) * rate / 60)
        self._allowed[queue] = (left - 1 if left >= 1 else left, now)
        return left >= 1
