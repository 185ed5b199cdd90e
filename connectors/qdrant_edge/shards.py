"""Immutable shards of Qdrant Edge: built whole in a child process, merged, read back, swept."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qdrant_edge import (
    Distance,
    EdgeConfig,
    EdgeOptimizersConfig,
    EdgeShard,
    EdgeSparseVectorParams,
    EdgeVectorParams,
    PayloadSchemaType,
    Point,
    ScrollRequest,
    UpdateOperation,
)
from qdrant_edge import SparseVector as EdgeSparse

from orchestrator.errors import StoreError
from orchestrator.ports import DocumentRow, IndexVersion, Shard, SparseVector

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Names of the two vectors of a point.
DENSE, TERMS = "dense", "bm25"
#: Payload fields: who may read a point, and what filters match.
TENANT, LABELS, METADATA = "tenant", "labels", "metadata"
_BATCH = 1000


class EdgeShardWriter:
    """The `ShardWriter` port: folders of shards below `folder`/index."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def build(
        self,
        index: str,
        name: str,
        documents: Sequence[DocumentRow],
        dense: NDArray[np.float32],
        sparse: Sequence[SparseVector],
    ) -> Shard:
        """A shard of the passages of `documents`; row i of `dense` and `sparse` is passage i of them all."""
        import numpy as np

        if not np.isfinite(dense).all():
            raise StoreError(f"shard {name!r} has vectors that are not finite.", hint="Check the embedder.")

        def points() -> Iterator[Point]:
            row = 0
            for document in documents:
                payload = payload_of(document)
                for passage in document.passages:
                    terms = EdgeSparse(list(sparse[row].indices), list(sparse[row].values))
                    yield Point(passage.id, {DENSE: dense[row].tolist(), TERMS: terms}, payload)
                    row += 1

        return self._written(index, name, int(dense.shape[1]), points())

    def rewrite(
        self, index: str, name: str, documents: Sequence[DocumentRow], version: IndexVersion
    ) -> Shard:
        """A shard of passages that `version` has, under new labels or metadata; their vectors are copied."""
        payloads = {
            passage.id: payload_of(document) for document in documents for passage in document.passages
        }

        def points() -> Iterator[Point]:
            for identifier, vector, _ in self._alive(
                index, [shard.name for shard in version.shards], version
            ):
                if identifier in payloads:
                    yield Point(identifier, vector, payloads[identifier])

        return self._written(index, name, version.format.dimensions, points())

    def merge(self, index: str, name: str, shards: Sequence[str], version: IndexVersion) -> Shard:
        """One shard of what is alive in `shards` of `version`."""
        points = (Point(*found) for found in self._alive(index, shards, version))
        return self._written(index, name, version.format.dimensions, points)

    def contents(self, index: str, name: str) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Tenant and labels by passage id of all points in a shard, dead ones too; StoreError if broken."""
        return {
            identifier: (payload[TENANT], tuple(payload[LABELS]))
            for identifier, _, payload in self._points(index, name, vectors=False)
        }

    def sweep(self, index: str, keep: Collection[str], *, seconds: float) -> list[str]:
        """Delete shards that are not in `keep` and were last touched more than `seconds` ago."""
        swept: list[str] = []
        folder = self._folder / index
        for path in sorted(folder.iterdir()) if folder.is_dir() else []:
            if path.name not in keep and time.time() - path.stat().st_mtime >= seconds:
                shutil.rmtree(path, ignore_errors=True)
                swept.append(path.name)
        return swept

    def _alive(
        self, index: str, shards: Iterable[str], version: IndexVersion
    ) -> Iterator[tuple[str, Any, Any]]:
        for shard in shards:
            dead = version.removed.get(shard, frozenset())
            for found in self._points(index, shard, vectors=True):
                if found[0] not in dead:
                    yield found

    def _points(self, index: str, name: str, *, vectors: bool) -> Iterator[tuple[str, Any, Any]]:
        shard = opened(self._folder / index / name)
        try:
            offset = None
            while True:
                request = ScrollRequest(limit=_BATCH, offset=offset, with_payload=True, with_vector=vectors)
                records, offset = shard.scroll(request)
                for record in records:
                    yield str(record.id), record.vector, record.payload
                if offset is None:
                    return
        finally:
            shard.close()

    def _written(self, index: str, name: str, dimensions: int, points: Iterator[Point]) -> Shard:
        """Write points into a hidden folder, and give it its name when all of it is on disk."""
        final = self._folder / index / name
        if final.exists():
            raise StoreError(f"shard {name!r} exists already.", hint="A name is never written twice.")
        building = final.with_name(f".{name}.building")
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        shard = EdgeShard.create(str(building), _config(dimensions))
        count = 0
        for field in (TENANT, LABELS):
            shard.update(UpdateOperation.create_field_index(field, PayloadSchemaType.Keyword))
        batch: list[Point] = []
        for point in points:
            batch.append(point)
            count += 1
            if len(batch) == _BATCH:
                shard.update(UpdateOperation.upsert_points(batch))
                batch = []
        if batch:
            shard.update(UpdateOperation.upsert_points(batch))
        shard.optimize()
        shard.flush()
        shard.close()
        _to_disk(building)
        building.rename(final)
        _sync(final.parent)
        return Shard(name, count)


def payload_of(document: DocumentRow) -> dict[str, Any]:
    """What searches can filter by."""
    return {TENANT: document.tenant, LABELS: sorted(document.labels), METADATA: dict(document.metadata)}


def opened(path: Path) -> EdgeShard:
    """A shard for reading; StoreError if it is missing or broken."""
    if not path.is_dir():
        raise StoreError(f"shard {path.name!r} is missing.", hint="Run `orchestrator index verify`.")
    try:
        return EdgeShard.load(str(path))
    except Exception as error:
        raise StoreError(
            f"shard {path.name!r} cannot be opened: {error}.", hint="Run `orchestrator index rebuild`."
        ) from error


def _config(dimensions: int) -> EdgeConfig:
    return EdgeConfig(
        vectors={DENSE: EdgeVectorParams(size=dimensions, distance=Distance.Cosine)},
        sparse_vectors={TERMS: EdgeSparseVectorParams()},
        optimizers=EdgeOptimizersConfig(default_segment_number=1),
        wal_enabled=False,
    )


def _to_disk(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
