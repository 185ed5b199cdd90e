"""Whether anybody has committed to a SQLite file since one last looked, without a query."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from threading import Lock


class Commits:
    """Counts the commits to a SQLite file, of whatever process; some microseconds a look.

    SQLite counts the commits of other connections for each one (`PRAGMA data_version`); this connection
    never writes, so that every commit is another's.
    """

    def __init__(self, path: Path, busy_seconds: float) -> None:
        self._path = path
        self._busy_seconds = busy_seconds
        self._lock = Lock()
        self._process = -1
        self._opened = 0
        self._connection: sqlite3.Connection | None = None

    def mark(self) -> tuple[int, int] | None:
        """Equal marks mean that nothing was committed in between; None if the file cannot tell."""
        with self._lock:
            try:
                if self._connection is None or self._process != os.getpid():
                    self._connection = sqlite3.connect(
                        self._path, self._busy_seconds, isolation_level=None, check_same_thread=False
                    )
                    self._process = os.getpid()
                    self._opened += 1
                return self._opened, self._connection.execute("PRAGMA data_version").fetchone()[0]
            except sqlite3.Error:
                return None

    def close(self) -> None:
        """Close the connection; the next look opens another, whose marks equal none of this one's."""
        with self._lock:
            if self._connection is not None and self._process == os.getpid():
                self._connection.close()
            self._connection = None
