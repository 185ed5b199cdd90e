"""Runs the jobs of one write lock in a local worker process, and handles its crashes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from orchestrator.errors import LeaseLost, StoreError
from orchestrator.jobs.job_run import DIED, JobRunner, WorkFailed, job_key
from orchestrator.jobs.worker_process import WorkerProcess
from orchestrator.ports import ACTIVE, Job, JobScope, JobState
from orchestrator.progress import Progress
from orchestrator.tracing import with_span

#: Deaths of a worker in a row, before it claimed anything, after which it is given up.
_STILLBORN = 3


class JobDispatcher(Protocol):
    """Dispatches the jobs of one write lock: `LocalRunner` on this host, a broker's on several."""

    async def prepare(self, kind: str) -> None:
        """Announce jobs of this kind, so that a worker can start."""
        ...

    async def here(self, kind: str, payloads: Iterable[Mapping[str, Any]]) -> list[Job]:
        """Run light jobs in this process; returns those that are done."""
        ...

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
        """Run jobs in a worker; returns the jobs with their effects."""
        ...

    async def stop(self) -> None:
        """No more jobs come."""
        ...


class LocalRunner:
    """Runs the jobs of one scope on this host (`JobDispatcher`).

    `runner` does light ones in this process, and all of them if there is no worker `process`.
    """

    def __init__(
        self,
        scope: JobScope,
        lock: str,
        runner: JobRunner,
        process: WorkerProcess | None,
        progress: Progress,
    ) -> None:
        self._scope = scope
        self._lock = lock
        self._runner = runner
        self._ledger = runner.ledger
        self._child = process
        self._progress = progress

    async def prepare(self, kind: str) -> None:
        """Start a worker for this kind early, since starting takes a second."""
        if self._child is not None and not self._child.running:
            await self._child.start(kinds=[kind])

    async def here(self, kind: str, payloads: Iterable[Mapping[str, Any]]) -> list[Job]:
        """Run light jobs in this process, which need no model and write no shard; returns those done."""
        done: list[Job] = []
        for payload in payloads:
            job = await self._submit(kind, payload)
            # Until it is done or dead: one that failed is tried again.
            while await self._runner.run(job.id, self._lock):
                pass
            done.append(job)
        if self._child is not None:
            # The worker may have been quicker.
            await self._drain(0, "", "")
        await self._refuse_dead()
        return done

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
        """Run jobs in the worker process; returns the jobs with their effects.

        `total` is how many there are of the `unit` that handlers count, `done` how many were done before.
        StoreError if one failed for good: the others are done then.
        """
        submitted = [await self._submit(kind, payload) for payload in payloads]
        if not submitted:
            return []
        if self._child is None:
            await self._here(total, doing, unit, done)
        else:
            self._child.wake()
            await self._drain(total, doing, unit, done)
        await self._refuse_dead()
        ids = {job.id for job in submitted}
        return [job for job in await asyncio.to_thread(self._mine, ("done",)) if job.id in ids]

    async def stop(self) -> None:
        """End the worker."""
        if self._child is not None:
            await self._child.stop()

    async def _submit(self, kind: str, payload: Mapping[str, Any]) -> Job:
        key = job_key(self._lock, kind, payload)
        return await asyncio.to_thread(self._ledger.submit, kind, self._scope, key, with_span(payload))

    async def _drain(self, total: int, doing: str, unit: str, done: int = 0) -> None:
        """Wait until nothing of this write lock is left to do, with a worker that lives."""
        child = self._child
        assert child is not None
        deaths, started = 0, child.running
        while active := await asyncio.to_thread(self._mine, ACTIVE):
            if not child.running:
                if started:
                    await asyncio.to_thread(self._give_back, active, child.ending())
                    deaths += 1
                if deaths > _STILLBORN:
                    raise StoreError(
                        f"The worker process does not start: {child.ending()}.",
                        hint="Check the installation with `orchestrator doctor`.",
                    )
                await child.start(kinds=(job.kind for job in active))
                started = True
            while (report := await child.report(1.0)) is not None:
                if "claimed" in report:
                    deaths = 0
                done += report.get(unit, 0)
                self._progress(min(done, total), total, doing)
                if "ended" in report:
                    break

    async def _here(self, total: int, doing: str, unit: str, done: int) -> None:
        """Do what is left to do of this write lock in this process."""

        def count(more: Mapping[str, int]) -> None:
            nonlocal done
            done += more.get(unit, 0)
            self._progress(min(done, total), total, doing)

        self._runner.watch = count
        while active := await asyncio.to_thread(self._mine, ACTIVE):
            await self._runner.run(active[0].id, self._lock)

    def _give_back(self, jobs: list[Job], ending: str) -> None:
        """Tell the ledger of a dead worker's job, so that nobody waits for its lease."""
        # What is written to memory that stands for a file finds out about a full disk in this way.
        full = ending == "SIGBUS"
        error = "The disk is full." if full else f"{DIED} ({ending})."
        for job in jobs:
            if job.state == "running":
                with suppress(LeaseLost):
                    self._ledger.fail(job, error, final=full)

    async def _refuse_dead(self) -> None:
        if dead := await asyncio.to_thread(self._mine, ("dead",)):
            more = f" (and {len(dead) - 1} other jobs)" if len(dead) > 1 else ""
            raise WorkFailed(
                f"Not everything could be done: {(dead[0].error or DIED).rstrip('.')}{more}.",
                hint="What was there before is unchanged. Remove the cause and run it again.",
            )

    def _mine(self, states: tuple[JobState, ...]) -> list[Job]:
        return self._ledger.jobs(scope=self._scope, states=states, prefix=f"{self._lock}:", brief=True)
