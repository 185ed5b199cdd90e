"""Searches over the shards of an index's current version."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
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

from connectors.qdrant_edge.late import first_stage, late_query
from connectors.qdrant_edge.points import DENSE, LABELS, TENANT, TERMS, allowed, among
from connectors.qdrant_edge.reading import ShardReader, engine_errors
from connectors.qdrant_edge.snapshot import Snapshot, Snapshots
from orchestrator.ports import (
    Dense,
    IndexFormat,
    IndexRegistry,
    Late,
    Search,
    ShardRegistry,
    SparseEncoder,
    TermStatistics,
)
from orchestrator.types import Filter, Hit, Hits, Principal
from orchestrator.vector_stores.access_tokens import readable
from orchestrator.vector_stores.query_vectors import is_passage_id, query_vector
from orchestrator.vector_stores.term_weights import encode_queries, is_learned, needs_statistics, term_weights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: How many more candidates than asked are scored exactly, after a search by quantised vectors.
OVERSAMPLING = 1.5
#: Candidates that a graph is searched for, at least.
_BREADTH = 160
#: How many more points than asked a shard is asked for, since some may be dead, and since the engine
#: orders equal scores at random. Where that is not enough, more are fetched, up to this many.
_SPARE_POINTS, _MOST_POINTS = 10, 4_000
#: Seconds for which a search over many shards holds the event loop before others get a turn.
_TURN = 0.005


class EdgeVectorStore:
    """The `VectorStore` port over immutable Qdrant Edge shards in `folder`/index.

    A search sees one version throughout: the one that is published when it begins. All its queries go
    to each shard as one batch, and the rankings are merged by score: scores do not depend on the shard
    or on what the reader may not read, since the document frequencies of BM25 are those of what he may
    read, and are put on the query. An index of
    another `format` is an IndexMismatch.

    Searches run where they are awaited: the engine holds the interpreter anyway, for about a
    millisecond, which is less than a thread would cost.
    """

    def __init__(
        self,
        registry: IndexRegistry,
        shards: ShardRegistry,
        index: str,
        folder: Path,
        sparse: SparseEncoder,
        format: IndexFormat,
        *,
        oversampling: float = OVERSAMPLING,
    ) -> None:
        self._oversampling = oversampling
        self._registry = registry
        self._index = index
        self._sparse = sparse
        self._format = format
        self._snapshots = Snapshots(registry, shards, index, folder, format)

    @property
    def version(self) -> str:
        """The name of the index and the number of its published version."""
        version = self._registry.current(self._index)
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
            permitted = allowed(principal, filters)
            if is_learned(self._sparse):
                # A pass of a model: not in the event loop. What it gives is remembered.
                await asyncio.to_thread(encode_queries, self._sparse, searches)
            statistics = await self._statistics(snapshot, searches, principal)
            filters_of = await self._narrowed(snapshot, searches, permitted, limit)
            queries = [
                None if allowing is None else self._query(search, statistics, limit, allowing)
                for search, allowing in zip(searches, filters_of, strict=True)
            ]
            return await _rankings(snapshot, queries, limit)

    async def vectors(self, ids: Sequence[str], *, principal: Principal) -> dict[str, NDArray[np.float32]]:
        """Dense vectors of the passages that exist and that the principal may read, in the order of `ids`."""
        import numpy as np

        found: dict[str, NDArray[np.float32]] = {}
        known = [identifier for identifier in ids if is_passage_id(identifier)]
        if not principal.grants or not known:
            return found
        async with self._snapshot() as snapshot:
            for reader in snapshot.readers if snapshot else ():
                assert snapshot is not None
                dead = snapshot.version.removed.get(reader.name, frozenset())
                wanted: list[Any] = [identifier for identifier in known if identifier not in dead]
                with engine_errors(reader.name):
                    records = reader.edge.retrieve(wanted, with_payload=True, with_vector=True)
                for record in records:
                    payload: Any = record.payload
                    vector: Any = record.vector
                    if readable(payload[TENANT], payload[LABELS], principal):
                        found[str(record.id)] = np.asarray(vector[DENSE], dtype=np.float32)
        return {identifier: found[identifier] for identifier in known if identifier in found}

    def close(self) -> None:
        """Close every shard. A search afterwards opens them again."""
        self._snapshots.close()

    @asynccontextmanager
    async def _snapshot(self) -> AsyncGenerator[Snapshot | None]:
        """The current version, kept open; None if there is no index."""
        while True:
            current = self._snapshots.current()
            if not isinstance(current, Snapshot):
                # Others wait for the same version: it is opened even if this search is cancelled.
                current = await asyncio.shield(asyncio.wrap_future(current))
            if current is None:
                yield None
                return
            with self._snapshots.held(current) as snapshot:
                if snapshot is not None:
                    yield snapshot
                    return

    def _query(
        self, search: Search, statistics: TermStatistics | None, limit: int, allowing: Any
    ) -> dict[str, Any] | None:
        """The arguments of the engine's request; None if nothing can be found."""
        if isinstance(search, Late):
            query = late_query(search, self._index, self._format)
            return query and {**query, "filter": allowing}
        if isinstance(search, Dense):
            vector = query_vector(search.vector, self._format.dimensions)
            exactly = QuantizationSearchParams(rescore=True, oversampling=self._oversampling)
            breadth = max(_BREADTH, math.ceil(self._oversampling * limit))
            params = SearchParams(hnsw_ef=breadth, quantization=exactly)
            return {"query": Query.Nearest(vector, using=DENSE), "params": params, "filter": allowing}
        terms = term_weights(self._sparse, search, statistics)
        if not terms:
            return None
        indices = sorted(terms)
        vector = EdgeSparse(indices, [terms[one] for one in indices])
        return {"query": Query.Nearest(vector, using=TERMS), "filter": allowing}

    async def _statistics(
        self, snapshot: Snapshot, searches: Sequence[Search], principal: Principal
    ) -> TermStatistics | None:
        """Of what the principal may read; None where no search needs them."""
        if not needs_statistics(self._sparse, searches):
            return None
        known = snapshot.statistics.get(principal)
        if known is not None:
            return known
        # The first search of a reader in a version waits for the database: not in the event loop.
        return await asyncio.to_thread(self._snapshots.statistics, snapshot, principal)

    async def _narrowed(
        self, snapshot: Snapshot, searches: Sequence[Search], permitted: Any, limit: int
    ) -> list[Any]:
        """What each search may find: of a late-interaction search in two stages, what its first one found.

        None for nothing.

        The first stage ranks the passages of all shards together, so that it does not matter in which
        they lie, nor how many others lie there.
        """
        found: list[Any] = [permitted] * len(searches)
        for place, search in enumerate(searches):
            if isinstance(search, Late) and search.first is not None:
                query = first_stage(search, self._index, self._format)
                stage = query and {**query, "filter": permitted}
                (hits,) = await _rankings(snapshot, [stage], max(search.first, limit))
                found[place] = among(permitted, hits.ids) if hits else None
        return found


