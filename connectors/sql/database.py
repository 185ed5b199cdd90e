"""One SQL database: its engine, its transactions and its threads. `schema` opens it with its tables."""

from __future__ import annotations

import asyncio
import contextvars
import os
import sqlite3
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from connectors.sql.commits import Commits
from orchestrator.errors import IndexBusy, SettingsError, StoreError

P = ParamSpec("P")
ResultT = TypeVar("ResultT")

#: What SQLite and PostgreSQL say when another transaction is in the way: try again.
_BUSY_SQLITE = ("database is locked", "database table is locked", "database schema is locked")
_BUSY_STATES = ("40001", "40P01", "55P03")


class Database:
    """A SQLite file or a PostgreSQL database, whatever tables it has; `open_database` sees to these.

    `url` is `sqlite:///path`, `postgresql://user@host/name`, or the Path of a SQLite file. One engine
    serves a process; a forked child makes its own. Readers see one state for the length of a transaction and
    never wait for the writer; a writer waits up to `busy_seconds` for another, then raises IndexBusy.
    """

    def __init__(self, url: str | Path, *, threads: int = 4, busy_seconds: float = 30.0) -> None:
        self.url = _parsed(url)
        self.busy_seconds = busy_seconds
        self._threads = threads
        self._lock = Lock()
        self._process = -1
        self._engine: Engine | None = None
        self._pools: dict[str, ThreadPoolExecutor] = {}
        path = self.path
        self._commits = Commits(path, busy_seconds) if path is not None else None
        if path is not None:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(
                    f"The folder of the database {path} cannot be made: {error.strerror}.",
                    hint="Choose another place, or its permissions.",
                ) from error

    @property
    def is_sqlite(self) -> bool:
        """Whether this is a SQLite file; otherwise it is PostgreSQL."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def path(self) -> Path | None:
        """The SQLite file; None for PostgreSQL."""
        return Path(self.url.database) if self.is_sqlite and self.url.database else None

    @cached_property
    def read_only(self) -> bool:
        """Whether a SQLite file lies where this process may not write: it can be read all the same."""
        path = self.path
        if path is None or not path.exists():
            return False
        return not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))

    @property
    def name(self) -> str:
        """How messages name this database: never with its password."""
        return str(self.path) if self.path else self.url.render_as_string(hide_password=True)

    @property
    def engine(self) -> Engine:
        """The process's own engine: connections must not cross a fork."""
        if self._process != os.getpid() or self._engine is None:
            with self._lock:
                if self._process != os.getpid() or self._engine is None:
                    if self._engine is not None:
                        self._engine.dispose(close=False)
                    self._pools = {}
                    self._engine = self._created()
                    self._process = os.getpid()
        return self._engine

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """A read transaction: every statement in it sees the same committed state."""
        options: dict[str, Any] = {}
        if not self.is_sqlite:
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with self._translated(), self.engine.connect() as connection:
            yield connection.execution_options(**options)

    @contextmanager
    def writing(self) -> Generator[Connection]:
        """A write transaction, committed at the end of the block and undone if it raises.

        SQLite has one writer at a time, who is admitted at the start, so that what a transaction
        reads before it writes cannot change in between. On PostgreSQL, lock the rows you decide by.
        """
        if self.read_only:
            raise StoreError(
                f"The database {self.name} lies where this process may not write.",
                hint="It can be asked. To change anything, change the permissions or set another home.",
            )
        with self._translated(), self.engine.connect() as connection:
            connection.execution_options(writing=True)
            with connection.begin():
                yield connection

    async def run(self, function: Callable[P, ResultT], /, *args: P.args, **kwargs: P.kwargs) -> ResultT:
        """Call a function that reads on this database's own small pool of threads."""
        return await self._called("reading", lambda: function(*args, **kwargs))

    async def run_writing(
        self, function: Callable[P, ResultT], /, *args: P.args, **kwargs: P.kwargs
    ) -> ResultT:
        """Call a function that writes: on other threads, so that no reader waits where a writer does."""
        return await self._called("writing", lambda: function(*args, **kwargs))

    def faults(self, *, thorough: bool = False) -> Iterator[str]:
        """What is damaged in a SQLite file, in sentences; PostgreSQL checks its pages itself.

        `thorough` takes as long as reading all of it, and finds indexes that do not fit their tables too.
        """
        if not self.is_sqlite:
            return
        from connectors.sql.integrity import sqlite_faults

        try:
            with self.reading() as connection:
                found = list(sqlite_faults(connection, thorough=thorough))
        except IndexBusy:
            raise
        except StoreError as error:
            found = [error.message]
        yield from found

    def mark(self) -> tuple[int, int] | None:
        """Equal marks mean that nobody committed anything in between; None if that cannot be known."""
        if self._commits is None:
            return None
        # Nobody can commit to what cannot be written.
        return (0, 0) if self.read_only else self._commits.mark()

    def close(self) -> None:
        """Give back threads and connections. The database may be used again afterwards."""
        with self._lock:
            pools, engine, own = self._pools, self._engine, self._process == os.getpid()
            self._pools, self._engine = {}, None
        if self._commits is not None:
            self._commits.close()
        if own:
            for pool in pools.values():
                pool.shutdown(wait=True)
        if engine is not None:
            engine.dispose(close=own)

    async def _called(self, kind: str, call: Callable[[], ResultT]) -> ResultT:
        self.engine  # noqa: B018  # a forked child must not use its parent's pools
        with self._lock:
            if kind not in self._pools:
                self._pools[kind] = ThreadPoolExecutor(self._threads, f"sql-{kind}")
            pool = self._pools[kind]
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(pool, context.run, call)

    def _created(self) -> Engine:
        if not self.is_sqlite:
            return create_engine(
                self.url,
                hide_parameters=True,
                pool_pre_ping=True,
                pool_size=2 * self._threads + 1,
                # A cluster that was made in the C locale says SQL_ASCII, and its driver then gives bytes.
                connect_args={"client_encoding": "utf8"},
            )
        engine = create_engine(
            _read_only_url(self.url) if self.read_only else self.url,
            hide_parameters=True,
            pool_size=2 * self._threads + 1,
            connect_args={"timeout": self.busy_seconds, "check_same_thread": False},
        )
        if not self.read_only:
            event.listen(engine, "connect", _prepared)
        else:
            event.listen(engine, "connect", _without_transactions)
        event.listen(engine, "begin", _begun)
        return engine

    @contextmanager
    def _translated(self) -> Generator[None]:
        """The project's errors instead of SQLAlchemy's, without the statement's values."""
        try:
            yield
        except (DBAPIError, sqlite3.Error) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            reason = " ".join(str(cause).split())
            if _busy(cause):
                raise IndexBusy(
                    f"Another process is writing to {self.name}: {reason}.", hint="Try again in a moment."
                ) from error
            raise StoreError(f"The database {self.name} failed: {reason}.", hint=_hint(self)) from error
        except SQLAlchemyError as error:
            raise StoreError(f"The database {self.name} failed: {error}.", hint=_hint(self)) from error


