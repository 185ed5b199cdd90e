"""Names of documents and the mention graph, from SQL."""

from __future__ import annotations

import json
from collections import Counter, OrderedDict
from collections.abc import Collection, Mapping, Sequence
from threading import Lock
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select

from connectors.sql.access import readable
from connectors.sql.database import Database
from connectors.sql.index_version import of_index
from connectors.sql.mention_edges import edges_of
from connectors.sql.mention_search import MentionSearch, counted, searched
from connectors.sql.statements import chunks
from connectors.sql.statistics import readable_frequencies
from connectors.sql.tables import document_names, documents, indexes
from connectors.sql.terms import Frequencies
from orchestrator.ports import MentionCounts, MentionEdges, NamedDocument
from orchestrator.types import Filter, Principal

#: Readers whose document frequencies are kept.
_READERS = 16
#: Graphs of readers that are kept until something is committed.
_GRAPHS = 4

_Reader = tuple[int, str, frozenset[str]]


class SqlDocumentNames:
    """The `DocumentNames` port on one index."""

    def __init__(self, database: Database, index: str) -> None:
        self._database = database
        self._index = index
        self._search = MentionSearch(database, index)
        self._lock = Lock()
        self._frequencies: OrderedDict[_Reader, tuple[int, Frequencies]] = OrderedDict()
        self._edges: OrderedDict[tuple[Any, ...], MentionEdges] = OrderedDict()

    async def spelled(
        self,
        spellings: Collection[int],
        *,
        principal: Principal,
        filters: Sequence[Filter] = (),
        most: int = 5,
    ) -> list[NamedDocument]:
        """Readable documents that have one of these names as it is written; see the port."""
        return await self._named(document_names.c.spelling, spellings, principal, filters, most)

    async def folded(
        self, keys: Collection[int], *, principal: Principal, filters: Sequence[Filter] = (), most: int = 5
    ) -> list[NamedDocument]:
        """The same whatever the case of the name."""
        return await self._named(document_names.c.folded, keys, principal, filters, most)

    async def frequencies(
        self, terms: Collection[int], *, principal: Principal
    ) -> tuple[int, Mapping[int, int]]:
        """How many passages the principal may read, and how many of them have each of these terms."""
        if not principal.grants:
            return 0, {}
        return await self._database.run(self._counted_terms, tuple(terms), principal)

    def read_names(self, *, most: int = 500) -> int:
        """Read the names of documents of which none are stored; how many documents are left."""
        return self._search.read_names(most)

    def search(self, *, most: int = 2_000) -> int:
        """Search up to `most` passages for names that they were not searched for; how many are left."""
        return self._search.step(most)

    def counts(self) -> MentionCounts:
        """How far the search is."""
        with self._database.reading() as connection:
            row = self._row(connection)
            return MentionCounts(0, 0, 0, 0, 0) if row is None else counted(connection, row.id)

    async def edges(self, *, principal: Principal, most: int = 5) -> MentionEdges:
        """The mention graph of what the principal may read."""
        return await self._database.run(self._edges_of, principal, most)

    async def _named(
        self,
        column: ColumnElement[int],
        keys: Collection[int],
        principal: Principal,
        filters: Sequence[Filter],
        most: int,
    ) -> list[NamedDocument]:
        if not keys or not principal.grants:
            return []
        return await self._database.run(
            self._read, column, sorted(set(keys)), principal, tuple(filters), most
        )

    def _read(
        self,
        column: ColumnElement[int],
        keys: list[int],
        principal: Principal,
        filters: tuple[Filter, ...],
        most: int,
    ) -> list[NamedDocument]:
        held: Counter[int] = Counter()
        found: list[Any] = []
        with self._database.reading() as connection:
            index = self._row(connection)
            if index is None:
                return []
            mine = document_names.c.index_id == index.id
            joined = document_names.join(documents)
            conditions = list(readable(connection, principal))
            number = func.count(document_names.c.document_id.distinct())
            for part in chunks(keys):
                for allowed in conditions:
                    there = (mine, allowed, documents.c.retired.is_(None), column.in_(part))
                    query = select(column.label("key"), number.label("number")).select_from(joined)
                    for row in connection.execute(query.where(*there).group_by(column)):
                        held[row.key] += row.number
            few = sorted(key for key, count in held.items() if count <= most)
            columns = (
                document_names.c.words,
                document_names.c.kind,
                document_names.c.passage,
                documents.c.document,
                documents.c.source,
                documents.c.metadata,
            )
            for part in chunks(few):
                for allowed in conditions:
                    there = (mine, allowed, documents.c.retired.is_(None), column.in_(part))
                    found += connection.execute(select(*columns).select_from(joined).where(*there)).all()
        named = {
            NamedDocument(row.words, row.kind, row.passage, row.document, row.source)
            for row in found
            if all(_matches(row.metadata, given) for given in filters)
        }
        return sorted(named, key=lambda one: (one.words, one.passage, one.kind))

    def _row(self, connection: Connection) -> Row[Any] | None:
        return connection.execute(of_index(self._index, select(indexes.c.id, indexes.c.number))).first()

    def _counted_terms(self, terms: tuple[int, ...], principal: Principal) -> tuple[int, dict[int, int]]:
        with self._database.reading() as connection:
            row = self._row(connection)
            if row is None:
                return 0, {}
            key = row.number, principal.tenant, principal.grants
            with self._lock:
                kept = self._frequencies.get(key)
            if kept is None:
                kept = readable_frequencies(connection, row.id, principal, row.number)
                with self._lock:
                    # Those of former versions are not asked for again.
                    for other in [each for each in self._frequencies if each[0] != row.number]:
                        del self._frequencies[other]
                    self._frequencies[key] = kept
                    while len(self._frequencies) > _READERS:
                        self._frequencies.popitem(last=False)
        held, frequencies = kept
        return held, {term: frequencies[term] for term in terms if term in frequencies}

    def _edges_of(self, principal: Principal, most: int) -> MentionEdges:
        with self._database.reading() as connection:
            row = self._row(connection)
            if row is None:
                return edges_of(connection, None, principal, most)
            # A publication and a search each change it, and no other commit does.
            state = row.number, *searched(connection, row.id)
            key = state, principal.tenant, principal.grants, most
            with self._lock:
                if key in self._edges:
                    self._edges.move_to_end(key)
                    return self._edges[key]
            found = edges_of(connection, row.id, principal, most)
        with self._lock:
            for other in [each for each in self._edges if each[0] != state]:
                del self._edges[other]
            self._edges[key] = found
            while len(self._edges) > _GRAPHS:
                self._edges.popitem(last=False)
        return found


def _matches(metadata: Mapping[str, Any], given: Filter) -> bool:
    """Whether a document's metadata match a filter, as they would in a search."""
    value = metadata.get(given.field)
    values: list[Any] = list(value) if isinstance(value, (list, tuple)) else [value]  # pyright: ignore[reportUnknownArgumentType]
    # As JSON, since 1 and true are not the same.
    wanted = {json.dumps(one) for one in given.values}
    return any(json.dumps(one) in wanted for one in values if isinstance(one, (str, int, bool)))
