"""Searches over the shards of an index's current version."""

from __future__ import annotations

import asyncio
import heapq
import math
import time
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qdrant_edge import (
    QuantizationSearchParams,
    Query,
    QueryBatchRequest,
    QueryRequest,
    ScoredPoint,
    SearchParams,
)
from qdrant_edge import SparseVector as EdgeSparse

from connectors.qdrant_edge.points import DENSE, TERMS, allowed, query_vector, readable
from connectors.qdrant_edge.reading import ShardReader
from connectors.qdrant_edge.snapshot import Snapshot, Snapshots
from orchestrator.ports import Catalogue, Dense, IndexFormat, Lexical, Search, SparseEncoder
from orchestrator.types import Filter, Hit, Hits, Principal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Candidates that a graph is searched for, at least, and how many more than asked are scored exactly.
_BREADTH, _SPARE = 200, 1.5
#: How many more points than asked are fetched, since the engine orders equal scores at random; where as
#: many as that are equal at the limit, as many again up to a hard stop.
_TIES, _ALL_TIES = 20, 4_000
#: Seconds for which a search over many shards holds the event loop before others get a turn.
_TURN = 0.005


class EdgeVectorStore:
    """The `VectorStore` port over immutable Qdrant Edge shards in `folder`/index.

    A search sees one version throughout: the one that is published when it begins. All its queries go
    to each shard as one batch, and the rankings are merged by score: scores do not depend on the shard
    or on other tenants, since the document frequencies of BM25 are put on the query. An index of
    another `format` is an IndexMismatch.

    Searches run where they are awaited: the engine holds the interpreter anyway, for about a
    millisecond, which is less than a thread would cost.
    """

    def __init__(
        self, catalogue: Catalogue, index: str, folder: Path, sparse: SparseEncoder, format: IndexFormat
    ) -> None:
        self._catalogue = catalogue
        self._index = index
        self._sparse = sparse
        self._format = format
        self._snapshots = Snapshots(catalogue, index, folder, format)

    @property
    def version(self) -> str:
        """The name of the index and the number of its published version."""
        version = self._catalogue.current(self._index)
        return f"{self._index}@{version.number if version else 0}"

    async def search(
        self,
        searches: Sequence[Search],
        *,
        principal: Principal,
        filters: Sequence[Filter] = (),
        limit: int = 10,
    ) -> list[Hits]:
        """One ranking a search, all against one version; see the port. BadInput for an unusable vector."""
        nothing = [Hits() for _ in searches]
        if limit < 1 or not searches or allowed(principal, filters) is None:
            return nothing
        async with self._snapshot() as snapshot:
            if snapshot is None:
                return nothing
            queries = [self._query(snapshot, search, principal.tenant, limit) for search in searches]
            asked = {number: query for number, query in enumerate(queries) if query is not None}
            best: list[list[ScoredPoint]] = [[] for _ in searches]
            turn = time.monotonic()
            for reader in snapshot.readers if asked else ():
                permitted = allowed(principal, filters, snapshot.dead.get(reader.name))
                for number, found in zip(
                    asked, _found(reader, asked.values(), permitted, limit), strict=True
                ):
                    best[number] += found
                if time.monotonic() - turn > _TURN:
                    await asyncio.sleep(0)
                    turn = time.monotonic()
        return [_ranked(points, limit) for points in best]

    async def vectors(self, ids: Sequence[str], *, principal: Principal) -> dict[str, NDArray[np.float32]]:
        """Dense vectors of the passages that exist and that the principal may read, in the order of `ids`."""
        import numpy as np

        found: dict[str, NDArray[np.float32]] = {}
        if not principal.grants or not ids:
            return found
        async with self._snapshot() as snapshot:
            for reader in snapshot.readers if snapshot else ():
                assert snapshot is not None
                dead = snapshot.version.removed.get(reader.name, frozenset())
                wanted: list[Any] = [identifier for identifier in ids if identifier not in dead]
                for record in reader.edge.retrieve(wanted, with_payload=True, with_vector=True):
                    payload: Any = record.payload
                    vector: Any = record.vector
                    if readable(payload, principal):
                        found[str(record.id)] = np.asarray(vector[DENSE], dtype=np.float32)
        return {identifier: found[identifier] for identifier in ids if identifier in found}

    def close(self) -> None:
        """Close every shard. A search afterwards opens them again."""
        self._snapshots.close()

    @asynccontextmanager
    async def _snapshot(self) -> AsyncGenerator[Snapshot | None]:
        """The current version, kept open; None if there is no index."""
        while True:
            current = self._snapshots.current()
            if current is not None and not isinstance(current, Snapshot):
                # Others wait for the same version: it is opened even if this search is cancelled.
                current = await asyncio.shield(asyncio.wrap_future(current))
            if current is None:
                yield None
                return
            with self._snapshots.held(current) as snapshot:
                if snapshot is not None:
                    yield snapshot
                    return

    def _query(self, snapshot: Snapshot, search: Search, tenant: str, limit: int) -> dict[str, Any] | None:
        """The arguments of the engine's request; None if nothing can be found."""
        if isinstance(search, Dense):
            vector = query_vector(search.vector, self._format.dimensions)
            exactly = QuantizationSearchParams(rescore=True, oversampling=_SPARE)
            params = SearchParams(hnsw_ef=max(_BREADTH, 2 * limit), quantization=exactly)
            return {"query": Query.Nearest(vector, using=DENSE), "params": params}
        terms = self._weighted(snapshot, search, tenant)
        if not terms:
            return None
        indices = sorted(terms)
        return {"query": Query.Nearest(EdgeSparse(indices, [terms[one] for one in indices]), using=TERMS)}

    def _weighted(self, snapshot: Snapshot, search: Lexical, tenant: str) -> dict[int, float]:
        """Counts or weights of the terms that the tenant has, times their inverse document frequencies.

        Source: Lucene's ln(1 + (N - n + 0.5) / (n + 0.5)), which is never negative.
        """
        statistics = self._snapshots.statistics(snapshot, tenant)
        counts: dict[int, float] = {}
        for text, weight in search.terms or ((search.text, 1.0),):
            vector = self._sparse.query(text)
            for dimension, count in zip(vector.indices, vector.values, strict=True):
                counts[dimension] = counts.get(dimension, 0.0) + weight * count
        return {
            dimension: count * math.log1p((statistics.passages - held + 0.5) / (held + 0.5))
            for dimension, count in counts.items()
            if (held := statistics.frequency.get(dimension, 0)) > 0
        }


