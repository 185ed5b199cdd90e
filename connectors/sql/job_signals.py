"""How a worker learns that there are jobs: PostgreSQL tells it, and a SQLite file is looked at."""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING, Any

from connectors.sql.job_rows import CHANNEL

if TYPE_CHECKING:
    from connectors.sql.database import Database

#: Seconds between two looks at whether anybody committed to a SQLite file, a matter of microseconds.
LOOK = 0.05


class JobSignals:
    """Waits for commits that may be about jobs; `look` comes before the claim that finds nothing.

    A wait that returns early costs one more claim, and one that fails as much as the whole time.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen: tuple[int, int] | None = None
        self._listening: Any = None
        self._lock = Lock()

    def look(self) -> None:
        """Remember what is committed now: whatever is committed from now on ends a wait."""
        self._seen = self._database.mark()

    def wait(self, seconds: float) -> None:
        """Return when something was committed since the last look, or after so many seconds."""
        if self._database.is_sqlite:
            self._watch(time.monotonic() + seconds)
        elif self._lock.acquire(blocking=False):
            try:
                self._listen(seconds)
            finally:
                self._lock.release()
        else:
            # One of this process listens already, and a short sleep does for the others.
            time.sleep(min(seconds, 4 * LOOK))

    def close(self) -> None:
        """End the connection that listens."""
        with self._lock:
            self._end()

    def _watch(self, deadline: float) -> None:
        while (left := deadline - time.monotonic()) > 0:
            if self._database.mark() != self._seen:
                return
            time.sleep(min(LOOK, left))

    def _listen(self, seconds: float) -> None:
        import psycopg

        deadline = time.monotonic() + seconds
        try:
            if self._listening is None:
                dsn = self._database.url.set(drivername="postgresql")
                # What was committed before this began is found by the next claim.
                self._listening = psycopg.connect(
                    dsn.render_as_string(hide_password=False),
                    autocommit=True,
                    connect_timeout=5,
                    client_encoding="utf8",
                )
                self._listening.execute(f"LISTEN {CHANNEL}")
                return
            for _ in self._listening.notifies(timeout=seconds, stop_after=1):
                return
        except psycopg.Error:
            # The server may be back before the next look, which will say so if it is not.
            self._end()
            time.sleep(max(0.0, min(1.0, deadline - time.monotonic())))

    def _end(self) -> None:
        connection, self._listening = self._listening, None
        if connection is not None:
            connection.close()
