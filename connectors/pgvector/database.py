"""The PostgreSQL database of vectors: its connections, its tables, and its errors as ours."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
from pgvector.psycopg import register_vector
from psycopg import Connection, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool, PoolTimeout

from orchestrator.errors import IndexBusy, StoreError
from orchestrator.ranking.late_interaction import stored_encoder
from orchestrator.vector_stores.versioned_rows import Space

#: Raised whenever rows are stored in another way: tables have it in their names, and are made anew.
FORMAT = 1
SPACES = sql.Identifier("orchestrator_vector_spaces")
#: A row that is part of all versions to come.
FOREVER = 2**63 - 1
#: Terms have 32 bits, and `sparsevec` a billion dimensions at most. This is a prime.
TERM_SPACE = 999_999_937
#: Seconds that a connection may take, and a writer waits for another one.
_CONNECTING, _WAITING = 10, 60
_BUSY = ("55P03", "40P01", "40001")
#: Compiling a statement takes longer than most searches.
_OPTIONS = "-c jit=off -c timezone=UTC"


class VectorDatabase:
    """Connections to the tables of vectors: one table a `Space`, made when something is first written.

    A process that only reads makes nothing. StoreError for whatever the server refuses.
    """

    def __init__(self, url: str, *, connections: int = 8) -> None:
        given = url.replace("postgresql+psycopg://", "postgresql://", 1)
        try:
            parts = conninfo_to_dict(given)
        except psycopg.Error as error:
            raise StoreError(
                "The URL of the vector store pgvector cannot be read.",
                hint="Give postgresql://user@host/name.",
            ) from error
        self.connections = connections
        self.name = f"pgvector at {parts.get('host') or 'localhost'}/{parts.get('dbname') or ''}"
        self._address = make_conninfo(given, connect_timeout=_CONNECTING, options=_OPTIONS)
        self._pool: ConnectionPool[Connection[Any]] | None = None
        self._lock = threading.Lock()

    @contextmanager
    def reading(self) -> Generator[Connection[Any]]:
        """A read-only transaction of a pooled connection, with the types of vectors."""
        with self._translated(), self._opened().connection(timeout=_CONNECTING) as connection:
            yield connection

    @contextmanager
    def writing(self, index: str) -> Generator[Connection[Any]]:
        """A connection that keeps other writers of an index out until it is closed. It commits by itself.

        The lock is the connection's: who has lost it can write nothing more.
        """
        with (
            self._translated(),
            psycopg.connect(self._address, autocommit=True, client_encoding="utf8") as connection,
        ):
            self._prepare(connection)
            connection.execute("SELECT set_config('lock_timeout', %s, false)", [f"{_WAITING}s"])
            connection.execute("SELECT pg_advisory_lock(%s)", [_key(index)])
            connection.execute("SET lock_timeout = 0")
            yield connection

    def spaces(self, connection: Connection[Any], index: str) -> list[Space]:
        """All spaces that an index has a table for."""
        query = sql.SQL("SELECT dimensions, token_dimensions FROM {} WHERE of_index = %s AND format = %s")
        found = connection.execute(query.format(SPACES), [index, FORMAT]).fetchall()
        return [Space(index, *row) for row in found]

    def has(self, connection: Connection[Any], space: Space) -> bool:
        """Whether there is a table of a space; asked each time, since other processes drop it and make it."""
        (there,) = one(connection.execute("SELECT to_regclass(%s) IS NOT NULL", [table_name(space)]))
        return bool(there)

    def create(self, connection: Connection[Any], space: Space) -> None:
        """Make the table of a space, if there is none."""
        if self.has(connection, space):
            return
        with connection.transaction():
            encoded = stored_encoder(space.token_dimensions).size if space.token_dimensions else 1
            sizes = {"dense": sql.Literal(space.dimensions), "encoded": sql.Literal(encoded)}
            connection.execute(
                sql.SQL(_TABLE).format(
                    table=table(space), terms=sql.Literal(TERM_SPACE), forever=sql.Literal(FOREVER), **sizes
                )
            )
            for column, kind in _INDEXES:
                name = sql.Identifier(f"{table_name(space)}_{column}")
                connection.execute(
                    sql.SQL("CREATE INDEX {} ON {} USING {} ({})").format(
                        name, table(space), sql.SQL(kind), sql.Identifier(column)
                    )
                )
            told = sql.SQL("INSERT INTO {} VALUES (%s, %s, %s, %s)").format(SPACES)
            row = (space.index, space.dimensions, space.token_dimensions, FORMAT)
            connection.execute(told, row)

    def drop(self, connection: Connection[Any], space: Space) -> None:
        """Delete the table of a space."""
        with connection.transaction():
            connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table(space)))
            gone = "DELETE FROM {} WHERE of_index = %s AND dimensions = %s AND token_dimensions = %s"
            connection.execute(
                sql.SQL(gone).format(SPACES), (space.index, space.dimensions, space.token_dimensions)
            )

    def close(self) -> None:
        """Give the connections back. The database may be used again afterwards."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    def _opened(self) -> ConnectionPool[Connection[Any]]:
        with self._lock:
            if self._pool is None:
                self._pool = ConnectionPool(
                    self._address,
                    kwargs={"client_encoding": "utf8"},
                    min_size=0,
                    max_size=self.connections,
                    open=True,
                    configure=_configured,
                    check=_checked,
                    name="pgvector",
                )
            return self._pool

    def _prepare(self, connection: Connection[Any]) -> None:
        """The extension, and the table of tables."""
        with connection.transaction():
            # Two processes that make them at once would stand in each other's way.
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [_key("")])
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
            connection.execute(
                sql.SQL(
                    "CREATE TABLE IF NOT EXISTS {} (of_index text NOT NULL, dimensions int NOT NULL, "
                    "token_dimensions int NOT NULL, format int NOT NULL, "
                    "PRIMARY KEY (of_index, dimensions, token_dimensions, format))"
                ).format(SPACES)
            )
        register_vector(connection)

    @contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except (psycopg.Error, PoolTimeout) as error:
            raise self._ours(error) from error

    def _ours(self, error: Exception) -> StoreError | IndexBusy:
        reason = " ".join(str(error).split())[:200].rstrip(".")
        state = getattr(error, "sqlstate", None)
        if state in _BUSY:
            return IndexBusy(
                f"Another process is writing to the vector store {self.name}: {reason}.",
                hint="Try again in a moment.",
            )
        hint = "Check that the server runs, and [connectors.pgvector] url."
        if state in ("0A000", "42501", "58P01") and "vector" in reason:
            hint = "Install pgvector on the server, and let its owner run: CREATE EXTENSION vector."
        return StoreError(f"The vector store {self.name} failed: {reason}.", hint=hint)


