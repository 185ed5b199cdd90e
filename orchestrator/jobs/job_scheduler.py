"""Announces the jobs that a ledger has to a broker's queues: the ledger is the outbox of its own jobs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from orchestrator.errors import StoreError
from orchestrator.jobs.order_runner import free_dead
from orchestrator.ports import ACTIVE, PARTS, SUBMITTED, Clock, Job, Ledger
from orchestrator.process import process_name

log = logging.getLogger(__name__)

#: The named lease of the one scheduler that announces; as long as it is held, one is alive.
SCHEDULER = "job scheduler"
#: Seconds for which it is held.
HOLD = 10.0
#: Seconds after which the message of a job that nobody claimed may be lost.
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
    what dead workers left, and what a broker lost. `depths` gives how many messages wait in each queue: one
    that has fewer than it was sent has lost some, which are sent again after `again` seconds. Of several
    schedulers, the one with the lease works.
    """

    ledger: Ledger
    clock: Clock
    queues: Mapping[str, JobQueue]
    send: Callable[[str, int], None]
    depths: Callable[[], Mapping[str, int]]
    again: float = AGAIN
    #: Of each job that was sent: as what it was, and when.
    _announced: dict[int, tuple[object, float]] = field(default_factory=dict[int, tuple[object, float]])
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
        jobs = self.ledger.jobs(states=ACTIVE, brief=True)
        shared = [job for job in jobs if job.key.startswith((PARTS, SUBMITTED))]
        free_dead(self.ledger, shared)
        self._announced = {job.id: at for job in shared if (at := self._announced.get(job.id))}
        waiting: dict[str, list[Job]] = {name: [] for name in self.queues}
        for job in sorted(shared, key=lambda job: (job.key.startswith(SUBMITTED), job.id)):
            queue = self.queue_of(job.name)
            if queue is not None and job.lease_until <= now:
                waiting[queue].append(job)
        lost = self._lost(waiting, now)
        sent = 0
        for queue, each in waiting.items():
            for job in each:
                if (not self._is_announced(job) or job.id in lost) and self._allows(queue, now):
                    self.send(queue, job.id)
                    self._announced[job.id] = (_as_it_is(job), now)
                    sent += 1
        return sent

    def queue_of(self, name: str) -> str | None:
        """The first queue that takes jobs of this handler."""
        return next((queue for queue, given in self.queues.items() if given.takes(name)), None)

    def _is_announced(self, job: Job) -> bool:
        """Whether it was sent since it can be claimed."""
        return job.id in self._announced and self._announced[job.id][0] == _as_it_is(job)

    def _lost(self, waiting: Mapping[str, Sequence[Job]], now: float) -> set[int]:
        """Jobs whose messages are likely lost, the oldest of those that wait for long."""
        sent = {name: [job for job in each if self._is_announced(job)] for name, each in waiting.items()}
        long = {
            name: [job for job in each if now - self._announced[job.id][1] >= self.again]
            for name, each in sent.items()
        }
        if not any(long.values()):
            return set()
        depths, found = self.depths(), set[int]()
        for name, each in long.items():
            # A queue that is merely long would grow by all of its jobs each time.
            found.update(job.id for job in each[: max(0, len(sent[name]) - depths.get(name, 0))])
            self._announced.update({job.id: (_as_it_is(job), now) for job in each if job.id not in found})
        return found

    def _allows(self, queue: str, now: float) -> bool:
        """Whether the rate of a queue allows another job now: a bucket that fills as time goes by."""
        rate = self.queues[queue].rate
        if rate is None:
            return True
        left, since = self._allowed.get(queue, (1.0, now))
        left = min(max(1.0, rate / 60), left + (now - since) * rate / 60)
        self._allowed[queue] = (left - 1 if left >= 1 else left, now)
        return left >= 1


def _as_it_is(job: Job) -> object:
    """What a claim changes, and giving back: either has used up the message."""
    return job.fence, job.changed
