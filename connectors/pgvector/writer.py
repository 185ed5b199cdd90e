"""Writes indexes into PostgreSQL, and gives large ones a graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import sql

from connectors.pgvector.database import VectorDatabase, one, table, table_name
from connectors.pgvector.rows import PgRows
from orchestrator.ports import IndexChange, IndexRegistry, IndexVersion, Publish
from orchestrator.vector_stores.versioned_rows import Space
from orchestrator.vector_stores.versioned_writer import VersionedIndexWriter

#: The largest vectors that a graph can be of; in half precision, twice as large.
_LARGEST = 2000


class PgIndexWriter(VersionedIndexWriter):
    """The `IndexWriter` port over the tables of a database.

    Its only merge makes the graph (HNSW) of an index that has `graph_from` passages and none yet; changes
    keep it up to date.
    """

    def __init__(
        self, database: VectorDatabase, registry: IndexRegistry, *, graph_from: int = 10_000
    ) -> None:
        super().__init__(PgRows(database), registry)
        self.database = database
        self._graph_from = graph_from

    def merges(self, version: IndexVersion) -> Sequence[Mapping[str, Any]]:
        """The graph, if it is wanted and there is none."""
        space = Space.of(version)
        if version.passages < self._graph_from or space.dimensions > 2 * _LARGEST:
            return ()
        with self.database.reading() as connection:
            # One that was cut short is invalid: it is there, and no search uses it.
            made = "SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass(%s) AND indisvalid)"
            if one(connection.execute(made, [graph_name(space)]))[0]:
                return ()
            if not self.database.has(connection, space):
                return ()
        return ({"graph": graph_name(space), "passages": version.passages},)

    def merge(
        self, version: IndexVersion, name: str, merge: Mapping[str, Any], publish: Publish
    ) -> IndexVersion:
        """Make the graph; searches go on meanwhile."""
        space = Space.of(version)
        index = sql.Identifier(graph_name(space))
        with self.database.writing(version.index) as connection:
            # One that was cut short.
            connection.execute(sql.SQL("DROP INDEX IF EXISTS {}").format(index))
            connection.execute(
                sql.SQL(
                    "CREATE INDEX CONCURRENTLY {} ON {} USING hnsw ({}) WITH (m = 16, ef_construction = 100)"
                ).format(index, table(space), indexed(space))
            )
            return publish(IndexChange())

    def close(self) -> None:
        """Give the connections back."""
        self.database.close()


def graph_name(space: Space) -> str:
    """The name of the graph of a space."""
    return f"{table_name(space)}_graph"


def compared(space: Space) -> sql.Composable:
    """The vectors as the graph of a space compares them."""
    if space.dimensions <= _LARGEST:
        return sql.SQL("dense")
    return sql.SQL("(dense::halfvec({}))").format(sql.Literal(space.dimensions))


def indexed(space: Space) -> sql.Composable:
    """The same, with the class of its operators."""
    kind = "vector_ip_ops" if space.dimensions <= _LARGEST else "halfvec_ip_ops"
    return sql.SQL("{} {}").format(compared(space), sql.SQL(kind))
