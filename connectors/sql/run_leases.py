"""Who carries a durable run on: leases with a fence, in SQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, select, update

from connectors.sql.database import Database
from connectors.sql.statements import insert_missing
from connectors.sql.tables import run_leases
from orchestrator.errors import LeaseLost
from orchestrator.ports import RunLease


class RunLeases:
    """The leases of runs. Times are those of `now`, so hosts' clocks must agree within a lease."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    def claim(self, run_id: str, owner: str, *, seconds: float, after: str | None = None) -> RunLease:
        """The lease of a run: `owner`'s, if it was free, run out or `after`'s; otherwise another's."""
        now = self._now()
        with self._database.writing() as connection:
            first = {"run_id": run_id, "owner": "", "fence": 0, "until": 0.0}
            insert_missing(connection, run_leases, [first])
            row = connection.execute(_of(run_id).with_for_update()).one()
            if row.until > now and row.owner not in ("", owner, after):
                return RunLease(run_id, row.owner, row.fence, row.until)
            lease = RunLease(run_id, owner, row.fence + 1, now + seconds)
            _store(connection, lease)
            return lease

    def renew(self, lease: RunLease, *, seconds: float) -> RunLease:
        """The lease for longer; LeaseLost if its fence has risen."""
        longer = replace(lease, until=self._now() + seconds)
        with self._database.writing() as connection:
            _held(connection, lease)
            _store(connection, longer)
        return longer

    def release(self, lease: RunLease) -> None:
        """Give a lease back; nothing if it is another's."""
        with self._database.writing() as connection:
            row = connection.execute(_of(lease.run_id).with_for_update()).first()
            if row is not None and row.fence == lease.fence:
                _store(connection, replace(lease, owner="", until=0.0))


def give_back(connection: Connection, lease: RunLease) -> None:
    """Give a lease back as part of the caller's transaction; LeaseLost if its fence has risen."""
    _held(connection, lease)
    _store(connection, replace(lease, owner="", until=0.0))


def _held(connection: Connection, lease: RunLease) -> Row[Any]:
    row = connection.execute(_of(lease.run_id).with_for_update()).first()
    if row is None or row.fence != lease.fence or row.owner != lease.owner:
        raise LeaseLost(
            f"Run {lease.run_id!r} was given to another owner, or deleted, in the meantime.",
            hint="Nothing was written. Read the run back to see how it ended.",
        )
    return row


def _of(run_id: str) -> Any:
    return select(run_leases).where(run_leases.c.run_id == run_id)


def _store(connection: Connection, lease: RunLease) -> None:
    values = {"owner": lease.owner, "fence": lease.fence, "until": lease.until}
    connection.execute(update(run_leases).where(run_leases.c.run_id == lease.run_id).values(**values))
