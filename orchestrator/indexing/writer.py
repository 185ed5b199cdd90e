"""The work of one lock: jobs are submitted, a local worker does them, and its deaths are dealt with."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from orchestrator.errors import LeaseLost, StoreError
from orchestrator.indexing.child import WorkerProcess
from orchestrator.indexing.context import IndexingContext
from orchestrator.indexing.index_plan import job_key
from orchestrator.indexing.jobs import DIED, run_job
from orchestrator.ports import Job, JobState
from orchestrator.progress import Progress

_ACTIVE: tuple[JobState, ...] = ("pending", "failed", "running")
#: Deaths of a worker in a row, before it claimed anything, after which it is given up.
_STILLBORN = 3


class Writer:
    """Does jobs of one index under a write lock's name, in a worker process or, when they are light, here.

    Without the settings of a worker, all are done here.
    """

    def __init__(
        self,
        context: IndexingContext,
        index: str,
        lock: str,
        settings: Mapping[str, Any] | None,
        progress: Progress,
    ) -> None:
        self._context = context
        self._index = index
        self._lock = lock
        self._child = WorkerProcess(index, settings) if settings is not None else None
        self._progress = progress

    async def ahead(self) -> None:
        """Start a worker that will read files while it is still found out which: to start takes a second."""
        if self._child is not None and not self._child.running:
            await self._child.start(reads=True)

    async def here(self, kind: str, payloads: Iterable[Mapping[str, Any]]) -> list[Job]:
        """Do jobs in this process, which need no model and write no shard; those that are done."""
        done: list[Job] = []
        for payload in payloads:
            job = await self._submit(kind, payload)
            if not await run_job(job.id, self._lock, self._context):
                # The worker was quicker.
                await self._drain(0, "")
            done.append(job)
        await self._refuse_dead()
        return done

    async def there(
        self, kind: str, payloads: Iterable[Mapping[str, Any]], *, total: int, doing: str, done: int = 0
    ) -> list[Job]:
        """Have jobs done by the worker; the jobs with their effects.

        `total` is how many files or passages there are, `done` how many of them were done before.
        StoreError if one failed for good: the others are done then.
        """
        submitted = [await self._submit(kind, payload) for payload in payloads]
        if not submitted:
            return []
        if self._child is None:
            await self._here(total, doing, done)
        else:
            self._child.wake()
            await self._drain(total, doing, done)
        await self._refuse_dead()
        ids = {job.id for job in submitted}
        return [job for job in await asyncio.to_thread(self._mine, ("done",)) if job.id in ids]

    async def stop(self) -> None:
        """End the worker."""
        if self._child is not None:
            await self._child.stop()

    async def _submit(self, kind: str, payload: Mapping[str, Any]) -> Job:
        key = job_key(self._lock, kind, payload)
        return await asyncio.to_thread(self._context.ledger.submit, kind, self._index, key, payload)

    async def _drain(self, total: int, doing: str, done: int = 0) -> None:
        """Wait until nothing of this write lock is left to do, with a worker that lives."""
        child = self._child
        assert child is not None
        deaths, started = 0, child.running
        while active := await asyncio.to_thread(self._mine, _ACTIVE):
            if not child.running:
                if started:
                    await asyncio.to_thread(self._give_back, active, child.ending())
                    deaths += 1
                if deaths > _STILLBORN:
                    raise StoreError(
                        f"the worker process does not start: {child.ending()}.",
                        hint="Check the installation with `orchestrator doctor`.",
                    )
                await child.start(reads=any(job.kind == "read" for job in active))
                started = True
            while (report := await child.report(1.0)) is not None:
                if "claimed" in report:
                    deaths = 0
                done += report.get("files" if doing == "reading" else "passages", 0)
                self._progress(min(done, total), total, doing)
                if "ended" in report:
                    break

    async def _here(self, total: int, doing: str, done: int) -> None:
        """Do what is left to do of this write lock in this process."""

        def count(files: int, passages: int) -> None:
            nonlocal done
            done += files if doing == "reading" else passages
            self._progress(min(done, total), total, doing)

        self._context.progress = count
        while active := await asyncio.to_thread(self._mine, _ACTIVE):
            await run_job(active[0].id, self._lock, self._context)

    def _give_back(self, jobs: list[Job], ending: str) -> None:
        """Tell the ledger of a dead worker's job, so that nobody waits for its lease."""
        # What is written to memory that stands for a file finds out about a full disk in this way.
        full = ending == "SIGBUS"
        error = "the disk is full" if full else f"{DIED} ({ending})"
        for job in jobs:
            if job.state == "running":
                with suppress(LeaseLost):
                    self._context.ledger.fail(job, error, final=full)

    async def _refuse_dead(self) -> None:
        if dead := await asyncio.to_thread(self._mine, ("dead",)):
            more = f" (and {len(dead) - 1} other jobs)" if len(dead) > 1 else ""
            raise StoreError(
                f"not everything could be indexed: {(dead[0].error or DIED).rstrip('.')}{more}.",
                hint="What was there before is unchanged. Remove the cause and run it again.",
            )

    def _mine(self, states: tuple[JobState, ...]) -> list[Job]:
        jobs = self._context.ledger.jobs(index=self._index, states=states)
        return [job for job in jobs if job.key.startswith(f"{self._lock}:")]
