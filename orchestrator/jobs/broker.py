"""Brokers bring jobs to workers by their numbers; what a job is, and whether it is done, the ledger knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from orchestrator.errors import StoreError
from orchestrator.jobs.job_scheduler import JobQueue


class BrokerAway(StoreError):
    """The broker cannot be reached, or does not take a message."""


@dataclass(frozen=True, slots=True)
class BrokerWork:
    """What a worker of a broker does: the jobs of some `queues`, all if there are none, in so many processes.

    `do` does the job of a number, in the process that calls it, and gives it back after so many seconds.
    `stop` gives back the one that the process does.
    """

    queues: Sequence[str]
    processes: int
    do: Callable[[int, float], object]
    stop: Callable[[], object]


@runtime_checkable
class JobBroker(Protocol):
    """Brings jobs to workers, in queues.

    A message is the number of a job, and may be lost or come twice: who gets one claims the job in the
    ledger, whose claimable jobs are announced again if messages were lost.
    """

    @property
    def queues(self) -> Mapping[str, JobQueue]:
        """The queues by name, in the order in which they are offered a job."""
        ...

    @property
    def again(self) -> float:
        """Seconds after which the message of a job that nobody claimed may be lost."""
        ...

    def send(self, queue: str, job_id: int) -> None:
        """Announce a job in a queue; BrokerAway if that cannot be done now."""
        ...

    def work(self, work: BrokerWork) -> int:
        """Do jobs until this process is told to end; the exit code."""
        ...

    def depths(self) -> Mapping[str, int]:
        """How many messages wait in each queue; BrokerAway if it cannot be reached."""
        ...

    def unattended(self) -> Sequence[str]:
        """The queues from which no worker takes anything; BrokerAway if it cannot be reached."""
        ...
