"""The write lock: one writer at a time for a scope, across processes and hosts."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from orchestrator.errors import IndexBusy, LeaseLost, StoreError
from orchestrator.ports import ACTIVE, SUBMITTED, JobScope, Ledger
from orchestrator.process import described, is_dead, process_name
from orchestrator.progress import Progress

#: Seconds for which a writer holds it, renewed every third of it.
HOLD = 30.0
#: Seconds between two looks at whether it is free.
_LOOK = 0.2


@asynccontextmanager
async def write_lock(
    ledger: Ledger,
    scope: JobScope,
    *,
    wait: float,
    progress: Progress,
    end_stale: bool = True,
    keep: str = "",
    hold: float = HOLD,
) -> AsyncGenerator[str]:
    """Hold the write lock of a scope; yields the name of its jobs. IndexBusy after `wait` seconds.

    A holder on this host that has died is succeeded at once, another when its lease runs out. What it
    left undone is put aside first: none of it can be published any more once this has begun. Without
    `end_stale` it stays to be done, and so does what was submitted for any worker, and what has a key that
    begins with `keep`. The lease lasts `hold` seconds. A write lock that is lost cancels the task that holds
    it, with IndexBusy.
    """
    name = uuid.uuid4().hex[:16]
    owner = f"{process_name()} {name}"
    lease = str(scope)
    await _acquire(ledger, lease, owner, scope, wait, progress, hold)
    task = asyncio.current_task()
    assert task is not None
    lost: list[str] = []

    async def hold_on() -> None:
        while True:
            await asyncio.sleep(hold / 3)
            try:
                holder = await asyncio.to_thread(ledger.hold, lease, owner, seconds=hold)
            except StoreError:
                # It may be back before the lease runs out.
                continue
            if holder != owner:
                lost.append(holder)
                task.cancel()
                return

    keeping = asyncio.create_task(hold_on())
    try:
        if end_stale:
            await asyncio.to_thread(end_stale_jobs, ledger, scope, dead=True, keep=keep)
        yield name
    except asyncio.CancelledError:
        if not lost:
            raise
        raise IndexBusy(
            f"The {scope.kind} {scope.name!r} was taken over by {described(lost[0])} while this process "
            "was stalled.",
            hint="Nothing is lost: run it again when the other is done.",
        ) from None
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
        if not lost:
            await asyncio.shield(asyncio.to_thread(_leave, ledger, scope, lease, owner, end_stale, keep))


async def _acquire(
    ledger: Ledger, lease: str, owner: str, scope: JobScope, wait: float, progress: Progress, hold: float
) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait
    after: str | None = None
    while True:
        holder = await asyncio.to_thread(ledger.hold, lease, owner, seconds=hold, after=after)
        if holder == owner:
            return
        after = holder if is_dead(holder) else None
        if after is not None:
            continue
        if loop.time() >= deadline:
            raise IndexBusy(
                f"The {scope.kind} {scope.name!r} is being changed by {described(holder)}.",
                hint="Run it again when that is done, or wait longer (`--wait`).",
            )
        progress(0, 0, f"waiting for {described(holder)}")
        await asyncio.sleep(_LOOK)


def end_stale_jobs(ledger: Ledger, scope: JobScope, *, dead: bool = False, keep: str = "") -> int:
    """End stale jobs of an earlier write lock, so that they publish nothing; returns how many.

    Those that are `dead` stay for the user to see, until another write lock does their work again. What was
    submitted for any worker is nobody's, and what has a key that begins with `keep` is the caller's.
    """
    found = ledger.jobs(scope=scope, states=(*ACTIVE, "dead") if dead else ACTIVE, brief=True)
    kept = (SUBMITTED, keep) if keep else (SUBMITTED,)
    left = [job for job in found if not job.key.startswith(kept)]
    for job in left:
        with suppress(LeaseLost):
            if job.state == "dead":
                ledger.retry(job.id)
            # One that is running is fenced off by its end; another has to be claimed to be ended.
            held = job if job.state == "running" else ledger.claim("set aside", seconds=HOLD, job=job.id)
            if held is not None:
                ledger.finish(held, {"set_aside": True})
    return len(left)


def _leave(ledger: Ledger, scope: JobScope, lease: str, owner: str, end_stale: bool, keep: str) -> None:
    if end_stale:
        end_stale_jobs(ledger, scope, keep=keep)
    ledger.release(lease, owner)
