"""The signs that a worker gives: what `doctor`, metrics and health checks know of it."""

from __future__ import annotations

import time
from contextlib import suppress

from orchestrator.errors import StoreError
from orchestrator.ports import Ledger, WorkerPresence
from orchestrator.version import __version__

#: Seconds between two signs.
SIGN = 10.0


class WorkerSigns:
    """Tells the ledger now and then that a worker of a name is there."""

    def __init__(self, ledger: Ledger, name: str) -> None:
        self._ledger = ledger
        self._name = name
        self._started = time.time()
        self._given = 0.0

    @property
    def due(self) -> bool:
        """Whether it is time for another."""
        return time.time() - self._given >= SIGN

    def give(self, job: int | None = None) -> None:
        """Give a sign, with the job that is done; it waits for the database."""
        self._given = time.time()
        presence = WorkerPresence(self._name, __version__, self._started, self._given, job)
        self._ledger.appear(presence)

    def end(self) -> None:
        """Say that the worker is there no more; nothing if the database cannot be reached."""
        with suppress(StoreError):
            self._ledger.vanish(self._name)
