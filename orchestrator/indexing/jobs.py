"""One job, from its claim to its end: the lease is renewed, failures are told to the ledger."""

from __future__ import annotations

import errno
import threading
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from orchestrator.errors import IndexMismatch, LeaseLost, OrchestratorError, StoreError
from orchestrator.indexing import building, upkeep
from orchestrator.indexing.building import stored_file
from orchestrator.indexing.context import LEASE, IndexingContext
from orchestrator.indexing.index_plan import job_key
from orchestrator.ports import FileRow, IndexChange, Job, Ledger

#: What a job's error begins with when its worker died on it.
DIED = "its worker died"
#: The attempt on which a file that keeps killing its worker is given up.
LAST_ATTEMPT = 3

KINDS: Mapping[str, Callable[[Job, IndexingContext], Awaitable[None]]] = {
    "read": building.read_files,
    "relabel": upkeep.relabel,
    "forget": upkeep.forget,
    "merge": upkeep.merge,
    "embed": upkeep.embed_again,
    "switch": upkeep.switch,
    "collect": upkeep.collect,
}
#: Trying again changes nothing about these.
_FINAL = (IndexMismatch, PermissionError)


async def run_job(job_id: int, worker: str, context: IndexingContext) -> bool:
    """Claim a job and do it; False if it is done, held by another, or waiting for its next attempt."""
    job = context.ledger.claim(worker, seconds=LEASE, job=job_id)
    if job is None:
        return False
    await do_job(job, context)
    return True


async def do_job(job: Job, context: IndexingContext) -> None:
    """Do a job that was claimed. Errors go to the ledger, which decides whether it is tried again."""
    try:
        with _renewed(context, job):
            died = job.kind == "read" and job.attempt > 1 and (job.error or DIED).startswith(DIED)
            if died and not await _after_death(job, context):
                return
            await KINDS[job.kind](job, context)
    except LeaseLost:
        # Another has the job by now, or its writer gave up. What was written here is invisible.
        return
    except Exception as error:
        _fail(context.ledger, job, error)


async def _after_death(job: Job, context: IndexingContext) -> bool:
    """What to do differently since a worker died on these files; whether to go on with them."""
    files = list(job.payload["files"])
    if len(files) > 1:
        # One of them may be the cause: each gets a job, and attempts, of its own.
        lock = job.key.partition(":")[0]
        for file in files:
            known = {name: row for name, row in job.payload["before"].items() if name == file}
            payload = {**job.payload, "files": [file], "before": known}
            context.ledger.submit("read", job.index, job_key(lock, "read", payload), payload)
        context.ledger.finish(job, {"split": len(files)})
        return False
    if job.attempt < LAST_ATTEMPT:
        return True
    payload = job.payload
    row = payload["before"].get(files[0])
    known = (
        stored_file(row)
        if row
        else FileRow(payload["root"], files[0], "", 0, tuple(payload["labels"]), tenant=payload["tenant"])
    )
    reason = f"{job.error or DIED} each time that it was indexed."
    context.registry.publish(job, job.index, IndexChange(files=(replace(known, error=reason),)))
    return False


def _fail(ledger: Ledger, job: Job, error: Exception) -> None:
    final = isinstance(error, _FINAL) or (isinstance(error, OSError) and error.errno == errno.ENOSPC)
    if isinstance(error, OrchestratorError):
        message = str(error)
    elif isinstance(error, OSError) and error.strerror:
        message = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    else:
        message = f"{type(error).__name__}: {error}"
    try:
        ledger.fail(job, message, final=final)
    except LeaseLost:
        return


@contextmanager
def _renewed(context: IndexingContext, job: Job) -> Generator[None]:
    """Keep the lease of a job while it is worked on. Losing it shows when the job is published."""
    context.lease = LEASE
    done = threading.Event()

    def renew() -> None:
        while not done.wait(LEASE / 4):
            try:
                context.ledger.renew(job, seconds=context.lease)
            except LeaseLost:
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