@dataclass(slots=True)
class _Found:
    """The best points of one shard for one query. `more` gives so many of them again.

    Dead points are among them: the engine would look up each dead id in every query, which at a
    thousand of them takes twenty times as long as the search.
    """

    points: list[ScoredPoint]
    reach: int
    dead: frozenset[str]
    most: int
    more: Callable[[int], list[ScoredPoint]]

    def lacks(self, least: float) -> bool:
        """Whether the shard may hold other points that score at least so much."""
        return len(self.points) == self.reach < self.most and self.points[-1].score >= least

    def extend(self) -> None:
        """Ask for four times as many."""
        self.reach = min(4 * self.reach, self.most)
        self.points = self.more(self.reach)


async def _rankings(snapshot: Snapshot, queries: Sequence[dict[str, Any] | None], limit: int) -> list[Hits]:
    """The best `limit` of all shards for each query; none for None."""
    asked = [query for query in queries if query is not None]
    lists: list[list[_Found]] = [[] for _ in asked]
    turn = time.monotonic()
    for reader, shard in zip(snapshot.readers, snapshot.version.shards, strict=True):
        if not asked:
            break
        dead = snapshot.version.removed.get(reader.name, frozenset())
        # As many more as are likely to be dead.
        reach = math.ceil((limit + _SPARE_POINTS) * shard.points / max(1, shard.points - len(dead)))
        for row, found in zip(lists, _searched(reader, asked, reach, dead), strict=True):
            row.append(found)
        if time.monotonic() - turn > _TURN:
            await asyncio.sleep(0)
            turn = time.monotonic()
    # What a shard still lacks is asked for while the version is open.
    rankings = iter([_ranked(found, limit) for found in lists])
    return [Hits() if query is None else next(rankings) for query in queries]


def _searched(
    reader: ShardReader, queries: Sequence[dict[str, Any]], reach: int, dead: frozenset[str]
) -> Iterator[_Found]:
    batch = QueryBatchRequest([QueryRequest(limit=reach, **query) for query in queries])
    with engine_errors(reader.name):
        answered = reader.edge.query_batch(batch)
    for query, points in zip(queries, answered, strict=True):

        def more(reach: int, query: dict[str, Any] = query) -> list[ScoredPoint]:
            with engine_errors(reader.name):
                return reader.edge.query(QueryRequest(limit=reach, **query))

        yield _Found(points, reach, dead, max(_MOST_POINTS, reach + len(dead)), more)


def _ranked(shards: list[_Found], limit: int) -> Hits:
    """The best `limit` living points of all shards by falling score, ties by id."""
    while True:
        scored = [
            (-point.score, place, point) for place, found in enumerate(shards) for point in found.points
        ]
        scored.sort(key=_first)
        kept: list[tuple[float, str]] = []
        for score, place, point in scored:
            if len(kept) >= limit and score > kept[limit - 1][0]:
                break
            # Reading an id costs more than finding the point did: only those of candidates are read.
            name = str(point.id)
            if name not in shards[place].dead:
                kept.append((score, name))
        least = -kept[limit - 1][0] if len(kept) >= limit else -math.inf
        lacking = [found for found in shards if found.lacks(least)]
        if not lacking:
            kept.sort()
            return Hits(tuple(Hit(name, -score) for score, name in kept[:limit]))
        for found in lacking:
            found.extend()


def _first(scored: tuple[float, int, ScoredPoint]) -> float:
    return scored[0]
