"""LangGraph's own checkpointers on the state's database: one connection a loop, closed with it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

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
        # Few runs keep checkpoints; LangGraph's savers take a third of a second to import.
        if self.path is not None:
            from connectors.sql.sqlite_checkpoints import SqliteFile

            return SqliteFile(self.path, self._database.busy_seconds)
        from connectors.sql.postgres_checkpoints import PostgresPool

        return PostgresPool(self._database)
