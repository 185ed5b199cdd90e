"""One writer at a time for an index in a store that has no locks of its own: a lease of the ledger's."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager

from orchestrator.errors import IndexBusy, StoreError
from orchestrator.ports import Ledger
from orchestrator.process import described, is_dead, process_name

#: Seconds for which it is held, renewed every third of it; that another writer is waited for; between looks.
_HOLD, _WAIT, _LOOK = 30.0, 60.0, 0.05


class StoreLock:
    """Keeps other writers of an index out, on whatever host: workers do parts of one job side by side.

    A holder on this host that has died is succeeded at once, another when its lease runs out.
    """

    def __init__(self, ledger: Ledger, store: str, *, wait: float = _WAIT) -> None:
        self._ledger = ledger
        self._store = store
        self._wait = wait

    @contextmanager
    def held(self, index: str) -> Generator[None]:
        """Hold the lock of an index; IndexBusy if another writer stays too long."""
        name, owner = f"{self._store} {index}", f"{process_name()} {uuid.uuid4().hex[:16]}"
        self._acquire(name, owner, index)
        done = threading.Event()
        keeping = threading.Thread(target=self._keep, args=[name, owner, done], daemon=True)
        keeping.start()
        try:
            yield
        finally:
            done.set()
            keeping.join()
            self._ledger.release(name, owner)

    def _acquire(self, name: str, owner: str, index: str) -> None:
        deadline, after = time.monotonic() + self._wait, None
        while (holder := self._ledger.hold(name, owner, seconds=_HOLD, after=after)) != owner:
            after = holder if is_dead(holder) else None
            if after is not None:
                continue
            if time.monotonic() > deadline:
                raise IndexBusy(
                    f"The index {index!r} is being written to {self._store} by {described(holder)}.",
                    hint="Try again when that is done.",
                )
            time.sleep(_LOOK)

    def _keep(self, name: str, owner: str, done: threading.Event) -> None:
        while not done.wait(_HOLD / 3):
            try:
                if self._ledger.hold(name, owner, seconds=_HOLD) != owner:
                    # Another writes by now: before anything ends, this one finds that out.
                    return
            except StoreError:
                # It may be back before the lease runs out.
                continue