def _found(
    reader: ShardReader, queries: Iterable[dict[str, Any]], permitted: Any, limit: int
) -> list[list[ScoredPoint]]:
    """The best points of a shard for each query: `limit`, and all whose score equals the last one's."""
    fetch, asked = limit + _TIES, list(queries)
    batch = QueryBatchRequest([QueryRequest(limit=fetch, filter=permitted, **query) for query in asked])
    best: list[list[ScoredPoint]] = []
    for query, points in zip(asked, reader.edge.query_batch(batch), strict=True):
        reach = fetch
        while len(points) == reach and points[limit - 1].score == points[-1].score and reach < _ALL_TIES:
            reach *= 4
            points = reader.edge.query(QueryRequest(limit=reach, filter=permitted, **query))
        best.append(points)
    return best


def _ranked(points: list[ScoredPoint], limit: int) -> Hits:
    """The best `limit` points of all shards; only their ids are asked for, which costs the most."""
    scores = [point.score for point in points]
    if len(points) > limit:
        least = heapq.nlargest(limit, scores)[-1]
        kept = [
            (-score, str(point.id)) for score, point in zip(scores, points, strict=True) if score >= least
        ]
    else:
        kept = [(-score, str(point.id)) for score, point in zip(scores, points, strict=True)]
    kept.sort()
    return Hits(tuple(Hit(name, -score) for score, name in kept[:limit]))
