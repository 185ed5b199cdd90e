"""The worker of a deployment: does whatever the ledger has, on any number of hosts."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Event

from orchestrator.errors import IndexBusy, StoreError
from orchestrator.jobs.job_run import LEASE, JobRunner, job_fields
from orchestrator.jobs.order_runner import free_dead
from orchestrator.jobs.worker_signs import WorkerSigns
from orchestrator.jobs.write_lock import write_lock
from orchestrator.logs import logged
from orchestrator.ports import ACTIVE, PARTS, SUBMITTED, Job, Ledger, order_prefix
from orchestrator.process import process_name
from orchestrator.progress import silent

log = logging.getLogger(__name__)

#: Seconds after which a worker looks for work though nobody told it of any.
LOOK = 2.0
#: Seconds for which a job rests whose scope somebody else writes.
REST = 2.0
#: Seconds that a job has to end in when its worker is told to.
GRACE = 20.0


class LedgerWorker:
    """Does the jobs of a ledger that were submitted for any worker, and the parts that these submit.

    `runner` gives what runs a job. `names` are the handlers that it may need, such as `index.add`; all if
    there are none. `ended` is told of each job that came to an end here. `stop`, from any thread, ends it: a
    job that does not end within `grace` seconds is given back, for another worker to do. A process of a pool
    leaves it to the pool to give `signs`.
    """

    def __init__(
        self,
        ledger: Ledger,
        runner: Callable[[Job], JobRunner],
        *,
        lease: float = LEASE,
        names: Sequence[str] = (),
        grace: float = GRACE,
        signs: bool = True,
    ) -> None:
        self._ledger = ledger
        self._runner = runner
        self._lease = lease
        self._names = tuple(names)
        self._grace = grace
        self._stopping = Event()
        self._signs = WorkerSigns(ledger, process_name()) if signs else None

    @property
    def stopping(self) -> bool:
        """Whether it was told to end."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """End after the job that it does."""
        self._stopping.set()

    async def run(self, *, until_idle: bool = False) -> int:
        """Do jobs until it is told to end, or with `until_idle` until there is none; how many it did."""
        done = 0
        failures = 0
        while not self.stopping:
            try:
                await self._show(None)
                job = await self._claimed()
                if job is not None:
                    await self._logged(job)
                    done += 1
                elif until_idle and not await asyncio.to_thread(self._resting):
                    break
                else:
                    await asyncio.to_thread(self._ledger.wait, REST if until_idle else LOOK)
                failures = 0
            except StoreError as error:
                # The database may be restarting: whatever was claimed is free again when its lease runs out.
                failures += 1
                log.warning("The ledger cannot be used: %s", error.message)
                if until_idle and failures > 10:
                    raise
                await asyncio.sleep(min(5.0, 0.2 * 2**failures))
        if self._signs is not None:
            await asyncio.to_thread(self._signs.end)
        return done

    async def run_one(self, job_id: int) -> bool:
        """Do the job that a broker named; False if it is done, another's, or waits for its next attempt."""
        job = await asyncio.to_thread(
            self._ledger.claim, process_name(), seconds=self._lease, job=job_id, names=self._names
        )
        await self._show(job)
        if job is None:
            return False
        await self._logged(job)
        return True

    async def _claimed(self) -> Job | None:
        """The next job: parts of what was begun come before anything new."""
        for prefix in (PARTS, SUBMITTED):
            job = await asyncio.to_thread(
                self._ledger.claim,
                process_name(),
                seconds=self._lease,
                prefix=prefix,
                names=self._names,
            )
            if job is not None:
                return job
        running = await asyncio.to_thread(self._ledger.jobs, states=("running",), brief=True)
        await asyncio.to_thread(free_dead, self._ledger, [job for job in running if _shared(job)])
        return None

    async def _show(self, job: Job | None) -> None:
        """Say that this worker is there, now and then."""
        if self._signs is not None and self._signs.due:
            await asyncio.to_thread(self._signs.give, None if job is None else job.id)

    def _resting(self) -> bool:
        """Whether there is anything left to do, or being done."""
        jobs = self._ledger.jobs(states=ACTIVE, brief=True)
        return any(_shared(job) and (not self._names or job.name in self._names) for job in jobs)

    async def _logged(self, job: Job) -> None:
        with logged(**job_fields(job)):
            await self._until_stopped(job)

    async def _until_stopped(self, job: Job) -> None:
        """Do a job; if this worker is told to end meanwhile, cancel it after a while."""
        began = time.monotonic()
        log.info("job %s %s begins: %s, attempt %s", job.id, job.name, job.scope, job.attempt)
        working = asyncio.create_task(self._do(job))
        deadline: float | None = None
        while not working.done():
            await asyncio.wait([working], timeout=0.2)
            with suppress(StoreError):
                await self._show(job)
            if self.stopping and deadline is None:
                deadline = time.monotonic() + self._grace
            if deadline is not None and time.monotonic() > deadline:
                working.cancel()
                # A second one would cut short what the first one tidies up.
                deadline += self._grace
        try:
            await working
        except asyncio.CancelledError:
            if not self.stopping:
                raise
        except IndexBusy as error:
            log.info("job %s waits: %s", job.id, error.message)
        after = await asyncio.to_thread(self._ledger.job, job.id)
        log.info("job %s %s is %s after %.1f s", job.id, job.name, after.state, time.monotonic() - began)

    async def _do(self, job: Job) -> None:
        if not job.key.startswith(SUBMITTED):
            await self._runner(job).do(job)
            return
        # Whoever has the lock writes this scope, and a job that was submitted is about to.
        try:
            async with write_lock(
                self._ledger,
                job.scope,
                wait=0.0,
                progress=silent,
                keep=order_prefix(job.id),
                hold=self._lease,
            ):
                await self._runner(job).do(job)
        except IndexBusy as error:
            progress = {"doing": error.message}
            await asyncio.to_thread(self._ledger.give_back, job, rest=REST, progress=progress)
            raise


def _shared(job: Job) -> bool:
    return job.key.startswith((PARTS, SUBMITTED))
