"""Searches over the shards of an index's current version."""

from __future__ import annotations

import asyncio
import heapq
import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qdrant_edge import (
    EdgeShard,
    FieldCondition,
    HasIdCondition,
    MatchAny,
    MatchValue,
    Query,
    QueryBatchRequest,
    QueryRequest,
)
from qdrant_edge import Filter as EdgeFilter
from qdrant_edge import SparseVector as EdgeSparse

from connectors.qdrant_edge.shards import DENSE, LABELS, METADATA, TENANT, TERMS, opened
from orchestrator.errors import IndexMismatch
from orchestrator.ports import (
    Catalogue,
    Dense,
    IndexFormat,
    IndexVersion,
    Lexical,
    Search,
    SparseEncoder,
    TermStatistics,
)
from orchestrator.types import Filter, Hit, Hits, Principal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(slots=True)
class _Opened:
    """A version with its shards open, and how many searches are in it."""

    version: IndexVersion
    shards: dict[str, EdgeShard]
    buried: dict[str, HasIdCondition]
    statistics: dict[str, TermStatistics]
    searches: int = 0


class EdgeVectorStore:
    """The `VectorStore` port over immutable Qdrant Edge shards in `folder`/index.

    A search sees one version throughout. A new one is noticed before a search, its new shards are
    opened one by one, and shards that it no longer has are closed when the last search in them ends.
    """

    def __init__(
        self, catalogue: Catalogue, index: str, folder: Path, sparse: SparseEncoder, format: IndexFormat
    ) -> None:
        self._catalogue = catalogue
        self._index = index
        self._folder = folder / index
        self._sparse = sparse
        self._format = format
        self._current: _Opened | None = None
        self._shards: dict[str, EdgeShard] = {}
        self._lock = threading.Lock()
        self._swap = asyncio.Lock()

    @property
    def version(self) -> str:
        """The number of the published version."""
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
        """One ranking a search; see the port."""
        if not principal.grants or not searches or limit < 1:
            return [Hits() for _ in searches]
        opened_now = await self._open()
        if opened_now is None or not opened_now.shards:
            return [Hits() for _ in searches]
        opened_now.searches += 1
        try:
            return self._searched(opened_now, searches, principal, filters, limit)
        finally:
            opened_now.searches -= 1
            self._closed()

    async def vectors(self, ids: Sequence[str], *, principal: Principal) -> dict[str, NDArray[np.float32]]:
        """Dense vectors of the passages that exist and that the principal may read."""
        import numpy as np

        found: dict[str, NDArray[np.float32]] = {}
        opened_now = await self._open()
        if opened_now is None or not principal.grants:
            return found
        for name, shard in opened_now.shards.items():
            dead = opened_now.version.removed.get(name, frozenset())
            wanted = [identifier for identifier in ids if identifier not in dead]
            for record in shard.retrieve(wanted, with_payload=True, with_vector=True):
                payload: Any = record.payload
                vector: Any = record.vector
                if payload[TENANT] == principal.tenant and principal.grants & set(payload[LABELS]):
                    found[str(record.id)] = np.asarray(vector[DENSE], dtype=np.float32)
        return {identifier: found[identifier] for identifier in ids if identifier in found}

    def close(self) -> None:
        """Close every shard."""
        with self._lock:
            for shard in self._shards.values():
                shard.close()
            self._shards, self._current = {}, None

    # -- versions ------------------------------------------------------------------------------

    async def _open(self) -> _Opened | None:
        """The current version, its shards open."""
        version = self._catalogue.current(self._index)
        if version is None:
            return None
        current = self._current
        if current is not None and current.version.number == version.number:
            return current
        async with self._swap:
            current = self._current
            if current is not None and current.version.number >= version.number:
                return current
            if version.format != self._format:
                raise IndexMismatch(
                    f"index {self._index!r} was made with {version.format.embedder} and "
                    f"{version.format.sparse}, not with {self._format.embedder} and {self._format.sparse}.",
                    hint=f"Run `orchestrator index rebuild --index {self._index}`, or set the former embedder.",
                )
            shards: dict[str, EdgeShard] = {}
            for shard in version.shards:
                if shard.name not in self._shards:
                    # Opening holds the interpreter: let the loop breathe between two shards.
                    self._shards[shard.name] = await asyncio.to_thread(opened, self._folder / shard.name)
                shards[shard.name] = self._shards[shard.name]
            buried = {name: HasIdCondition(set(dead)) for name, dead in version.removed.items() if dead}
            self._current = _Opened(version, shards, buried, {})
            self._closed()
            return self._current

    def _closed(self) -> None:
        """Close shards that no search can reach any more."""
        current = self._current
        if current is None or current.searches:
            return
        for name in [name for name in self._shards if name not in current.shards]:
            self._shards.pop(name)  # closed when the last search that holds it lets go

    # -- searching -----------------------------------------------------------------------------

    def _searched(
        self,
        now: _Opened,
        searches: Sequence[Search],
        principal: Principal,
        filters: Sequence[Filter],
        limit: int,
    ) -> list[Hits]:
        queries = [self._query(now, search, principal.tenant) for search in searches]
        asked = [number for number, query in enumerate(queries) if query is not None]
        best: list[list[tuple[float, str]]] = [[] for _ in searches]
        must = _must(principal, filters)
        for name, shard in now.shards.items():
            buried = now.buried.get(name)
            allowed = EdgeFilter(must=must, must_not=[buried] if buried else None)
            batch = QueryBatchRequest(
                [QueryRequest(limit=limit, query=queries[number], filter=allowed) for number in asked]
            )
            for number, points in zip(asked, shard.query_batch(batch), strict=True):
                best[number] += [(point.score, str(point.id)) for point in points]
        return [
            Hits(tuple(Hit(name, score) for score, name in heapq.nsmallest(limit, found, key=_order)))
            for found in best
        ]

    def _query(self, now: _Opened, search: Search, tenant: str) -> Any:
        if isinstance(search, Dense):
            return Query.Nearest([float(value) for value in search.vector], using=DENSE)
        terms = self._weighted(now, search, tenant)
        if not terms:
            return None
        indices = sorted(terms)
        return Query.Nearest(EdgeSparse(indices, [terms[index] for index in indices]), using=TERMS)

    def _weighted(self, now: _Opened, search: Lexical, tenant: str) -> dict[int, float]:
        """Term counts or weights times the tenant's inverse document frequencies."""
        if tenant not in now.statistics:
            now.statistics[tenant] = self._catalogue.statistics(now.version, tenant)
        statistics = now.statistics[tenant]
        counts: dict[int, float] = {}
        weighted = search.terms or ((search.text, 1.0),)
        for text, weight in weighted:
            vector = self._sparse.query(text)
            for index, count in zip(vector.indices, vector.values, strict=True):
                counts[index] = counts.get(index, 0.0) + weight * count
        return {
            index: count * math.log1p((statistics.passages - held + 0.5) / (held + 0.5))
            for index, count in counts.items()
            if (held := statistics.frequency.get(index, 0)) > 0
        }


def _order(found: tuple[float, str]) -> tuple[float, str]:
    return -found[0], found[1]


def _must(principal: Principal, filters: Sequence[Filter]) -> list[Any]:
    conditions: list[Any] = [
        FieldCondition(TENANT, match=MatchValue(principal.tenant)),
        FieldCondition(LABELS, match=MatchAny(sorted(principal.grants))),
    ]
    for given in filters:
        values: Any = list(given.values)
        match = MatchValue(values[0]) if len(values) == 1 else MatchAny(values)
        conditions.append(FieldCondition(f'{METADATA}."{given.field}"', match=match))
    return conditions
