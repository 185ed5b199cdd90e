"""Provides the vector store and what writes its shards."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from orchestrator.ports import (
    Build,
    IndexRegistry,
    IndexWriter,
    Provider,
    ShardRegistry,
    SparseEncoder,
    VectorStore,
)


class QdrantEdgeSettings(BaseModel):
    """How shards of 10,000 passages and more hold the vectors that a search looks at first, and how many
    more candidates than asked are then compared exactly."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    quantisation: Literal["int8", "binary", "none"] = "int8"
    oversampling: float = Field(default=1.5, ge=1.0, le=100.0)


def _store(build: Build) -> VectorStore:
    from connectors.qdrant_edge.store import EdgeVectorStore

    return EdgeVectorStore(
        build.get(IndexRegistry),
        build.get(ShardRegistry),
        build.index,
        build.home / "indexes",
        build.get(SparseEncoder),
        build.lookup.index_format(build.index),
        oversampling=build.table.oversampling,
    )


def _writer(build: Build) -> IndexWriter:
    from connectors.qdrant_edge.shards import EdgeShardWriter
    from orchestrator.indexing.sharded_writer import ShardedIndexWriter

    shards = EdgeShardWriter(build.home / "indexes", quantisation=build.table.quantisation)
    return ShardedIndexWriter(shards, build.get(ShardRegistry))


providers = (
    Provider(
        port=VectorStore,
        name="qdrant_edge",
        make=_store,
        scope="index",
        settings=QdrantEdgeSettings,
        description="Qdrant's engine in process",
    ),
    Provider(
        port=IndexWriter,
        name="qdrant_edge",
        make=_writer,
        settings=QdrantEdgeSettings,
        description="shards of Qdrant Edge",
    ),
)
