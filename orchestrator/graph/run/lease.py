"""One owner for a durable run: its lease is claimed, kept while the run goes on, and given back."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from orchestrator.errors import LeaseLost, OrchestratorError, RunBusy
from orchestrator.ports import RunLease, Runs
from orchestrator.process import described, is_dead, process_name

#: Seconds for which a run is held, renewed every third of it.
HOLD = 30.0


class HeldLease:
    """A lease that this process holds, as far as it knows."""

    def __init__(self, runs: Runs, lease: RunLease, since: float) -> None:
        self._runs = runs
        self.lease = lease
        #: Until then nobody else can have it, by this process's own clock.
        self._sure_until = since + HOLD
        self.lost: LeaseLost | None = None

    async def check(self) -> None:
        """LeaseLost if it is another's; a process that was stalled asks before it keeps anything."""
        if time.monotonic() >= self._sure_until:
            await self.renew()

    async def renew(self) -> None:
        """Hold it for longer."""
        since = time.monotonic()
        try:
            self.lease = await self._runs.renew(self.lease, seconds=HOLD)
        except LeaseLost as error:
            self.lost = error
            raise
        self._sure_until = since + HOLD

    async def keep(self, task: asyncio.Task[object]) -> None:
        """Renew it until cancelled; stop `task` once it is lost."""
        while self.lost is None:
            await asyncio.sleep(HOLD / 3)
            try:
                await self.renew()
            except LeaseLost:
                task.cancel()
            except OrchestratorError:
                # The store may come back in time; else `check` says that it did not.
                continue


@asynccontextmanager
async def owned(runs: Runs, run_id: str) -> AsyncGenerator[HeldLease]:
    """Own a run; RunBusy if another does, or takes it while this process stalls.

    An owner on this host that has died is succeeded at once, another when its lease runs out.
    """
    held = await _claimed(runs, run_id)
    task = asyncio.current_task()
    assert task is not None
    keeping = asyncio.create_task(held.keep(task))
    try:
        yield held
    except (LeaseLost, asyncio.CancelledError):
        if held.lost is None:
            raise
        raise RunBusy(
            f"Run {run_id!r} was taken over by another process while this one was stalled.",
            hint="Read it back when it has ended.",
            run_id=run_id,
        ) from held.lost
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
        if held.lost is None:
            await asyncio.shield(asyncio.ensure_future(runs.release(held.lease)))


async def _claimed(runs: Runs, run_id: str) -> HeldLease:
    owner = f"{process_name()} {uuid.uuid4().hex[:16]}"
    after: str | None = None
    while True:
        since = time.monotonic()
        claiming = asyncio.ensure_future(runs.claim(run_id, owner, seconds=HOLD, after=after))
        try:
            lease = await asyncio.shield(claiming)
        except asyncio.CancelledError:
            # What is claimed by then must not be held by nobody.
            with suppress(OrchestratorError):
                lease = await claiming
                if lease.owner == owner:
                    await runs.release(lease)
            raise
        if lease.owner == owner:
            return HeldLease(runs, lease, since)
        if lease.owner == after or not is_dead(lease.owner):
            raise RunBusy(
                f"Run {run_id!r} is being carried on by {described(lease.owner)}.",
                hint=f"Wait until it has ended. If that process was killed, resume after {HOLD:g} s.",
                run_id=run_id,
            )
        after = lease.owner
