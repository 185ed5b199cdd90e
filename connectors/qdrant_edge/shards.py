"""Immutable shards of Qdrant Edge: built whole in a child process, merged, read back, swept."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from qdrant_edge import (
    BinaryQuantizationConfig,
    Distance,
    EdgeConfig,
    EdgeOptimizersConfig,
    EdgeShard,
    EdgeSparseVectorParams,
    EdgeVectorParams,
    HnswIndexConfig,
    KeywordIndexParams,
    Memory,
    Point,
    Query,
    QueryRequest,
    ScalarQuantizationConfig,
    ScalarType,
    ScrollRequest,
    UpdateOperation,
)
from qdrant_edge import SparseVector as EdgeSparse

from connectors.qdrant_edge.digests import digests
from connectors.qdrant_edge.late import late_fields, late_numbers, late_vectors
from connectors.qdrant_edge.points import DENSE, INDEXED, LABELS, TENANT, TERMS, payload_of
from connectors.qdrant_edge.reading import CONFIG, ShardReader, engine_errors
from connectors.qdrant_edge.workplace import workplace
from orchestrator.errors import StoreError
from orchestrator.ports import DocumentRow, IndexVersion, Shard, ShardedVersion, SparseVector
from orchestrator.vector_stores.exact_products import passage_weights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BATCH = 1000
#: Points with a vector a token are a thousand times as large.
_LATE_BATCH = 50
#: From this many points on a shard has a graph (HNSW) over quantised vectors, by default of one byte a
#: number, and the best candidates are scored again exactly. Below, comparing all vectors is as fast,
#: exact, and built at once.
GRAPH_FROM = 10_000
#: Up to so many points that a filter allows are compared one by one, where there is a graph, too. Each
#: label and filter value that allows more gets links of its own: of the links of all points, a filter
#: that allows every seventh leaves a graph in pieces, of which half of the nearest are found.
SCAN_UP_TO = 10_000
_LINKS, _CANDIDATES = 16, 100
#: The cosine of a vector and itself, as engines compute it in single precision.
_ITSELF = 0.99
#: How a shard with a graph holds the vectors that its first stage compares.
Quantisation = Literal["int8", "binary", "none"]


class EdgeShardWriter:
    """The `ShardWriter` port: folders of shards below `folder`/index."""

    def __init__(self, folder: Path, *, quantisation: Quantisation = "int8") -> None:
        self._folder = folder
        self._quantisation: Quantisation = quantisation

    def build(
        self,
        index: str,
        name: str,
        documents: Sequence[DocumentRow],
        dense: NDArray[np.float32],
        sparse: Sequence[SparseVector],
        tokens: Sequence[NDArray[np.float32]] | None = None,
    ) -> Shard:
        """A shard of the passages of `documents`; row i of all vectors is passage i of them all."""
        import numpy as np

        passages = [
            (passage.id, payload)
            for row in documents
            for payload in [payload_of(row)]
            for passage in row.passages
        ]
        if (
            not len(passages)
            == len(dense)
            == len(sparse)
            == (len(passages) if tokens is None else len(tokens))
        ):
            raise StoreError(
                f"The shard {name!r} is given {len(passages)} passages, {len(dense)} dense and {len(sparse)} "
                "sparse vectors; each passage needs one of both."
            )
        # The engine takes what is not finite, and never returns it.
        if not np.isfinite(dense).all():
            raise StoreError(
                f"The shard {name!r} is given vectors that are not finite.", hint="Check the embedder."
            )
        points = (
            Point(
                identifier,
                {DENSE: dense[row].tolist(), TERMS: _edge(sparse[row]), **late_vectors(tokens, row)},
                payload,
            )
            for row, (identifier, payload) in enumerate(passages)
        )
        late = int(tokens[0].shape[1]) if tokens else 0
        return self._written(index, name, (int(dense.shape[1]), late), points, len(passages))

    def rewrite(
        self, index: str, name: str, documents: Sequence[DocumentRow], version: ShardedVersion
    ) -> Shard:
        """A shard of passages that `version` has, under new labels or metadata; their vectors are copied."""
        payloads = {passage.id: payload_of(row) for row in documents for passage in row.passages}
        shards = [shard.name for shard in version.shards]
        points = (
            Point(identifier, vector, payloads[identifier])
            for identifier, vector, _ in self._alive(index, shards, version)
            if identifier in payloads
        )
        shard = self._written(index, name, _sizes(version), points, len(payloads))
        if shard.points != len(payloads):
            shutil.rmtree(self._folder / index / name)
            raise StoreError(
                f"The index {index!r} has {shard.points} of the {len(payloads)} passages to be relabelled.",
                hint=f"Run `orchestrator index verify --index {index}`.",
            )
        return shard

    def merge(self, index: str, name: str, shards: Sequence[str], version: ShardedVersion) -> Shard:
        """One shard of what is alive in `shards` of `version`."""
        sizes = {
            shard.name: shard.points - len(version.removed.get(shard.name, ())) for shard in version.shards
        }
        # What nothing is alive in need not be there any more.
        shards = [shard for shard in shards if sizes.get(shard, 0) > 0]
        points = (Point(*found) for found in self._alive(index, shards, version))
        expected = sum(sizes.get(shard, 0) for shard in shards)
        return self._written(index, name, _sizes(version), points, expected)

    def contents(self, index: str, name: str) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Tenant and labels by passage id of all points in a shard, dead ones too; StoreError if broken."""
        return {
            identifier: (payload[TENANT], tuple(payload[LABELS]))
            for identifier, _, payload in self._points(index, name, vectors=False)
        }

    def digests(self, index: str, name: str) -> dict[str, str]:
        """What the files of a shard are now, by name; none if it is gone."""
        return digests(self._folder / index / name)

    def missing(self, index: str, files: Mapping[str, Collection[str]]) -> list[str]:
        """The shards of which files are missing."""
        return [
            name
            for name, inside in files.items()
            if not all((self._folder / index / name / file).is_file() for file in (CONFIG, *inside))
        ]

    def probe(self, index: str, name: str) -> str | None:
        """Search a shard for one of its passages, by its vector and its terms; what is wrong, if anything."""
        reader = ShardReader(self._folder / index / name)
        try:
            with engine_errors(name):
                return _probed(reader)
        finally:
            reader.close()

    def sweep(self, index: str, keep: Collection[str], *, seconds: float) -> list[str]:
        """Delete shards that are not in `keep`, and were not `seconds` ago; the names of those deleted.

        The first sweep that finds a shard unneeded notes the time beside it, and a later one deletes it:
        a shard may be old when it is given up, and new while its version is about to be published.
        """
        folder = self._folder / index
        swept: list[str] = []
        for path in sorted(folder.iterdir()) if folder.is_dir() else []:
            if not path.is_dir():
                continue
            note = folder / f".{path.name.strip('.')}.unneeded"
            if path.name in keep:
                note.unlink(missing_ok=True)
                continue
            if not note.exists():
                note.touch()
            if time.time() - note.stat().st_mtime >= seconds:
                shutil.rmtree(path, ignore_errors=True)
                note.unlink(missing_ok=True)
                swept.append(path.name)
        return swept

    def _alive(
        self, index: str, shards: Iterable[str], version: ShardedVersion
    ) -> Iterator[tuple[str, Any, Any]]:
        for shard in shards:
            dead = version.removed.get(shard, frozenset())
            size = _LATE_BATCH if version.format.token_dimensions else _BATCH
            for found in self._points(index, shard, vectors=True, size=size):
                if found[0] not in dead:
                    yield found

    def _points(
        self, index: str, name: str, *, vectors: bool, size: int = _BATCH
    ) -> Iterator[tuple[str, Any, Any]]:
        reader = ShardReader(self._folder / index / name)
        try:
            offset = None
            while True:
                request = ScrollRequest(limit=size, offset=offset, with_payload=True, with_vector=vectors)
                with engine_errors(name):
                    records, offset = reader.edge.scroll(request)
                for record in records:
                    yield str(record.id), record.vector, record.payload
                if offset is None:
                    return
        finally:
            reader.close()

    def _written(
        self, index: str, name: str, sizes: tuple[int, int], points: Iterator[Point], expected: int
    ) -> Shard:
        """Write points into a hidden folder, and give it its name when all of it is on disk."""
        final = self._folder / index / name
        if final.exists():
            raise StoreError(f"The shard {name!r} exists already.", hint="A name is never written twice.")
        building = final.with_name(f".{name}.building")
        count = 0
        with workplace(building, expected, sizes[0] + late_numbers(sizes[1])) as place:
            shard = EdgeShard.create(
                str(place), _config(*sizes, self._quantisation if expected >= GRAPH_FROM else None)
            )
            for field in INDEXED:
                keywords = KeywordIndexParams(enable_hnsw=True, memory=Memory.Pinned)
                shard.update(UpdateOperation.create_field_index(field, keywords))
            for batch in _batches(points, _LATE_BATCH if sizes[1] else _BATCH):
                shard.update(UpdateOperation.upsert_points(batch))
                count += len(batch)
            shard.optimize()
            shard.flush()
            shard.close()
            _drop_empty_segments(place)
            _check(place, count, name)
        _to_disk(building)
        building.rename(final)
        _sync(final.parent)
        return Shard(name, count, digests(final))


