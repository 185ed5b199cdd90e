"""Provides the vector store on a Qdrant server or cluster, and what writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors.qdrant.settings import QdrantSettings
from orchestrator.ports import (
    Build,
    IndexRegistry,
    IndexWriter,
    Ledger,
    Provider,
    SparseEncoder,
    VectorStore,
    needs,
)

if TYPE_CHECKING:
    from connectors.qdrant.server import QdrantServer


_MISSING = needs("server", "qdrant_client", "httpx")


def _server(build: Build) -> QdrantServer:
    from connectors.qdrant.server import QdrantServer

    table: Any = build.table
    key = table.api_key.get_secret_value() if table.api_key is not None else None
    return QdrantServer(table.url, key, timeout=table.timeout, attempts=table.attempts)


def _store(build: Build) -> VectorStore:
    from connectors.qdrant.store import QdrantVectorStore

    return QdrantVectorStore(
        _server(build),
        build.get(IndexRegistry),
        build.index,
        build.get(SparseEncoder),
        build.lookup.index_format(build.index),
        settings=build.table,
    )


def _writer(build: Build) -> IndexWriter:
    from connectors.qdrant.rows import QdrantRows
    from orchestrator.vector_stores.store_lock import StoreLock
    from orchestrator.vector_stores.versioned_writer import VersionedIndexWriter

    rows, lock = QdrantRows(_server(build), build.table), StoreLock(build.get(Ledger), "qdrant")
    return VersionedIndexWriter(rows, build.get(IndexRegistry), lock=lock.held)


_WHAT = "Qdrant server or cluster"

providers = (
    Provider(
        port=VectorStore,
        name="qdrant",
        make=_store,
        scope="index",
        settings=QdrantSettings,
        missing=_MISSING,
        description=_WHAT,
    ),
    Provider(
        port=IndexWriter,
        name="qdrant",
        make=_writer,
        settings=QdrantSettings,
        missing=_MISSING,
        description=_WHAT,
    ),
)
