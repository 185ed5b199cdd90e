"""What `orchestrator doctor` and `orchestrator worker --health` say of workers and of what waits for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from orchestrator.version import __version__

if TYPE_CHECKING:
    from orchestrator.application.application import Application

#: Seconds by which clocks may differ.
SKEW = 5.0

Told = tuple[str, Literal["ok", "note", "fault"], str, str]


def workers_found(application: Application) -> Iterator[Told]:
    """The workers, their releases and clocks; what waits, and failed; and the broker, if there is one."""
    from orchestrator.jobs.job_view import SILENT
    from orchestrator.ports import Clock, Ledger
    from orchestrator.process import described

    ledger, now = application.container.get(Ledger), application.container.get(Clock).now()
    alive = 0
    for worker in ledger.workers():
        name = described(worker.name).capitalize()
        age = now - worker.seen
        if age > SILENT:
            yield "worker", "note", f"{name}: no sign for {age:.0f} s.", "It was killed, or its host is down."
            continue
        alive += 1
        told = f"{name}: release {worker.version}, last sign {max(0.0, age):.0f} s ago, "
        told += f"clock {worker.skew:+.1f} s."
        if worker.version != __version__:
            yield "worker", "fault", told, f"Update it: this is release {__version__}."
        elif abs(worker.skew) > SKEW:
            yield "worker", "fault", told, "Synchronise its clock: leases go by it."
        else:
            yield "worker", "ok", told, ""
    yield from _jobs(application, alive)
    yield from _broker(application)


def _jobs(application: Application, alive: int) -> Iterator[Told]:
    from orchestrator.jobs.job_view import queues
    from orchestrator.ports import Clock, Ledger

    ledger, now = application.container.get(Ledger), application.container.get(Clock).now()
    waiting = queues(ledger, now)
    for name, (number, oldest) in waiting.items():
        told = f"{number} {name} wait, the oldest for {oldest:.0f} s."
        if alive:
            yield "jobs", "ok", told, ""
        else:
            yield "jobs", "note", told, "Run `orchestrator worker`."
    if dead := ledger.jobs(states=("dead",), brief=True):
        yield "jobs", "note", f"{len(dead)} are dead.", "`orchestrator jobs list --state dead` says why."


def _broker(application: Application) -> Iterator[Told]:
    from orchestrator.errors import StoreError
    from orchestrator.jobs.broker import JobBroker

    settings = application.settings
    name = settings.ports.get("job_broker") or ("celery" if "celery" in settings.connectors else None)
    if name is None:
        return
    try:
        broker = application.container.get(JobBroker, connector=name)
        depths, unattended = broker.depths(), broker.unattended()
    except StoreError as error:
        yield "broker", "fault", error.message, error.hint
        return
    chosen = "" if "job_broker" in settings.ports else "--celery "
    for queue, depth in depths.items():
        if queue in unattended:
            hint = f"Run `orchestrator worker {chosen}--queue {queue}`."
            yield "broker", "fault", f"No worker takes jobs from the queue {queue}; {depth} wait.", hint
        else:
            yield "broker", "ok", f"Queue {queue}: {depth} messages.", ""


def healthy(application: Application) -> str | None:
    """Why this host has no healthy worker; None if it has one."""
    from orchestrator.jobs.job_view import SILENT
    from orchestrator.ports import Clock, Ledger
    from orchestrator.process import is_dead, process_name

    ledger, now = application.container.get(Ledger), application.container.get(Clock).now()
    host = process_name().partition(" ")[0]
    here = [worker for worker in ledger.workers() if worker.name.startswith(f"{host} ")]
    alive = [worker for worker in here if not is_dead(worker.name)]
    if not alive:
        return "No worker runs on this host."
    last = max(worker.beat for worker in alive)
    return None if now - last <= SILENT else f"The worker of this host gave no sign for {now - last:.0f} s."
