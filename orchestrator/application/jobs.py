"""The jobs of an application: submitted, listed, run here, tried again, cancelled."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from orchestrator.ports import Ledger
from orchestrator.progress import Progress, silent

if TYPE_CHECKING:
    from orchestrator.application.container import Container
    from orchestrator.budget import Budget
    from orchestrator.ports import Job, JobScope, JobState
    from orchestrator.types import Principal

#: What the keys of jobs begin with that were submitted here. Others belong to a command at work, and end
#: with it.
_SUBMITTED = "submitted:"


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
        name = f"{_SUBMITTED}{key or uuid.uuid4().hex}"
        return self._ledger.submit(kind, scope, name, payload or {})

    def list(self, *, scope: JobScope | None = None, states: Sequence[JobState] = ()) -> Sequence[Job]:
        """All jobs there are, whoever submitted them, in that order."""
        return self._ledger.jobs(scope=scope, states=states)

    def retry(self, job_id: int) -> Job:
        """Give a failed or dead job its attempts back; BadInput if it is neither."""
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
        from orchestrator.jobs.job_run import JobRunner
        from orchestrator.jobs.registry import JobHandlers
        from orchestrator.jobs.write_lock import write_lock

        container = self._container
        runner = JobRunner(
            self._ledger,
            JobHandlers(),
            container.ports(),
            principal=principal or container.settings.principal,
            budget=budget,
        )
        waiting = await asyncio.to_thread(self._waiting, scope)
        for each in dict.fromkeys(job.scope for job in waiting):
            lock = write_lock(self._ledger, each, wait=wait, progress=progress, end_stale=False)
            async with lock as worker:
                for job in (job for job in waiting if job.scope == each):
                    while await runner.run(job.id, worker):
                        pass
        done = {job.id for job in waiting}
        return [job for job in await asyncio.to_thread(self.list, scope=scope) if job.id in done]

    def _waiting(self, scope: JobScope | None) -> Sequence[Job]:
        states: tuple[JobState, ...] = ("pending", "failed", "running")
        found = self._ledger.jobs(scope=scope, states=states)
        return [job for job in found if job.key.startswith(_SUBMITTED)]

    @property
    def _ledger(self) -> Ledger:
        return self._container.get(Ledger)
