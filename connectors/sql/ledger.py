"""Jobs, their leases and their effects, in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, or_, select, update

from connectors.sql.database import Database
from connectors.sql.statements import insert_missing
from connectors.sql.tables import jobs, leases
from orchestrator.errors import BadInput, LeaseLost
from orchestrator.json_object import JsonObject
from orchestrator.ports import Clock, Job, JobScope, JobState

#: A job that began this often and did not end is dead: it may be what kills its workers.
ATTEMPTS = 3


class SqlLedger:
    """The `Ledger` port: safe for any number of processes, and of hosts with PostgreSQL.

    A key names one piece of work for good, including the state it starts from: submitting it again
    returns the job as it is, done and dead ones too. `backoff` is how many seconds a failed job rests;
    it doubles with every attempt. Times are the clock's, so hosts' clocks must agree within a lease.
    """

    def __init__(self, database: Database, clock: Clock, *, backoff: float = 0.0) -> None:
        self._database = database
        self._clock = clock
        self._backoff = backoff

    def submit(self, kind: str, scope: JobScope, key: str, payload: Mapping[str, Any]) -> Job:
        """The job of this key, made pending if there is none."""
        now = self._clock.now()
        row = {
            "key": key,
            "kind": kind,
            "scope": scope.kind,
            "scope_name": scope.name,
            "payload": dict(payload),
            "state": "pending",
            "attempt": 0,
            "fence": 0,
            "lease_until": 0.0,
            "created": now,
            "changed": now,
        }
        with self._database.writing() as connection:
            insert_missing(connection, jobs, [row])
            return _job(connection.execute(select(jobs).where(jobs.c.key == key)).one())

    def claim(
        self, worker: str, *, seconds: float, scope: JobScope | None = None, job: int | None = None
    ) -> Job | None:
        """Lease the oldest job that is pending, failed and rested, or whose lease ran out.

        Only this `job`, if a broker named one. The attempt is counted now. A job whose lease ran out on
        its last attempt becomes dead instead.
        """
        wanted = [self._claimable()]
        if scope is not None:
            wanted.append(in_scope(scope))
        if job is not None:
            wanted.append(jobs.c.id == job)
        oldest = select(jobs).where(*wanted).order_by(jobs.c.id).limit(1)
        # Most polls find nothing: look before asking for SQLite's only write lock.
        with self._database.reading() as connection:
            if connection.execute(oldest).first() is None:
                return None
        with self._database.writing() as connection:
            while row := connection.execute(oldest.with_for_update(skip_locked=True)).first():
                if row.attempt < ATTEMPTS:
                    now = self._clock.now()
                    leased = {
                        "state": "running",
                        "attempt": row.attempt + 1,
                        "fence": row.fence + 1,
                        "worker": worker,
                        "lease_until": now + seconds,
                        "changed": now,
                    }
                    return self._update(connection, row.id, leased)
                self._update(
                    connection,
                    row.id,
                    {
                        "state": "dead",
                        "fence": row.fence + 1,
                        "error": row.error or f"Its worker {row.worker!r} vanished on attempt {row.attempt}.",
                        "changed": self._clock.now(),
                    },
                )
        return None

    def renew(self, job: Job, *, seconds: float) -> None:
        """Extend the lease; LeaseLost if it is another's by now."""
        now = self._clock.now()
        with self._database.writing() as connection:
            held(connection, job)
            self._update(connection, job.id, {"lease_until": now + seconds, "changed": now})

    def finish(self, job: Job, effects: Mapping[str, Any]) -> None:
        """Record that the job is done, and its effects; LeaseLost if the fence has risen."""
        with self._database.writing() as connection:
            finish(connection, job, effects, self._clock.now())

    def fail(self, job: Job, error: str, *, final: bool = False) -> Job:
        """Give the job back: it is tried again, or is dead after its last attempt or if that was `final`."""
        now = self._clock.now()
        with self._database.writing() as connection:
            row = held(connection, job)
            dead = final or row.attempt >= ATTEMPTS
            rest = self._backoff * 2 ** (row.attempt - 1)
            values = {
                "state": "dead" if dead else "failed",
                "error": error,
                "lease_until": now + rest,
                "changed": now,
            }
            return self._update(connection, job.id, values)

    def cancel(self, job_id: int) -> Job:
        """Make a job dead that is not done; BadInput if it is. Whoever works on it publishes nothing."""
        with self._database.writing() as connection:
            row = self._row(connection, job_id)
            if row.state == "done":
                raise BadInput(f"Job {job_id} is done.", hint="What it changed stays as it is.")
            values = {
                "state": "dead",
                "fence": row.fence + 1,
                "error": "It was cancelled.",
                "changed": self._clock.now(),
            }
            return self._update(connection, job_id, values)

    def retry(self, job_id: int) -> Job:
        """Give a failed or dead job its attempts back; BadInput if it is neither."""
        with self._database.writing() as connection:
            row = self._row(connection, job_id)
            if row.state not in ("failed", "dead"):
                raise BadInput(
                    f"Job {job_id} is {row.state}; only a failed or dead job can be retried.",
                    hint="Submit new work under a new key.",
                )
            now = self._clock.now()
            values = {"state": "pending", "attempt": 0, "error": None, "lease_until": 0.0, "changed": now}
            return self._update(connection, job_id, values)

    def jobs(self, *, scope: JobScope | None = None, states: Sequence[JobState] = ()) -> list[Job]:
        """Jobs in the order in which they were submitted."""
        query = select(jobs).order_by(jobs.c.id)
        if scope is not None:
            query = query.where(in_scope(scope))
        if states:
            query = query.where(jobs.c.state.in_(states))
        with self._database.reading() as connection:
            return [_job(row) for row in connection.execute(query)]

    def hold(self, name: str, owner: str, *, seconds: float, after: str | None = None) -> str:
        """Take the lease `name` for `owner`, if it is free, expired or `after`'s; returns the holder."""
        now = self._clock.now()
        lease = {"owner": owner, "until": now + seconds}
        query = select(leases).where(leases.c.name == name).with_for_update()
        with self._database.writing() as connection:
            while not insert_missing(connection, leases, [{"name": name, **lease}]):
                row = connection.execute(query).first()
                if row is None:  # released since the insert gave way to it
                    continue
                if row.owner not in (owner, after) and row.until > now:
                    return row.owner
                connection.execute(update(leases).where(leases.c.name == name).values(**lease))
                break
            return owner

    def release(self, name: str, owner: str) -> None:
        """Give the lease back; nothing if it is another's."""
        with self._database.writing() as connection:
            connection.execute(delete(leases).where(leases.c.name == name, leases.c.owner == owner))

    def _claimable(self) -> ColumnElement[bool]:
        now = self._clock.now()
        return or_(
            jobs.c.state == "pending",
            and_(jobs.c.state.in_(("failed", "running")), jobs.c.lease_until <= now),
        )

    def _row(self, connection: Connection, job_id: int) -> Row[Any]:
        row = connection.execute(select(jobs).where(jobs.c.id == job_id).with_for_update()).first()
        if row is None:
            raise BadInput(f"There is no job {job_id}.", hint="`jobs()` lists those there are.")
        return row

    def _update(self, connection: Connection, job_id: int, values: Mapping[str, Any]) -> Job:
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(**values))
        return _job(connection.execute(select(jobs).where(jobs.c.id == job_id)).one())


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


def _job(row: Row[Any]) -> Job:
    return Job(
        id=row.id,
        key=row.key,
        kind=row.kind,
        scope=JobScope(row.scope, row.scope_name),
        payload=JsonObject.of(row.payload),
        state=row.state,
        attempt=row.attempt,
        fence=row.fence,
        lease_until=row.lease_until,
        error=row.error,
        effects=None if row.effects is None else JsonObject.of(row.effects),
    )
