"""Jobs, their leases and their effects, in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, func, select, update

from connectors.sql.database import Database
from connectors.sql.job_rows import finish, held, in_scope, job_of, wake
from connectors.sql.job_signals import JobSignals
from connectors.sql.statements import insert_missing
from connectors.sql.tables import jobs, leases
from connectors.sql.worker_presence import appear, present, vanish
from orchestrator.errors import BadInput
from orchestrator.ports import ACTIVE, PARTS, Clock, Job, JobScope, JobState, WorkerPresence, order_prefix

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
        self._signals = JobSignals(database)

    def submit(
        self, kind: str, scope: JobScope, key: str, payload: Mapping[str, Any], *, order: Job | None = None
    ) -> Job:
        """The job of this key, made pending if there is none; LeaseLost if its `order` is another's now."""
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
            if order is not None:
                held(connection, order)
            if insert_missing(connection, jobs, [row]):
                wake(connection)
            return job_of(connection.execute(select(jobs).where(jobs.c.key == key)).one())

    def claim(
        self,
        worker: str,
        *,
        seconds: float,
        scope: JobScope | None = None,
        job: int | None = None,
        prefix: str = "",
        names: Sequence[str] = (),
    ) -> Job | None:
        """Lease the oldest job that is pending, failed and rested, or whose lease ran out.

        Only this `job`, if a broker named one; only those whose key begins with `prefix`, and whose handler
        is one of `names`, if there are any. The attempt is counted now. A job whose lease ran out on its last
        attempt becomes dead instead.
        """
        self._signals.look()
        wanted = [self._claimable()]
        if prefix:
            wanted.append(jobs.c.key.startswith(prefix, autoescape=True))
        if names:
            wanted.append((jobs.c.scope + "." + jobs.c.kind).in_(names))
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
                        "started": now,
                        "beat": now,
                        "progress": None,
                    }
                    return self._update(connection, row.id, leased)
                self._end_parts(connection, row.id, f"Its order {row.id} failed.")
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

    def renew(
        self,
        job: Job,
        *,
        seconds: float,
        progress: Mapping[str, Any] | None = None,
        advanced: bool = False,
    ) -> None:
        """Extend the lease, and record how far the job is; LeaseLost if it is another's by now.

        A job that `advanced` is not what kills its workers: it has all its attempts again.
        """
        now = self._clock.now()
        values: dict[str, Any] = {"lease_until": now + seconds, "changed": now, "beat": now}
        if progress is not None:
            values["progress"] = dict(progress)
        if advanced:
            values["attempt"] = 1
        with self._database.writing() as connection:
            held(connection, job)
            connection.execute(update(jobs).where(jobs.c.id == job.id).values(**values))

    def note(self, job: Job, progress: Mapping[str, Any]) -> None:
        """Record how far this attempt got, also after its end; nothing if there was another since."""
        mine = (jobs.c.id == job.id, jobs.c.fence == job.fence)
        values = {"progress": dict(progress), "beat": self._clock.now()}
        with self._database.writing() as connection:
            connection.execute(update(jobs).where(*mine).values(**values))

    def give_back(self, job: Job, *, rest: float = 0.0, progress: Mapping[str, Any] | None = None) -> None:
        """Make a leased job pending again, as if it had not been tried; it rests for so many seconds."""
        now = self._clock.now()
        mine = (jobs.c.id == job.id, jobs.c.fence == job.fence, jobs.c.state == "running")
        values: dict[str, Any] = {
            "state": "pending",
            "attempt": jobs.c.attempt - 1,
            "lease_until": now + rest if rest else 0.0,
            "changed": now,
        }
        if progress is not None:
            values["progress"] = dict(progress)
        with self._database.writing() as connection:
            connection.execute(update(jobs).where(*mine).values(**values))
            wake(connection)

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
            if dead:
                self._end_parts(connection, job.id, f"Its order {job.id} failed.")
            wake(connection)
            return self._update(connection, job.id, values)

    def cancel(self, job_id: int) -> Job:
        """Make a job dead that is not done; BadInput if it is. Whoever works on it publishes nothing."""
        with self._database.writing() as connection:
            row = self._row(connection, job_id)
            if row.state == "done":
                raise BadInput(f"Job {job_id} is done.", hint="What it changed stays as it is.")
            self._end_parts(connection, job_id, f"Its order {job_id} was cancelled.")
            wake(connection)
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
            wake(connection)
            return self._update(connection, job_id, values)

    def jobs(
        self,
        *,
        scope: JobScope | None = None,
        states: Sequence[JobState] = (),
        prefix: str = "",
        parts: bool = True,
        brief: bool = False,
        last: int | None = None,
    ) -> list[Job]:
        """Jobs in the order of their submission, without those that are `parts` of others if not wanted.

        `brief` leaves out payloads, `last` all but the newest so many.
        """
        columns = [column for column in jobs.c if not brief or column is not jobs.c.payload]
        query = select(*columns).order_by(jobs.c.id if last is None else jobs.c.id.desc()).limit(last)
        if scope is not None:
            query = query.where(in_scope(scope))
        if states:
            query = query.where(jobs.c.state.in_(states))
        if prefix:
            query = query.where(jobs.c.key.startswith(prefix, autoescape=True))
        if not parts:
            query = query.where(~jobs.c.key.startswith(PARTS, autoescape=True))
        with self._database.reading() as connection:
            found = [job_of(row, brief=brief) for row in connection.execute(query)]
        return found if last is None else found[::-1]

    def job(self, job_id: int) -> Job:
        """The job of a number; BadInput if there is none."""
        with self._database.reading() as connection:
            return job_of(self._row(connection, job_id, lock=False))

    def counts(self) -> Mapping[str, int]:
        """How many jobs there are in each state that any is in."""
        query = select(jobs.c.state, func.count().label("number")).group_by(jobs.c.state)
        with self._database.reading() as connection:
            return {row.state: row.number for row in connection.execute(query)}

    def wait(self, seconds: float) -> None:
        """Return when something was committed that may be claimed, or after so many seconds."""
        self._signals.wait(seconds)

    def mend(self, job_id: int, state: JobState, reason: str) -> None:
        """Put a job that contradicts itself into a state, `pending` with all attempts; who does it stops."""
        values: dict[str, Any] = {
            "state": state,
            "fence": jobs.c.fence + 1,
            "lease_until": 0.0,
            "error": None if state == "pending" else reason,
            "changed": self._clock.now(),
        }
        if state == "pending":
            values |= {"attempt": 0, "effects": None}
        with self._database.writing() as connection:
            connection.execute(update(jobs).where(jobs.c.id == job_id).values(**values))
            wake(connection)

    def appear(self, presence: WorkerPresence) -> None:
        """Record that a worker is there."""
        appear(self._database, presence)

    def vanish(self, worker: str) -> None:
        """Forget a worker that ends."""
        vanish(self._database, worker)

    def workers(self) -> list[WorkerPresence]:
        """The workers that gave a sign within a day, by name."""
        return present(self._database)

    def close(self) -> None:
        """Stop listening."""
        self._signals.close()

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
        return and_(jobs.c.state.in_(ACTIVE), jobs.c.lease_until <= self._clock.now())

    def _end_parts(self, connection: Connection, order: int, why: str) -> None:
        """Make dead what an order submitted and is not done: nobody waits for it any more."""
        parts = (
            jobs.c.key.startswith(order_prefix(order), autoescape=True),
            jobs.c.state.in_(ACTIVE),
        )
        values = {"state": "dead", "fence": jobs.c.fence + 1, "error": why, "changed": self._clock.now()}
        connection.execute(update(jobs).where(*parts).values(**values))

    def _row(self, connection: Connection, job_id: int, *, lock: bool = True) -> Row[Any]:
        query = select(jobs).where(jobs.c.id == job_id)
        row = connection.execute(query.with_for_update() if lock else query).first()
        if row is None:
            raise BadInput(
                f"There is no job {job_id}.", hint="`orchestrator jobs list` lists those there are."
            )
        return row

    def _update(self, connection: Connection, job_id: int, values: Mapping[str, Any]) -> Job:
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(**values))
        return job_of(connection.execute(select(jobs).where(jobs.c.id == job_id)).one())
