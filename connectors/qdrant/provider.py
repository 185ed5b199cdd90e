"""Provides the vector store on a Qdrant server or cluster, and what writes it."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from orchestrator.ports import Build, IndexRegistry, IndexWriter, Provider, SparseEncoder, VectorStore
from orchestrator.settings import Settings

if TYPE_CHECKING:
    from connectors.qdrant.server import QdrantServer


class QdrantSettings(BaseModel):
    """Where the server is, and how collections are made, written and searched.

    `prefix` begins the name of every collection. `timeout` is for one request, in seconds, of which each is
    tried `attempts` times. Points are written `batch` at a time, `parallel` batches at once. `shards` and
    `replicas` are those of a cluster. `quantisation` is how a search that has a graph first looks at
    vectors; `oversampling` times as many as asked are then compared exactly.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = "http://127.0.0.1:6333"
    api_key: SecretStr | None = None
    prefix: str = Field(default="orchestrator", pattern=r"^[A-Za-z0-9_-]+$")
    timeout: int = Field(default=30, ge=1)
    attempts: int = Field(default=5, ge=1, le=20)
    batch: int = Field(default=256, ge=1)
    parallel: int = Field(default=4, ge=1, le=64)
    shards: int | None = Field(default=None, ge=1)
    replicas: int = Field(default=1, ge=1)
    quantisation: Literal["int8", "binary", "none"] = "int8"
    oversampling: float = Field(default=1.5, ge=1.0, le=100.0)


def _missing(settings: Settings) -> str | None:
    if find_spec("qdrant_client") is not None:
        return None
    return "qdrant-client not installed: pip install 'orchestrator-rag[server]'"


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
    from orchestrator.vector_stores.versioned_writer import VersionedIndexWriter

    return VersionedIndexWriter(QdrantRows(_server(build), build.table), build.get(IndexRegistry))


_WHAT = "Qdrant server or cluster"

providers = (
    Provider(
        port=VectorStore,
        name="qdrant",
        make=_store,
        scope="index",
        settings=QdrantSettings,
        missing=_missing,
        description=_WHAT,
    ),
    Provider(
        port=IndexWriter,
        name="qdrant",
        make=_writer,
        settings=QdrantSettings,
        missing=_missing,
        description=_WHAT,
    ),
)