def table_name(space: Space) -> str:
    """The name of the table of a space: it must be short, and an index's may be long."""
    told = f"{space.index}\x1f{space.dimensions}\x1f{space.token_dimensions}"
    return f"orchestrator_vectors_{FORMAT}_{hashlib.sha256(told.encode()).hexdigest()[:16]}"


def table(space: Space) -> sql.Identifier:
    """The table of a space, for a statement."""
    return sql.Identifier(table_name(space))


def one(cursor: psycopg.Cursor[Any]) -> Any:
    """The only row of an answer."""
    row = cursor.fetchone()
    assert row is not None
    return row


def _configured(connection: Connection[Any]) -> None:
    """A connection for searches."""
    connection.read_only = True
    connection.prepare_threshold = None


def _checked(connection: Connection[Any]) -> None:
    """Whether the server is there still, and the types of vectors, once there is anything of them."""
    ConnectionPool.check_connection(connection)
    if connection.adapters.types.get("vector") is None:
        if connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'vector'").fetchone():
            register_vector(connection)
        connection.commit()


def _key(index: str) -> int:
    """The key of an index's lock."""
    digest = hashlib.sha256(f"orchestrator vectors {index}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)


_TABLE: LiteralString = """
CREATE TABLE {table} (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    passage uuid NOT NULL,
    document text NOT NULL,
    name text NOT NULL,
    staged boolean NOT NULL,
    born bigint,
    died bigint NOT NULL DEFAULT {forever},
    died_at timestamptz,
    tenant text NOT NULL,
    labels text[] NOT NULL,
    access text[] NOT NULL,
    metadata text[] NOT NULL,
    dense vector({dense}) NOT NULL,
    terms integer[] NOT NULL,
    sparse sparsevec({terms}) NOT NULL,
    tokens bytea,
    encoded halfvec({encoded})
)
"""
_INDEXES: tuple[tuple[LiteralString, LiteralString], ...] = (
    ("passage", "btree"),
    ("document", "btree"),
    ("died", "btree"),
    ("born", "btree"),
    ("access", "gin"),
    ("metadata", "gin"),
    ("terms", "gin"),
)
