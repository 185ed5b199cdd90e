"""LangGraph's checkpointer for SQLite, several on one connection."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any, cast

import aiosqlite
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver


class SqliteFile:
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

    def __init__(self, shared: SqliteFile, connection: aiosqlite.Connection, serializer: Any | None) -> None:
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