def _parsed(url: str | Path) -> URL:
    if isinstance(url, Path):
        return URL.create("sqlite+pysqlite", database=str(url))
    expected = "Give sqlite:///path/to/file.db or postgresql://user@host/name."
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise SettingsError("The database's URL cannot be read.", hint=expected) from error
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise SettingsError("A SQLite database must be a file, not in memory.", hint=expected)
        return parsed.set(drivername="sqlite+pysqlite")
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    raise SettingsError(f"Databases of the kind {backend!r} are not supported.", hint=expected)


def _read_only_url(url: URL) -> URL:
    """How to read a file whose folder takes no files beside it, as SQLite otherwise needs.

    What nobody may write does not change: `immutable` says so. Unless a writer has left its log behind,
    which has to be read with it.
    """
    path = Path(url.database or "")
    log = path.with_name(f"{path.name}-wal")
    unread = log.exists() and log.stat().st_size > 0
    query = {"mode": "ro", "uri": "true"} if unread else {"mode": "ro", "immutable": "1", "uri": "true"}
    return url.set(database=path.resolve().as_uri(), query=query)


def _without_transactions(connection: sqlite3.Connection, _record: object) -> None:
    """Transactions are begun by `_begun` alone."""
    connection.isolation_level = None


def _prepared(connection: sqlite3.Connection, _record: object) -> None:
    """Settings of a new SQLite connection; transactions are begun by `_begun` alone."""
    connection.isolation_level = None
    # Two processes that open a new file at once both switch it to WAL, which does not wait by itself.
    deadline = time.monotonic() + 10
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    # In WAL mode NORMAL survives a killed process; a power cut may undo the last commits, never half of one.
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA journal_size_limit=67108864")


def _begun(connection: Connection) -> None:
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _busy(cause: BaseException | None) -> bool:
    if isinstance(cause, sqlite3.Error):
        return any(text in str(cause) for text in _BUSY_SQLITE)
    return getattr(cause, "sqlstate", None) in _BUSY_STATES


def _hint(database: Database) -> str:
    if database.is_sqlite:
        return "Check the file, its permissions and the space on its disk."
    return "Check that the server runs and that the settings name it."
