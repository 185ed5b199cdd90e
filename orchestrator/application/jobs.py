"""The jobs of an application: submitted, listed, run here, tried again, cancelled."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from orchestrator.errors import BadInput
from orchestrator.jobs.job_view import order_of
from orchestrator.ports import ACTIVE, SUBMITTED, Ledger
from orchestrator.progress import Progress, silent
from orchestrator.tracing import with_span

if TYPE_CHECKING:
    from orchestrator.application.container import Container
    from orchestrator.budget import Budget
    from orchestrator.jobs.ledger_worker import LedgerWorker
    from orchestrator.ports import Job, JobScope, JobState
    from orchestrator.types import Principal


class Jobs:
    """Jobs whose handlers are registered: entry points of the group `orchestrator.jobs`."""

    def __init__(self, container: Container) -> None:
        self._container = container

    def submit(
        self, kind: str, scope: JobScope, payload: Mapping[str, Any] | None = None, *, key: str | None = None
    ) -> Job:
        """Note a job to be run; its handler is the one named by the kind of the scope, a dot, and `kind`.

        A `key` names one piece of work for good: submitting it again gives the job as it is.
        """
        name = f"{SUBMITTED}{key or uuid.uuid4().hex}"
        return self._ledger.submit(kind, scope, name, with_span(payload or {}))

    def list(self, *, scope: JobScope | None = None, states: Sequence[JobState] = ()) -> Sequence[Job]:
        """All jobs there are, whoever submitted them, in that order."""
        return self._ledger.jobs(scope=scope, states=states)

    def find(self, job_id: int) -> Job:
        """The job of a number; BadInput if there is none."""
        return self._ledger.job(job_id)

    def retry(self, job_id: int) -> Job:
        """Give a failed or dead job its attempts back; BadInput if it is neither, or part of what is over."""
        order = order_of(self._ledger.job(job_id))
        if order is not None and self._ledger.job(order).state not in ACTIVE:
            raise BadInput(
                f"Job {job_id} is a part of job {order}, which is not worked on any more.",
                hint=f"Retry job {order}: it finds out what is missing.",
            )
        return self._ledger.retry(job_id)

    def cancel(self, job_id: int) -> Job:
        """Make a job dead that is not done; who works on it stops. BadInput if it is done."""
        return self._ledger.cancel(job_id)

    async def run(
        self,
        *,
        scope: JobScope | None = None,
        principal: Principal | None = None,
        budget: Budget | None = None,
        wait: float = 60.0,
        progress: Progress = silent,
    ) -> Sequence[Job]:
        """Do what was submitted and is not done, in this process; the jobs as they are then.

        Those of a scope hold its write lock: IndexBusy if another has it for longer than `wait` seconds. One
        that fails is tried again, up to its last attempt. They run for the settings' principal unless
        `principal` says for whom, each within `budget`.
        """
        from orchestrator.application.job_runners import JobRunners
        from orchestrator.jobs.write_lock import write_lock

        runners = JobRunners(self._container, principal=principal, budget=budget)
        waiting = await asyncio.to_thread(self._waiting, scope)
        try:
            for each in dict.fromkeys(job.scope for job in waiting):
                lock = write_lock(self._ledger, each, wait=wait, progress=progress, end_stale=False)
                async with lock as worker:
                    for job in (job for job in waiting if job.scope == each):
                        while await runners.runner(job).run(job.id, worker):
                            pass
        finally:
            runners.close()
        done = {job.id for job in waiting}
        return [job for job in await asyncio.to_thread(self.list, scope=scope) if job.id in done]

    async def work(
        self,
        *,
        until_idle: bool = False,
        names: Sequence[str] = (),
        lease: float | None = None,
        started: Callable[[LedgerWorker], object] = lambda worker: None,
    ) -> int:
        """Do what any worker may, until told to end, or with `until_idle` until nothing is left; how many.

        `names` are the handlers that it may need, all if there are none; `lease` is for how many seconds
        nobody else does what a worker does that vanished. `started` is given the worker, to `stop` it.
        """
        from orchestrator.application.job_runners import JobRunners
        from orchestrator.jobs.job_run import LEASE
        from orchestrator.jobs.ledger_worker import LedgerWorker

        seconds = LEASE if lease is None else lease
        runners = JobRunners(self._container, lease=seconds, stopping=lambda: worker.stopping)
        worker = LedgerWorker(self._ledger, runners.runner, lease=seconds, names=names)
        started(worker)
        try:
            return await worker.run(until_idle=until_idle)
        finally:
            runners.close()

    def _waiting(self, scope: JobScope | None) -> Sequence[Job]:
        found = self._ledger.jobs(scope=scope, states=ACTIVE)
        return [job for job in found if job.key.startswith(SUBMITTED)]

    @property
    def _ledger(self) -> Ledger:
        return self._container.get(Ledger)
