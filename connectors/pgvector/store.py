"""Searches over the vectors of an index in PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, LiteralString

from pgvector import HalfVector, Vector
from psycopg import Connection, sql

from connectors.pgvector.database import VectorDatabase, table
from connectors.pgvector.rows import ALIVE, PgRows, signed, sparse_of
from connectors.pgvector.writer import compared
from orchestrator.ports import (
    Dense,
    IndexFormat,
    IndexRegistry,
    IndexVersion,
    Late,
    Search,
    SparseEncoder,
)
from orchestrator.ranking.late_interaction import max_sim, stored_encoder
from orchestrator.types import Filter, Hit, Hits, Principal, ranked
from orchestrator.vector_stores.access_tokens import Permitted, permitted
from orchestrator.vector_stores.current_version import CurrentVersion
from orchestrator.vector_stores.query_vectors import is_passage_id, query_matrix, query_vector
from orchestrator.vector_stores.term_weights import needs_statistics, term_weights
from orchestrator.vector_stores.versioned_rows import Space

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Passages whose token vectors are in memory at once.
_TOGETHER = 200
#: The most candidates of a graph that the extension allows.
_MOST = 1000
_READABLE: LiteralString = f"{ALIVE} AND tenant = %(tenant)s AND access && %(access)s"


class PgVectorStore:
    """The `VectorStore` port over the tables of a database.

    Rankings and scores are those of the embedded store: the terms are weighted by the document frequencies
    of what the reader may read, and their sums are exact. Searches run in threads, as many as there are
    connections.
    """

    def __init__(
        self,
        database: VectorDatabase,
        registry: IndexRegistry,
        index: str,
        sparse: SparseEncoder,
        format: IndexFormat,
        *,
        candidates: int = 160,
    ) -> None:
        self.database = database
        self._index = index
        self._sparse = sparse
        self._format = format
        self._candidates = candidates
        self._current = CurrentVersion(registry, index, format, PgRows(database))
        self._threads = ThreadPoolExecutor(database.connections, "pgvector")

    @property
    def version(self) -> str:
        """The name of the index and the number of its published version."""
        return self._current.name

    async def search(
        self,
        searches: Sequence[Search],
        *,
        principal: Principal,
        filters: Sequence[Filter] = (),
        limit: int = 10,
    ) -> list[Hits]:
        """One ranking a search, all against one version; see the port. BadInput for an unusable vector."""
        allowed = permitted(principal, filters)
        if limit < 1 or not searches or allowed is None:
            return [Hits() for _ in searches]
        return await self._called(lambda: self._search(searches, principal, allowed, limit))

    async def vectors(self, ids: Sequence[str], *, principal: Principal) -> dict[str, NDArray[np.float32]]:
        """Dense vectors of the passages that exist and that the principal may read, in the order of `ids`."""
        allowed = permitted(principal)
        known = [identifier for identifier in ids if is_passage_id(identifier)]
        if allowed is None or not known:
            return {}
        found = await self._called(lambda: self._vectors(known, allowed))
        return {identifier: found[identifier] for identifier in known if identifier in found}

    def close(self) -> None:
        """Give threads and connections back."""
        self._threads.shutdown(wait=True)
        self.database.close()
        self._threads = ThreadPoolExecutor(self.database.connections, "pgvector")

    async def _called(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _search(
        self, searches: Sequence[Search], principal: Principal, allowed: Permitted, limit: int
    ) -> list[Hits]:
        version = self._current.read()
        if version is None:
            return [Hits() for _ in searches]
        weighted = needs_statistics(self._sparse, searches)
        statistics = self._current.statistics(version, principal) if weighted else None
        found: list[Hits] = []
        with self.database.reading() as connection:
            asking = _Asking(connection, version, allowed, limit)
            candidates = str(min(_MOST, max(self._candidates, limit)))
            connection.execute("SELECT set_config('hnsw.ef_search', %s, true)", [candidates])
            connection.execute("SET LOCAL hnsw.iterative_scan = strict_order")
            for search in searches:
                if isinstance(search, Dense):
                    found.append(asking.dense(query_vector(search.vector, self._format.dimensions)))
                elif isinstance(search, Late):
                    matrix = query_matrix(search, self._index, self._format)
                    found.append(asking.late(matrix, search.first))
                else:
                    found.append(asking.terms(term_weights(self._sparse, search, statistics)))
        return found

    def _vectors(self, ids: Sequence[str], allowed: Permitted) -> dict[str, NDArray[np.float32]]:
        version = self._current.read()
        if version is None:
            return {}
        with self.database.reading() as connection:
            asking = _Asking(connection, version, allowed, len(ids))
            return asking.vectors(ids)


class _Asking:
    """The statements of one call: one version, one reader, one transaction."""

    def __init__(
        self, connection: Connection[Any], version: IndexVersion, allowed: Permitted, limit: int
    ) -> None:
        self._connection = connection
        self._space = Space.of(version)
        self._limit = limit
        self._where: sql.Composable = sql.SQL(_READABLE)
        self._given: dict[str, Any] = {
            "number": version.number,
            "tenant": allowed.tenant,
            "access": list(allowed.access),
            "limit": limit,
        }
        for place, wanted in enumerate(allowed.filters):
            name = f"filter{place}"
            self._where += sql.SQL(" AND metadata && {}").format(sql.Placeholder(name))
            self._given[name] = list(wanted)

    def dense(self, vector: list[float]) -> Hits:
        """The nearest by cosine. What a graph has not found, since few may be read, all are compared for."""
        import numpy as np

        length = float(np.linalg.norm(vector)) or 1.0
        asked = Vector(np.asarray(vector, np.float32) / np.float32(length))
        what = sql.SQL("{} <#> %(asked)s").format(compared(self._space))
        found = self._nearest(what, asked)
        if len(found) < self._limit:
            self._connection.execute("SET LOCAL enable_indexscan = off")
            found = self._nearest(what, asked)
            self._connection.execute("SET LOCAL enable_indexscan = on")
        return found

    def terms(self, weights: dict[int, float]) -> Hits:
        """The highest sums of products of what has any of the terms."""
        if not weights:
            return Hits()
        terms = sorted(weights)
        asked = sparse_of(terms, [weights[term] for term in terms])
        return self._nearest(
            sql.SQL("sparse <#> %(asked)s"), asked, " AND terms && %(terms)s", {"terms": signed(terms)}
        )

    def late(self, matrix: NDArray[np.float32], first: int | None) -> Hits:
        """MaxSim with the best `first` by one vector for all tokens, or with all that may be read."""
        if not matrix.any():
            return Hits()
        where: LiteralString = ""
        given: dict[str, Any] = {}
        if first is not None:
            encoded = HalfVector(stored_encoder(self._space.token_dimensions).query(matrix))
            stage = self._nearest(
                sql.SQL("encoded <#> %(asked)s"), encoded, "", {"limit": max(first, self._limit)}
            )
            where, given = " AND passage = ANY(%(ids)s::uuid[])", {"ids": list(stage.ids)}
        hits: list[Hit] = []
        for names, matrices in self._tokens(where, given):
            scores = max_sim(matrix, matrices)
            hits += [Hit(name, float(score)) for name, score in zip(names, scores, strict=True)]
            hits = list(ranked(hits).top(self._limit))
        return ranked(hits)

    def vectors(self, ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """The dense vectors of some passages."""
        query = self._select(sql.SQL("passage, dense"), " AND passage = ANY(%(ids)s::uuid[])")
        rows = self._connection.execute(query, {**self._given, "ids": list(ids)}, binary=True)
        return {str(name): _array(dense) for name, dense in rows}

    def _nearest(
        self,
        distance: sql.Composable,
        asked: Any,
        where: LiteralString = "",
        more: dict[str, Any] | None = None,
    ) -> Hits:
        select = self._select(sql.SQL("passage, -({})").format(distance), where)
        query = sql.SQL("{} ORDER BY {}, passage LIMIT %(limit)s").format(select, distance)
        rows = self._connection.execute(query, {**self._given, "asked": asked, **(more or {})}, binary=True)
        return ranked([Hit(str(name), float(score)) for name, score in rows])

    def _tokens(
        self, where: LiteralString, given: dict[str, Any]
    ) -> Iterator[tuple[list[str], list[NDArray[np.float32]]]]:
        import numpy as np

        query = self._select(sql.SQL("passage, tokens"), where)
        with self._connection.cursor("tokens") as cursor:
            cursor.execute(query, {**self._given, **given}, binary=True)
            while rows := cursor.fetchmany(_TOGETHER):
                size = self._space.token_dimensions
                matrices = [
                    np.frombuffer(held, np.float16).astype(np.float32).reshape(-1, size) for _, held in rows
                ]
                yield [str(name) for name, _ in rows], matrices

    def _select(self, columns: sql.Composable, where: LiteralString = "") -> sql.Composed:
        condition = self._where + sql.SQL(where)
        return sql.SQL("SELECT {} FROM {} WHERE {}").format(columns, table(self._space), condition)


def _array(dense: Any) -> NDArray[np.float32]:
    import numpy as np

    return np.asarray(dense.to_numpy() if hasattr(dense, "to_numpy") else dense, np.float32)