def _config(dimensions: int, late: int, graph: Quantisation | None) -> EdgeConfig:
    links = _LINKS if graph else 0
    # The engine counts kilobytes of vectors.
    scanned = max(1, SCAN_UP_TO * dimensions * 4 // 1024)
    return EdgeConfig(
        vectors={
            DENSE: EdgeVectorParams(
                size=dimensions,
                distance=Distance.Cosine,
                quantization_config=_quantised(graph),
                memory=Memory.Cached,
            ),
            **(late_fields(late) if late else {}),
        },
        sparse_vectors={TERMS: EdgeSparseVectorParams(memory=Memory.Cached)},
        hnsw_config=HnswIndexConfig(links, _CANDIDATES, scanned, payload_m=links, memory=Memory.Cached),
        # Everything is written as it is read: what grows in place opens three times as slowly.
        optimizers=EdgeOptimizersConfig(default_segment_number=1, indexing_threshold=1),
        # A search runs in the thread that asks; a pool for each shard would be mostly asleep.
        max_search_threads=1,
        wal_enabled=False,
    )


def _quantised(how: Quantisation | None) -> Any:
    if how == "int8":
        return ScalarQuantizationConfig(ScalarType.Int8, quantile=0.99, memory=Memory.Cached)
    return BinaryQuantizationConfig(memory=Memory.Cached) if how == "binary" else None


def _probed(reader: ShardReader) -> str | None:
    records, _ = reader.edge.scroll(ScrollRequest(limit=1, with_payload=False, with_vector=True))
    for record in records:
        vectors: Any = record.vector
        dense, terms = vectors[DENSE], vectors.get(TERMS)
        found = reader.edge.query(QueryRequest(limit=1, query=Query.Nearest(list(dense), using=DENSE)))
        if any(dense) and (not found or found[0].score < _ITSELF):
            return "does not find a passage by its own vector"
        if terms is not None and len(terms.indices):
            query = Query.Nearest(EdgeSparse(list(terms.indices), list(terms.values)), using=TERMS)
            if not reader.edge.query(QueryRequest(limit=1, query=query)):
                return "does not find a passage by its own terms"
    return None


def _edge(vector: SparseVector) -> EdgeSparse:
    return EdgeSparse(list(vector.indices), passage_weights(vector.values))


def _sizes(version: IndexVersion) -> tuple[int, int]:
    return version.format.dimensions, version.format.token_dimensions


def _batches(points: Iterator[Point], size: int) -> Iterator[list[Point]]:
    batch: list[Point] = []
    for point in points:
        batch.append(point)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _drop_empty_segments(folder: Path) -> None:
    # Each reader makes one of its own, in its view: that is faster than to open one from a disk.
    segments = list((folder / "segments").iterdir())
    written = [path for path in segments if json.loads((path / "segment.json").read_text())["version"]]
    for path in segments:
        if written and path not in written:
            shutil.rmtree(path)


def _check(folder: Path, count: int, name: str) -> None:
    reader = ShardReader(folder)
    try:
        found = reader.edge.info().points_count
    finally:
        reader.close()
    if found != count:
        raise StoreError(
            f"The shard {name!r} holds {found} points after {count} were written.",
            hint="Passage ids must differ, and the disk must have room.",
        )


def _to_disk(folder: Path) -> None:
    # Side by side, since the file system writes its journal once for all that wait for it.
    with ThreadPoolExecutor(8) as threads:
        for paths in ([path for path in folder.rglob("*") if path.is_file()], _folders(folder)):
            for _ in threads.map(_sync, paths):
                pass


def _folders(folder: Path) -> list[Path]:
    return [folder, *(path for path in folder.rglob("*") if path.is_dir())]


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
