"""A real index in PostgreSQL: vectors by pgvector, registry and ledger in SQLite."""

from __future__ import annotations

from pathlib import Path

from connectors.bm25 import Bm25Encoder
from connectors.pgvector import PgIndexWriter, PgVectorStore, VectorDatabase
from connectors.sql import SqlIndexRegistry, SqlLedger, open_database
from orchestrator.clock import SystemClock
from orchestrator.ports import DocumentRow, IndexFormat, IndexVersion
from orchestrator.testing.index_writer import Writing

ENCODER = Bm25Encoder()


class PgIndex(Writing):
    """The index `default`, with what writes and searches it."""

    def __init__(self, url: str, home: Path, *, tokens: bool = False, graph_from: int = 10_000) -> None:
        self.state = open_database(home / "state.db")
        self.database = VectorDatabase(url, connections=2)
        registry, ledger = SqlIndexRegistry(self.state), SqlLedger(self.state, SystemClock())
        writer = PgIndexWriter(self.database, registry, graph_from=graph_from)
        super().__init__(writer, registry, ledger, ENCODER, tokens=tokens)
        self._stores: list[PgVectorStore] = []

    def store(self, format: IndexFormat | None = None) -> PgVectorStore:
        """A new store, closed with the index."""
        made = PgVectorStore(self.database, self.registry, "default", ENCODER, format or self.format)
        self._stores.append(made)
        return made

    def publish(self, *documents: DocumentRow, removed: tuple[DocumentRow, ...] = ()) -> IndexVersion:
        """As the port `Fillable` says."""
        return self.apply(*documents, removed=removed)

    def close(self) -> None:
        for store in self._stores:
            store.close()
        self.database.close()
        self.state.close()
