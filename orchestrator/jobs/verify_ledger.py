"""Whether the ledger contradicts itself or the indexes, and how that is mended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import get_args

from orchestrator.jobs.job_view import order_of
from orchestrator.ports import ACTIVE, Job, JobState, Ledger

#: The longest lease that anything asks for, in seconds; a longer one is a mistake that nobody outwaits.
LONGEST = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class LedgerFault:
    """What is wrong with a job, and what is done about it: it is made `dead`, or `pending` again."""

    job: Job
    what: str
    becomes: JobState


def ledger_faults(ledger: Ledger, versions: Mapping[str, int], now: float) -> list[LedgerFault]:
    """Everything that is wrong with jobs; `versions` are the numbers of the indexes that there are."""
    jobs = ledger.jobs(brief=True)
    by_id = {job.id: job for job in jobs}
    return [fault for job in jobs for fault in _faults(job, by_id, versions, now)]


def _faults(
    job: Job, by_id: Mapping[int, Job], versions: Mapping[str, int], now: float
) -> Iterator[LedgerFault]:
    name = f"Job {job.id} ({job.name})"
    if job.state not in get_args(JobState):
        yield LedgerFault(job, f"{name} is in no known state: {job.state!r}.", "dead")
        return
    order = order_of(job)
    if order is not None and job.state in ACTIVE:
        whole = by_id.get(order)
        if whole is None or whole.state not in ACTIVE:
            how = "does not exist" if whole is None else f"is {whole.state}"
            yield LedgerFault(job, f"{name} is {job.state}, and its order {order} {how}.", "dead")
            return
    if job.state in ACTIVE and job.lease_until > now + LONGEST:
        days = (job.lease_until - now) / 86_400
        yield LedgerFault(job, f"{name} is leased for {days:,.0f} days.", "pending")
    elif job.state == "running" and (job.worker is None or job.attempt < 1):
        yield LedgerFault(job, f"{name} is running, and no worker does it.", "pending")
    elif job.state == "done" and job.effects is None:
        yield LedgerFault(
            job, f"{name} is done, and left no effects.", "pending" if order is None else "dead"
        )
    elif job.state in ("failed", "dead") and not job.error:
        yield LedgerFault(job, f"{name} is {job.state} for no reason.", job.state)
    elif job.state == "done" and job.scope.kind == "index" and job.effects is not None:
        version, there = job.effects.read().get("version"), versions.get(job.scope.name)
        if isinstance(version, int) and there is not None and version > there:
            told = f"{name} published version {version} of the index, which is at {there}."
            yield LedgerFault(job, told, "dead")
