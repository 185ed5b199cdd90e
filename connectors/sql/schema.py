"""Opens a database with the tables of this release: makes or migrates them, and refuses a newer release's."""

from __future__ import annotations

from pathlib import Path

from connectors.sql.database import Database
from connectors.sql.migrations import upgrade


def open_database(url: str | Path, *, threads: int = 4, busy_seconds: float = 30.0) -> Database:
    """The database at `url`, with the tables of this release; see `Database` for the arguments.

    Missing tables are made, old ones migrated. StoreError if a newer release wrote them: then nothing is
    changed.
    """
    database = Database(url, threads=threads, busy_seconds=busy_seconds)
    try:
        upgrade(database)
    except BaseException:
        database.close()
        raise
    return database
