"""Provides the vector store in PostgreSQL, and what writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from orchestrator.errors import SettingsError
from orchestrator.ports import Build, IndexRegistry, IndexWriter, Provider, SparseEncoder, VectorStore, needs

if TYPE_CHECKING:
    from connectors.pgvector.database import VectorDatabase

_MISSING = needs("server", "psycopg", "psycopg_pool", "pgvector")


class PgvectorSettings(BaseModel):
    """Where the vectors are, and how they are searched.

    `url` is by default the `database_url`, if that is a PostgreSQL server. From `graph_from` passages on, an
    index has a graph (HNSW), of which a search looks at `candidates` at least. `connections` is for how many
    searches of a process there are connections at once.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: SecretStr = SecretStr("")
    graph_from: int = Field(default=10_000, ge=1)
    candidates: int = Field(default=160, ge=1, le=1000)
    connections: int = Field(default=8, ge=1, le=200)


def _database(build: Build) -> VectorDatabase:
    from connectors.pgvector.database import VectorDatabase

    table: Any = build.table
    url = table.url.get_secret_value() or build.settings.database_url
    if not url.startswith(("postgresql://", "postgresql+psycopg://", "postgres://")):
        raise SettingsError(
            "The vector store pgvector needs a PostgreSQL database, and the settings name none.",
            hint='Set [connectors.pgvector] url = "postgresql://user@host/name", or database_url.',
        )
    return VectorDatabase(url, connections=table.connections)


def _store(build: Build) -> VectorStore:
    from connectors.pgvector.store import PgVectorStore

    return PgVectorStore(
        _database(build),
        build.get(IndexRegistry),
        build.index,
        build.get(SparseEncoder),
        build.lookup.index_format(build.index),
        candidates=build.table.candidates,
    )


def _writer(build: Build) -> IndexWriter:
    from connectors.pgvector.writer import PgIndexWriter

    return PgIndexWriter(_database(build), build.get(IndexRegistry), graph_from=build.table.graph_from)


_WHAT = "PostgreSQL with pgvector"

providers = (
    Provider(
        port=VectorStore,
        name="pgvector",
        make=_store,
        scope="index",
        settings=PgvectorSettings,
        missing=_MISSING,
        description=_WHAT,
    ),
    Provider(
        port=IndexWriter,
        name="pgvector",
        make=_writer,
        settings=PgvectorSettings,
        missing=_MISSING,
        description=_WHAT,
    ),
)
