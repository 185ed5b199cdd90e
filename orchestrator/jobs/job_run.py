"""Runs one job: claims it, renews its lease, and records success or failure in the ledger."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import threading
import time
from collections import ChainMap, Counter
from collections.abc import Callable, Generator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Any, cast

from orchestrator.budget import Budget
from orchestrator.errors import BadInput, IndexMismatch, LeaseLost, NodeError, OrchestratorError, StoreError
from orchestrator.jobs.registry import JobHandlers
from orchestrator.logs import logged
from orchestrator.ports import Job, JobEffects, Ledger, RunningJob
from orchestrator.tracing import end_job_span, job_span, without_span
from orchestrator.types import NOBODY, Principal, Usage

#: What a job's error begins with when its worker died on it.
DIED = "Its worker died"
#: Seconds of a job's lease, renewed every quarter of it.
LEASE = 120.0
#: Seconds between two notes of how far a job is, at least.
BEAT = 1.0


class WorkFailed(StoreError):
    """Parts of a job failed for good: each had its attempts, so that the whole is not tried again."""


class GivenBack(OrchestratorError):
    """A job stops before its end, to be done by another worker as if it had not been tried."""


#: Trying again changes nothing about these.
_FINAL = (BadInput, IndexMismatch, PermissionError, WorkFailed)


def job_key(lock: str, kind: str, payload: Mapping[str, Any]) -> str:
    """Names a piece of work within one writer's lock: submitting it twice makes one job."""
    content = json.dumps([kind, dict(payload)], sort_keys=True)
    return f"{lock}:{hashlib.sha256(content.encode()).hexdigest()}"


def job_fields(job: Job) -> dict[str, int]:
    """How a log names a job, or a part of one."""
    return {"job": job.id} if job.order is None else {"job": job.order, "part": job.id}


def worker_died(job: Job) -> bool:
    """Whether the worker of the job's last attempt died on it, or vanished."""
    return job.attempt > 1 and (job.error or DIED).startswith(DIED)


class JobRunner:
    """Runs jobs in this process.

    `ports` are what handlers are given, beside `RunningJob`. They run for `principal`, whose tenant
    decides which answers of models they share, and within `budget`. `watch` is told what is counted, and
    `extended` for how long a job may stop this process's threads.
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
        extended: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self.ledger = ledger
        self.watch = watch
        self.lease = lease
        self._handlers = handlers
        # Chained, not copied: a port may be made when it is first read. Nothing is written to it.
        self._ports = cast("MutableMapping[Any, Any]", ports)
        self._principal = principal
        self._budget = budget
        self._extended = extended

    async def run(self, job_id: int, worker: str) -> bool:
        """Claim and run a job; False if it is done, held by another, or waiting for its next attempt."""
        job = await asyncio.to_thread(self.ledger.claim, worker, seconds=self.lease, job=job_id)
        if job is None:
            return False
        await self.do(job)
        return True

    async def do(self, job: Job) -> None:
        """Run a claimed job. Errors are recorded in the ledger, which decides on a retry.

        Losing the lease, also by a cancellation of the job, stops the handler. One whose task is cancelled
        gives the job back.
        """
        job, carried = without_span(job)
        with logged(**job_fields(job)), job_span(job, carried) as span:
            await self._do(job, span)

    async def _do(self, job: Job, span: Any) -> None:
        held = _Held(self.ledger, job, self.lease, lambda done: self.watch(done), self._extended)
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
            held.usage = result.usage
            effects = result.output if isinstance(result.output, JobEffects) else JobEffects()
            # A handler that published has finished its job: then there is no lease any more.
            await asyncio.to_thread(self.ledger.finish, job, effects.values)
            end_job_span(span, "done")
        except LeaseLost as error:
            # Another has the job by now, or its writer gave up. What was written here is invisible.
            if span is not None and self._published(job):
                end_job_span(span, "done")
            else:
                end_job_span(span, "lost", error)
        except asyncio.CancelledError:
            end_job_span(span, "lost" if held.lost else "given back")
            if not held.lost:
                with suppress(StoreError):
                    self.ledger.give_back(job)
                raise
        except Exception as error:
            end_job_span(span, self._fail(job, error), _cause(error))
        finally:
            held.end()

    def _published(self, job: Job) -> bool:
        """Whether a job has no lease any more since it was published."""
        now = self.ledger.job(job.id)
        return now.state == "done" and now.fence == job.fence

    def _fail(self, job: Job, error: Exception) -> str:
        """Note why a job is not done; what it is now."""
        error = _cause(error)
        if isinstance(error, GivenBack):
            self.ledger.give_back(job)
            return "given back"
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
            return "lost"
        return "failed"


def _cause(error: Exception) -> Exception:
    """What a handler raised, without the node that it is run as."""
    cause = error.__cause__
    return cause if isinstance(error, NodeError) and isinstance(cause, Exception) else error


class _Held:
    """The `RunningJob` port: keeps the lease of a job while it is worked on, and notes how far it is."""

    def __init__(
        self,
        ledger: Ledger,
        job: Job,
        lease: float,
        watch: Callable[[Mapping[str, int]], None],
        extended: Callable[[float], None],
    ) -> None:
        self.lost = False
        self.usage = Usage()
        self._ledger = ledger
        self._job = job
        self._usual = lease
        self._lease = lease
        self._watch = watch
        self._extended = extended
        self._counts: Counter[str] = Counter()
        self._reported: dict[str, Any] = {}
        self._noted: dict[str, Any] = {}

    def extend(self, seconds: float) -> None:
        """Let the lease last so much longer from now on."""
        self._lease = self._usual + seconds
        self._ledger.renew(self._job, seconds=self._lease)
        self._extended(seconds)

    def count(self, **done: int) -> None:
        """So much more is done."""
        self._counts.update(done)
        self._watch(done)

    def report(self, done: int, total: int, doing: str) -> None:
        """How much is done of all there is, and what is being done."""
        self._reported = {"done": done, "total": total, "doing": doing}

    def end(self) -> None:
        """Note how far the job got, and what it spent on models."""
        progress = self._progress()
        if self.usage.calls:
            progress["usage"] = asdict(self.usage)
        if progress and progress != self._noted:
            with suppress(StoreError):
                self._ledger.note(self._job, progress)

    @contextmanager
    def renewed(self, lost: Callable[[], object]) -> Generator[None]:
        """Renew the lease until the end of the block; `lost` is called, in a thread, when it is another's."""
        done = threading.Event()

        def renew() -> None:
            rest = self._usual / 4
            renewed = time.monotonic()
            while not done.wait(min(BEAT, rest)):
                progress = self._progress()
                if progress == self._noted and time.monotonic() - renewed < rest:
                    continue
                try:
                    self._ledger.renew(self._job, seconds=self._lease, progress=progress)
                except LeaseLost:
                    # A job that was just published has no lease either: it is about to return.
                    self.lost = True
                    if not done.wait(min(1.0, rest)):
                        lost()
                    return
                except StoreError:
                    # It may be back before the lease runs out.
                    continue
                renewed, self._noted = time.monotonic(), progress

        thread = threading.Thread(target=renew, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _progress(self) -> dict[str, Any]:
        return {**self._counts, **self._reported}
