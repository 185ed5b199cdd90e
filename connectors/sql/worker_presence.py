"""Which workers there are, when each last gave a sign, and how far its clock is off."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select, text

from connectors.sql.database import Database
from connectors.sql.statements import insert_missing
from connectors.sql.tables import workers
from orchestrator.ports import WorkerPresence

#: Seconds after its last sign that a worker is forgotten.
FORGOTTEN = 86_400.0


def appear(database: Database, presence: WorkerPresence) -> None:
    """Record that a worker is there, and forget those that vanished long ago."""
    with database.writing() as connection:
        connection.execute(delete(workers).where(workers.c.beat < presence.beat - FORGOTTEN))
        connection.execute(delete(workers).where(workers.c.name == presence.name))
        row = {
            "name": presence.name,
            "version": presence.version,
            "started": presence.started,
            "beat": presence.beat,
            "skew": presence.beat - _now(connection, presence.beat),
            "job": presence.job,
        }
        insert_missing(connection, workers, [row])


def vanish(database: Database, name: str) -> None:
    """Forget a worker that ends."""
    with database.writing() as connection:
        connection.execute(delete(workers).where(workers.c.name == name))


def present(database: Database) -> list[WorkerPresence]:
    """The workers that there are, or were a day ago, by name."""
    with database.reading() as connection:
        return [
            WorkerPresence(row.name, row.version, row.started, row.beat, row.job, row.skew)
            for row in connection.execute(select(workers).order_by(workers.c.name))
        ]


def _now(connection: Connection, own: float) -> float:
    """The time of the database's server; SQLite has none but the worker's own."""
    if connection.dialect.name != "postgresql":
        return own
    return float(connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())
