"""LangGraph's checkpointer for PostgreSQL, on a pool that opens when it is first needed."""

from __future__ import annotations

import time
from typing import Any

from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg import AsyncConnection, Connection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from connectors.sql.database import Database


class PostgresPool:
    """Connections of one loop, and its savers; the tables are brought up to date when it is made."""

    def __init__(self, database: Database) -> None:
        dsn = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        with Connection[DictRow].connect(
            dsn, autocommit=True, row_factory=dict_row, client_encoding="utf8"
        ) as connection:
            # Not a lock that waits: its statement would hold up the index that is built beside it.
            while not _locked(connection):
                time.sleep(0.05)
            PostgresSaver(connection).setup()
        self._pool = _OpensItself(
            dsn,
            open=False,
            min_size=1,
            max_size=4,
            kwargs={
                "autocommit": True,
                "prepare_threshold": 0,
                "row_factory": dict_row,
                "client_encoding": "utf8",
            },
        )

    def saver(self, serializer: Any | None) -> AsyncPostgresSaver:
        """A checkpointer that writes with `serializer`."""
        return AsyncPostgresSaver(self._pool, serde=serializer)

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close()


def _locked(connection: Connection[DictRow]) -> bool:
    """Take the lock of those who make the tables, which ends with the connection."""
    row = connection.execute("SELECT pg_try_advisory_lock(7203114985002) AS locked").fetchone()
    return row is not None and bool(row["locked"])


class _OpensItself(AsyncConnectionPool[AsyncConnection[DictRow]]):
    """A pool must be opened by its loop, but savers are handed out by a function that cannot await."""

    async def getconn(self, timeout: float | None = None) -> AsyncConnection[DictRow]:
        if self.closed:
            await self.open()
        return await super().getconn(timeout)
