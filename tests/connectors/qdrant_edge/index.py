"""A real index in a folder: registry and ledger in SQLite, shards of Qdrant Edge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np

from connectors.bm25 import Bm25Encoder
from connectors.qdrant_edge import EdgeShardWriter, EdgeVectorStore
from connectors.sql import SqlIndexRegistry, SqlLedger, SqlShardRegistry, open_database
from orchestrator.clock import SystemClock
from orchestrator.ports import (
    DocumentRow,
    IndexFormat,
    Job,
    Shard,
    ShardedChange,
    ShardedVersion,
    index_scope,
)
from orchestrator.testing.late_interaction import directions
from orchestrator.testing.vectors import DIMENSIONS, direction

ENCODER = Bm25Encoder()
FORMAT = IndexFormat("words", DIMENSIONS, ENCODER.name)
LATE = replace(FORMAT, tokens="words", token_dimensions=DIMENSIONS)


class EdgeIndex:
    """The index `default` below a folder, with what writes and searches it."""

    def __init__(self, home: Path, format: IndexFormat = FORMAT) -> None:
        self.format = format
        self.folder = home / "indexes"
        self.database = open_database(home / "state.db")
        self.registry = SqlIndexRegistry(self.database)
        self.shards = SqlShardRegistry(self.database)
        self.ledger = SqlLedger(self.database, SystemClock())
        self.writer = EdgeShardWriter(self.folder)
        self.registry.create("default", format)
        self._numbers = count(1)
        self._stores: list[EdgeVectorStore] = []

    def store(self, format: IndexFormat | None = None) -> EdgeVectorStore:
        """A new store, closed with the index."""
        self._stores.append(
            EdgeVectorStore(
                self.registry, self.shards, "default", self.folder, ENCODER, format or self.format
            )
        )
        return self._stores[-1]

    def close(self) -> None:
        for store in self._stores:
            store.close()
        self.database.close()

    @property
    def version(self) -> ShardedVersion:
        version = self.shards.current("default")
        assert version is not None
        return version

    def job(self) -> Job:
        submitted = self.ledger.submit(
            "add", index_scope("default"), f"key-{next(self._numbers)}-{self.version.number}", {}
        )
        job = self.ledger.claim("tester", seconds=60, job=submitted.id)
        assert job is not None
        return job

    def built(self, job: Job, documents: Sequence[DocumentRow]) -> tuple[Shard, dict[str, tuple[int, ...]]]:
        """A shard of these documents, and the terms of its passages."""
        passages = [passage for row in documents for passage in row.passages]
        dense = np.stack([direction(passage.text) for passage in passages])
        sparse = ENCODER.passages([passage.text for passage in passages])
        tokens = [directions(passage.text) for passage in passages] if self.format.tokens else None
        shard = self.writer.build("default", f"{job.id}-{job.fence}", documents, dense, sparse, tokens)
        return shard, {p.id: vector.indices for p, vector in zip(passages, sparse, strict=True)}

    def publish(self, *documents: DocumentRow, removed: tuple[DocumentRow, ...] = ()) -> ShardedVersion:
        """As the port `Fillable` says."""
        job = self.job()
        shard, terms = self.built(job, documents) if documents else (None, {})
        change = ShardedChange(
            shard=shard, documents=documents, removed_documents=tuple(row.id for row in removed), terms=terms
        )
        return self.published(job, change)

    def merge(self, names: Sequence[str] = ()) -> ShardedVersion:
        """Put one shard in the place of these, or of all."""
        job, version = self.job(), self.version
        merged = tuple(names or (shard.name for shard in version.shards))
        shard = self.writer.merge("default", f"{job.id}-{job.fence}", merged, version)
        change = ShardedChange(shard=shard, merged=merged, base=version.number)
        return self.published(job, change)

    def relabel(self, *documents: DocumentRow) -> ShardedVersion:
        """Publish documents under the labels that they have here, with their vectors copied."""
        job = self.job()
        shard = self.writer.rewrite("default", f"{job.id}-{job.fence}", documents, self.version)
        return self.published(job, ShardedChange(shard=shard, documents=documents))

    def published(self, job: Job, change: ShardedChange) -> ShardedVersion:
        self.registry.publish(job, "default", change)
        return self.version

    def sweep(self, *, seconds: float = 0) -> list[str]:
        """Delete the shards that the current version does not have."""
        keep = [shard.name for shard in self.version.shards]
        return self.writer.sweep("default", keep, seconds=seconds)
