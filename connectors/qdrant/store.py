"""Searches over the points of an index on a Qdrant server."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qdrant_client import models

from connectors.qdrant import points as stored
from connectors.qdrant.points import DENSE, ENCODED, PASSAGE, TERMS, TOKENS, collection_name
from connectors.qdrant.rows import QdrantRows
from connectors.qdrant.server import QdrantServer
from connectors.qdrant.settings import QdrantSettings
from orchestrator.ports import (
    Dense,
    IndexFormat,
    IndexRegistry,
    IndexVersion,
    Late,
    Lexical,
    Search,
    SparseEncoder,
    TermStatistics,
)
from orchestrator.ranking.late_interaction import stored_encoder
from orchestrator.types import Filter, Hit, Hits, Principal, ranked
from orchestrator.vector_stores.access_tokens import Permitted, permitted
from orchestrator.vector_stores.current_version import CurrentVersion
from orchestrator.vector_stores.query_vectors import is_passage_id, query_matrix, query_vector
from orchestrator.vector_stores.term_weights import (
    encode_queries,
    is_learned,
    needs_statistics,
    term_weights,
)
from orchestrator.vector_stores.versioned_rows import Space

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Candidates that a graph is searched for, at least.
_BREADTH = 160
#: How many more points than asked are asked for, since equal scores come in any order; and the most.
_SPARE, _MOST = 10, 4_000


class QdrantVectorStore:
    """The `VectorStore` port over the collections of a server.

    Rankings and scores are those of the embedded store, whose engine is the same: the terms are weighted by
    the document frequencies of what the reader may read, and their sums are exact.
    """

    def __init__(
        self,
        server: QdrantServer,
        registry: IndexRegistry,
        index: str,
        sparse: SparseEncoder,
        format: IndexFormat,
        *,
        settings: QdrantSettings,
    ) -> None:
        self._server = server
        self._index = index
        self._sparse = sparse
        self._format = format
        self._prefix = settings.prefix
        self._oversampling = settings.oversampling
        self._current = CurrentVersion(registry, index, format, QdrantRows(server, settings))

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
        nothing = [Hits() for _ in searches]
        reader = permitted(principal, filters)
        if limit < 1 or not searches or reader is None:
            return nothing
        version = await self._version()
        if version is None:
            return nothing
        if is_learned(self._sparse):
            # A pass of a model: not in the event loop. What it gives is remembered.
            await asyncio.to_thread(encode_queries, self._sparse, searches)
        statistics = await self._statistics(version, searches, principal)
        first = await self._first_stages(version, searches, reader, limit)
        requests = [
            self._request(search, statistics, limit, reader, version, first.get(place))
            for place, search in enumerate(searches)
        ]
        return await self._ranked(version, requests, limit)

    async def vectors(self, ids: Sequence[str], *, principal: Principal) -> dict[str, NDArray[np.float32]]:
        """Dense vectors of the passages that exist and that the principal may read, in the order of `ids`."""
        import numpy as np

        reader = permitted(principal)
        known = [identifier for identifier in ids if is_passage_id(identifier)]
        version = await self._version() if reader and known else None
        if reader is None or version is None:
            return {}
        wanted = stored.allowed(reader, version.number, stored.any_of(PASSAGE, known))
        collection = self._collection(version)
        records, _ = await self._server.ask(
            lambda client: client.scroll(
                collection, wanted, limit=len(known), with_payload=[PASSAGE], with_vectors=[DENSE]
            )
        )
        found: dict[str, NDArray[np.float32]] = {}
        for record in records:
            payload: Any = record.payload
            vector: Any = record.vector
            found[payload[PASSAGE]] = np.asarray(vector[DENSE], np.float32)
        return {identifier: found[identifier] for identifier in known if identifier in found}

    async def close(self) -> None:
        """Close the connections. A search afterwards opens them again."""
        await self._server.close()

    async def _version(self) -> IndexVersion | None:
        return self._current.seen() or await asyncio.to_thread(self._current.read)

    def _collection(self, version: IndexVersion) -> str:
        return collection_name(self._prefix, Space.of(version))

    async def _statistics(
        self, version: IndexVersion, searches: Sequence[Search], principal: Principal
    ) -> TermStatistics | None:
        """Of what the principal may read; None where no search needs them."""
        if not needs_statistics(self._sparse, searches):
            return None
        known = self._current.known(version, principal)
        # The first search of a reader in a version waits for the database: not in the event loop.
        return known or await asyncio.to_thread(self._current.statistics, version, principal)

    async def _first_stages(
        self, version: IndexVersion, searches: Sequence[Search], reader: Permitted, limit: int
    ) -> dict[int, Hits]:
        """What the first stage of each late-interaction search in two stages finds, by its place.

        It is a request of its own: in a cluster, the passages of all shards are ranked together.
        """
        found: dict[int, Hits] = {}
        for place, search in enumerate(searches):
            if isinstance(search, Late) and search.first is not None:
                matrix = query_matrix(search, self._index, self._format)
                if not matrix.any():
                    continue
                encoded = stored_encoder(self._format.token_dimensions).query(matrix).tolist()
                request = {
                    "query": encoded,
                    "using": ENCODED,
                    "filter": stored.allowed(reader, version.number),
                }
                (found[place],) = await self._ranked(version, [request], max(search.first, limit))
        return found

    def _request(
        self,
        search: Search,
        statistics: TermStatistics | None,
        limit: int,
        reader: Permitted,
        version: IndexVersion,
        first: Hits | None,
    ) -> dict[str, Any] | None:
        """The arguments of a request; None if nothing can be found."""
        among = [stored.any_of(PASSAGE, first.ids)] if first is not None else []
        allowed = stored.allowed(reader, version.number, *among)
        if isinstance(search, Late):
            matrix = query_matrix(search, self._index, self._format)
            if not matrix.any() or (first is not None and not first):
                return None
            return {"query": matrix.tolist(), "using": TOKENS, "filter": allowed}
        if isinstance(search, Dense):
            vector = query_vector(search.vector, self._format.dimensions)
            exactly = models.QuantizationSearchParams(rescore=True, oversampling=self._oversampling)
            breadth = max(_BREADTH, math.ceil(self._oversampling * limit))
            params = models.SearchParams(hnsw_ef=breadth, quantization=exactly)
            return {"query": vector, "using": DENSE, "filter": allowed, "params": params}
        return self._terms(search, statistics, allowed)

    def _terms(
        self, search: Lexical, statistics: TermStatistics | None, allowed: models.Filter
    ) -> dict[str, Any] | None:
        weights = term_weights(self._sparse, search, statistics)
        if not weights:
            return None
        terms = sorted(weights)
        query = models.SparseVector(indices=terms, values=[weights[term] for term in terms])
        return {"query": query, "using": TERMS, "filter": allowed}

    async def _ranked(
        self, version: IndexVersion, requests: Sequence[dict[str, Any] | None], limit: int
    ) -> list[Hits]:
        """The best of each request, ties by id; none for None. What ties at the end is asked for, too."""
        rankings = [Hits() for _ in requests]
        reach = limit + _SPARE
        waiting = [place for place, request in enumerate(requests) if request is not None]
        collection = self._collection(version)
        while waiting:
            asked = [
                models.QueryRequest(**(requests[place] or {}), limit=reach, with_payload=[PASSAGE])
                for place in waiting
            ]
            answers = await self._server.ask(
                lambda client, asked=asked: client.query_batch_points(collection, asked)
            )
            lacking: list[int] = []
            for place, answer in zip(waiting, answers, strict=True):
                hits = ranked([_hit(point) for point in answer.points])
                rankings[place] = hits.top(limit)
                full = len(hits) == reach < _MOST
                if full and hits.hits[-1].score >= hits.hits[limit - 1].score:
                    lacking.append(place)
            waiting, reach = lacking, 4 * reach
        return rankings


def _hit(point: models.ScoredPoint) -> Hit:
    payload: Any = point.payload
    return Hit(payload[PASSAGE], float(point.score))
