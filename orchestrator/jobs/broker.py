"""Brokers bring jobs to workers by their numbers; what a job is, and whether it is done, the ledger knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from orchestrator.errors import StoreError


class BrokerAway(StoreError):
    """The broker cannot be reached, or does not take a message."""


@dataclass(frozen=True, slots=True)
class BrokerWork:
    """What a worker of a broker does: the jobs of some `queues`, all if there are none, in so many processes.

    `lease` is for how many seconds nobody else does what a worker does that vanished.
    """

    queues: Sequence[str] = ()
    processes: int = 1
    lease: float = 120.0


@runtime_checkable
class JobBroker(Protocol):
    """Brings jobs to workers, in queues.

    A message is the number of a job, and may be lost or come twice: who gets one claims the job in the
    ledger, whose claimable jobs are announced again and again.
    """

    def work(self, work: BrokerWork) -> int:
        """Do jobs until this process is told to end; the exit code."""
        ...

    def depths(self) -> Mapping[str, int]:
        """How many messages wait in each queue."""
        ...

    def unattended(self) -> Sequence[str]:
        """The queues from which no worker takes anything."""
        ...
