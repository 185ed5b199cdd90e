"""Rows of jobs: which are meant, whether a lease still holds, and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, select, text, update

from connectors.sql.tables import jobs
from orchestrator.errors import LeaseLost
from orchestrator.json_object import JsonObject
from orchestrator.ports import Job, JobScope

#: The channel on which PostgreSQL tells workers that a job can be claimed, or ended.
CHANNEL = "orchestrator_jobs"


def in_scope(scope: JobScope) -> ColumnElement[bool]:
    """The condition that a job changes this."""
    return and_(jobs.c.scope == scope.kind, jobs.c.scope_name == scope.name)


def held(connection: Connection, job: Job) -> Row[Any]:
    """The row of a job that this lease still holds, locked; LeaseLost otherwise."""
    row = connection.execute(select(jobs).where(jobs.c.id == job.id).with_for_update()).first()
    if row is None:
        raise LeaseLost(f"Job {job.id} is gone: its scope was dropped.", hint="Nothing was written.")
    if row.fence != job.fence or row.state != "running":
        raise LeaseLost(
            f"Job {job.id} is {row.state} under lease {row.fence}; this worker held lease {job.fence}.",
            hint="Nothing was written. Take a longer lease, or renew it in time.",
        )
    return row


def finish(connection: Connection, job: Job, effects: Mapping[str, Any], now: float) -> None:
    """Mark a held job done, as part of the caller's transaction."""
    held(connection, job)
    done = {"state": "done", "effects": dict(effects), "error": None, "changed": now}
    connection.execute(update(jobs).where(jobs.c.id == job.id).values(**done))
    wake(connection)


def wake(connection: Connection) -> None:
    """Wake those who wait for jobs, when this transaction is committed; SQLite's look for themselves."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": CHANNEL})


def job_of(row: Row[Any], *, brief: bool = False) -> Job:
    """A job as its row tells it; `brief` rows have no payload."""
    return Job(
        id=row.id,
        key=row.key,
        kind=row.kind,
        scope=JobScope(row.scope, row.scope_name),
        payload=JsonObject() if brief else JsonObject.of(row.payload),
        state=row.state,
        attempt=row.attempt,
        fence=row.fence,
        lease_until=row.lease_until,
        error=row.error,
        effects=None if row.effects is None else JsonObject.of(row.effects),
        worker=row.worker,
        created=row.created,
        changed=row.changed,
        started=row.started,
        beat=row.beat,
        progress=JsonObject.of(row.progress or {}),
    )
