"""Runs the parts of a job that any worker may do: in the ledger for all of them, and here while it waits."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from orchestrator.errors import LeaseLost
from orchestrator.jobs.job_run import DIED, GivenBack, JobRunner, WorkFailed, job_key
from orchestrator.ports import ACTIVE, Job, Ledger, order_prefix
from orchestrator.process import is_dead, process_name
from orchestrator.progress import Progress
from orchestrator.tracing import with_span

#: Seconds after which the ledger is looked at though nobody told of anything.
_LOOK = 0.5


class OrderRunner:
    """Runs the parts of an order (`JobDispatcher`): a job that submits others of its scope.

    `order` is the job as it was claimed, `runner` does parts in this process. Parts of an earlier attempt
    are finished first, by `finish_left`: what is planned afterwards starts from what they made, so that
    nothing is done twice. Their keys name the attempt, since the same work may be needed again. Submitting
    needs the order's lease: a planner that was taken for dead adds nothing. `stopping` says whether this
    process is to end: then the order is given back between two parts.
    """

    def __init__(
        self,
        order: Job,
        runner: JobRunner,
        progress: Progress,
        *,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._order = order
        self._runner = runner
        self._ledger = runner.ledger
        self._progress = progress
        self._stopping = stopping
        self._prefix = order_prefix(order.id)
        self._lock = f"{self._prefix}{order.fence}"

    async def finish_left(self) -> None:
        """Finish what an earlier attempt at the order submitted."""
        await self._drain(0, "finishing what was begun", "")

    async def prepare(self, kind: str) -> None:
        """Nothing: the process is there."""

    async def here(self, kind: str, payloads: Iterable[Mapping[str, Any]]) -> list[Job]:
        """Run light jobs; those that are done."""
        return await self.there(kind, payloads, total=0, doing="")

    async def there(
        self,
        kind: str,
        payloads: Iterable[Mapping[str, Any]],
        *,
        total: int,
        doing: str,
        unit: str = "passages",
        done: int = 0,
    ) -> list[Job]:
        """Run jobs, here and wherever there is a worker; the jobs with their effects.

        WorkFailed if one failed for good: the others are done then.
        """
        submitted = [await self._submit(kind, payload) for payload in payloads]
        if not submitted:
            return []
        await self._drain(total, doing, unit, done)
        await self._refuse_dead()
        ids = {job.id for job in submitted}
        finished = await asyncio.to_thread(
            self._ledger.jobs, scope=self._order.scope, states=("done",), prefix=self._lock, brief=True
        )
        return [job for job in finished if job.id in ids]

    async def stop(self) -> None:
        """Nothing: the process goes on."""

    async def _submit(self, kind: str, payload: Mapping[str, Any]) -> Job:
        key = job_key(self._lock, kind, payload)
        return await asyncio.to_thread(
            self._ledger.submit, kind, self._order.scope, key, with_span(payload), order=self._order
        )

    async def _drain(self, total: int, doing: str, unit: str, before: int = 0) -> None:
        """Do parts, and wait for those that others do, until none is left."""
        while True:
            if self._stopping():
                raise GivenBack("The worker ends.", hint="Another one goes on with it.")
            parts = await asyncio.to_thread(
                self._ledger.jobs, scope=self._order.scope, prefix=self._prefix, brief=True
            )
            active = [job for job in parts if job.state in ACTIVE]
            if total:
                done = before + _counted(parts, self._lock, unit)
                self._progress(min(done, total), total, doing)
            elif doing:
                self._progress(0, 0, doing)
            if not active:
                return
            if not await self._do_one():
                await asyncio.to_thread(free_dead, self._ledger, active)
                await asyncio.to_thread(self._ledger.wait, _LOOK)

    async def _do_one(self) -> bool:
        """Do a part that nobody else does; False if there is none."""
        job = await asyncio.to_thread(
            self._ledger.claim,
            process_name(),
            seconds=self._runner.lease,
            scope=self._order.scope,
            prefix=self._prefix,
        )
        if job is None:
            return False
        await self._runner.do(job)
        # An order that gets something done is not what kills its workers.
        await asyncio.to_thread(
            self._ledger.renew, self._order, seconds=self._runner.lease, advanced=await self._is_done(job)
        )
        return True

    async def _is_done(self, job: Job) -> bool:
        return (await asyncio.to_thread(self._ledger.job, job.id)).state == "done"

    async def _refuse_dead(self) -> None:
        dead = await asyncio.to_thread(
            self._ledger.jobs, scope=self._order.scope, states=("dead",), prefix=self._lock, brief=True
        )
        if dead:
            more = f" (and {len(dead) - 1} other jobs)" if len(dead) > 1 else ""
            raise WorkFailed(
                f"Not everything could be done: {(dead[0].error or DIED).rstrip('.')}{more}.",
                hint="What was there before is unchanged. Remove the cause and retry it.",
            )


def free_dead(ledger: Ledger, jobs: Iterable[Job]) -> None:
    """Free the jobs of workers of this host that have died, so that nobody waits for their leases."""
    for job in jobs:
        if job.state == "running" and job.worker is not None and is_dead(job.worker):
            with suppress(LeaseLost):
                ledger.fail(job, f"{DIED}.")


def _counted(jobs: Iterable[Job], lock: str, unit: str) -> int:
    """How many of a unit the parts of this attempt have done."""
    counts = Counter[str]()
    for job in jobs:
        if job.key.startswith(f"{lock}:"):
            counts.update({unit: int(job.progress.get(unit, 0))})
    return counts[unit]
