"""LangGraph's own checkpointers on the state's database: one connection a loop, closed with it."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any, cast
from weakref import WeakKeyDictionary

import aiosqlite
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from connectors.sql.database import Database


class Checkpoints:
    """Savers for the running loop: in `<name>.checkpoints.db` beside a SQLite file, or in PostgreSQL.

    Checkpoints are no truth but a way to go on: they have their own file, so that a step never waits
    for a publication.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = WeakKeyDictionary()

    @property
    def path(self) -> Path | None:
        """The file of the checkpoints; None in PostgreSQL."""
        path = self._database.path
        return path.with_name(f"{path.stem}.checkpoints.db") if path is not None else None

    def saver(self, serializer: Any | None = None) -> Any:
        """A checkpointer of the running loop, which writes with `serializer`."""
        loop = asyncio.get_running_loop()
        if loop not in self._loops:
            self._loops[loop] = self._opened()
        return self._loops[loop].saver(serializer)

    async def delete(self, thread: str) -> None:
        """Delete a run's checkpoints, if there are any."""
        if self.path is None or self.path.exists():
            await self.saver().adelete_thread(thread)

    async def close(self) -> None:
        """Close the running loop's connection."""
        opened = self._loops.pop(asyncio.get_running_loop(), None)
        if opened is not None:
            await opened.close()

    def _opened(self) -> Any:
        if self.path is not None:
            return _SqliteFile(self.path, self._database.busy_seconds)
        from connectors.sql.postgres_checkpoints import PostgresPool

        return PostgresPool(self._database)


class _SqliteFile:
    """One connection to a file of checkpoints, and what its savers share."""

    def __init__(self, path: Path, busy_seconds: float) -> None:
        def connect() -> sqlite3.Connection:
            connection = sqlite3.connect(path, timeout=busy_seconds)
            # The last step before a power cut may be lost, and is then done again.
            connection.execute("PRAGMA synchronous=NORMAL")
            return connection

        self._connection = aiosqlite.Connection(connect, 64)
        # Its thread would keep a program from ending that does not close it.
        cast("Any", self._connection)._thread.daemon = True  # noqa: SLF001
        self.lock = asyncio.Lock()
        self.is_setup = False

    def saver(self, serializer: Any | None) -> AsyncSqliteSaver:
        return _SharedSaver(self, self._connection, serializer)

    async def close(self) -> None:
        await self._connection.close()


class _SharedSaver(AsyncSqliteSaver):
    """A saver with its own serializer, and the connection, lock and tables of all savers of its loop."""

    def __init__(self, shared: _SqliteFile, connection: aiosqlite.Connection, serializer: Any | None) -> None:
        super().__init__(connection, serde=serializer)
        self._shared = shared
        self.lock = shared.lock
        self.is_setup = shared.is_setup

    async def setup(self) -> None:
        """Make the tables, once for all savers of the loop."""
        if self._shared.is_setup:
            return
        await super().setup()
        self._shared.is_setup = True
