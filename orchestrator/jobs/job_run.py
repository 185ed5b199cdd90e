"""Runs one job: claims it, renews its lease, and records success or failure in the ledger."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import threading
from collections import ChainMap
from collections.abc import Callable, Generator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any, cast

from orchestrator.budget import Budget
from orchestrator.errors import BadInput, IndexMismatch, LeaseLost, NodeError, OrchestratorError, StoreError
from orchestrator.jobs.registry import JobHandlers
from orchestrator.ports import Job, JobEffects, Ledger, RunningJob
from orchestrator.types import NOBODY, Principal

#: What a job's error begins with when its worker died on it.
DIED = "Its worker died"
#: Seconds of a job's lease, renewed every quarter of it.
LEASE = 120.0
#: Trying again changes nothing about these.
_FINAL = (BadInput, IndexMismatch, PermissionError)


def job_key(lock: str, kind: str, payload: Mapping[str, Any]) -> str:
    """Names a piece of work within one writer's lock: submitting it twice makes one job."""
    content = json.dumps([kind, dict(payload)], sort_keys=True)
    return f"{lock}:{hashlib.sha256(content.encode()).hexdigest()}"


def worker_died(job: Job) -> bool:
    """Whether the worker of the job's last attempt died on it, or vanished."""
    return job.attempt > 1 and (job.error or DIED).startswith(DIED)


class JobRunner:
    """Runs jobs in this process.

    `ports` are what handlers are given, beside `RunningJob`. They run for `principal`, whose tenant
    decides which answers of models they share, and within `budget`. `watch` is told what is counted.
    """

    def __init__(
        self,
        ledger: Ledger,
        handlers: JobHandlers,
        ports: Mapping[Any, Any],
        *,
        principal: Principal = NOBODY,
        budget: Budget | None = None,
        watch: Callable[[Mapping[str, int]], None] = lambda done: None,
        lease: float = LEASE,
    ) -> None:
        self.ledger = ledger
        self.watch = watch
        self.lease = lease
        self._handlers = handlers
        # Chained, not copied: a port may be made when it is first read. Nothing is written to it.
        self._ports = cast("MutableMapping[Any, Any]", ports)
        self._principal = principal
        self._budget = budget

    async def run(self, job_id: int, worker: str) -> bool:
        """Claim and run a job; False if it is done, held by another, or waiting for its next attempt."""
        job = await asyncio.to_thread(self.ledger.claim, worker, seconds=self.lease, job=job_id)
        if job is None:
            return False
        await self.do(job)
        return True

    async def do(self, job: Job) -> None:
        """Run a claimed job. Errors are recorded in the ledger, which decides on a retry.

        Losing the lease, also by a cancellation of the job, stops the handler.
        """
        held = _Held(self.ledger, job, self.lease, lambda done: self.watch(done))
        try:
            handler = self._handlers.handler(job)
            working = asyncio.ensure_future(
                handler.run(
                    job,
                    ports=ChainMap({RunningJob: held}, self._ports),
                    principal=self._principal,
                    budget=self._budget,
                )
            )
            loop = asyncio.get_running_loop()
            with held.renewed(lambda: loop.call_soon_threadsafe(working.cancel)):
                result = await working
            effects = result.output if isinstance(result.output, JobEffects) else JobEffects()
            # A handler that published has finished its job: then there is no lease any more.
            await asyncio.to_thread(self.ledger.finish, job, effects.values)
        except LeaseLost:
            # Another has the job by now, or its writer gave up. What was written here is invisible.
            return
        except asyncio.CancelledError:
            if not held.lost:
                raise
        except Exception as error:
            self._fail(job, error)

    def _fail(self, job: Job, error: Exception) -> None:
        cause = error.__cause__
        if isinstance(error, NodeError) and isinstance(cause, Exception):
            error = cause
        final = isinstance(error, _FINAL) or (isinstance(error, OSError) and error.errno == errno.ENOSPC)
        if isinstance(error, OrchestratorError):
            message = f"{error.message} {error.hint}".strip()
        elif isinstance(error, OSError) and error.strerror:
            message = f"{error.strerror}: {error.filename}." if error.filename else f"{error.strerror}."
        else:
            message = f"{type(error).__name__}: {error}"
        try:
            self.ledger.fail(job, message, final=final)
        except LeaseLost:
            return


class _Held:
    """The `RunningJob` port: keeps the lease of a job while it is worked on."""

    def __init__(
        self, ledger: Ledger, job: Job, lease: float, watch: Callable[[Mapping[str, int]], None]
    ) -> None:
        self.lost = False
        self._ledger = ledger
        self._job = job
        self._rest = lease / 4
        self._lease = lease
        self._watch = watch

    def extend(self, seconds: float) -> None:
        """Let the lease last so long from now on."""
        self._lease = max(seconds, 4 * self._rest)
        self._ledger.renew(self._job, seconds=self._lease)

    def count(self, **done: int) -> None:
        """So much more is done."""
        self._watch(done)

    @contextmanager
    def renewed(self, lost: Callable[[], object]) -> Generator[None]:
        """Renew the lease until the end of the block; `lost` is called, in a thread, when it is another's."""
        done = threading.Event()

        def renew() -> None:
            while not done.wait(self._rest):
                try:
                    self._ledger.renew(self._job, seconds=self._lease)
                except LeaseLost:
                    # A job that was just published has no lease either: it is about to return.
                    self.lost = True
                    if not done.wait(min(1.0, self._rest)):
                        lost()
                    return
                except StoreError:
                    # It may be back before the lease runs out.
                    continue

        thread = threading.Thread(target=renew, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
