"""A real index on a Qdrant server: registry and ledger in SQLite, points behind its REST interface."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from connectors.bm25 import Bm25Encoder
from connectors.qdrant import QdrantRows, QdrantServer, QdrantVectorStore
from connectors.qdrant.settings import QdrantSettings
from connectors.sql import SqlIndexRegistry, SqlLedger, open_database
from orchestrator.clock import SystemClock
from orchestrator.ports import DocumentRow, IndexVersion
from orchestrator.testing.index_writer import Writing
from orchestrator.vector_stores.store_lock import StoreLock
from orchestrator.vector_stores.versioned_writer import VersionedIndexWriter

ENCODER = Bm25Encoder()


class QdrantIndex(Writing):
    """The index `default`, in collections of its own, with what writes and searches it."""

    def __init__(self, url: str, home: Path, *, tokens: bool = False) -> None:
        self.state = open_database(home / "state.db")
        self.settings = QdrantSettings(url=url, prefix=f"test-{uuid4().hex[:12]}", batch=3, timeout=1)
        self.rows = QdrantRows(self.server(), self.settings)
        registry, ledger = SqlIndexRegistry(self.state), SqlLedger(self.state, SystemClock())
        self.lock = StoreLock(ledger, "qdrant")
        writer = VersionedIndexWriter(self.rows, registry, lock=self.lock.held)
        super().__init__(writer, registry, ledger, ENCODER, tokens=tokens)

    def server(self) -> QdrantServer:
        """A connection to the server that is impatient."""
        return QdrantServer(self.settings.url, timeout=self.settings.timeout, attempts=3, pause=0.01)

    def store(self) -> QdrantVectorStore:
        """A new store."""
        return QdrantVectorStore(
            self.server(), self.registry, "default", ENCODER, self.format, settings=self.settings
        )

    def publish(self, *documents: DocumentRow, removed: tuple[DocumentRow, ...] = ()) -> IndexVersion:
        """As the port `Fillable` says."""
        return self.apply(*documents, removed=removed)

    def close(self) -> None:
        self.writer.delete("default")
        self.state.close()
