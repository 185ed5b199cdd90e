"""A vector store of another kind than the library's: one table that is changed in place, without shards.

`[ports] vector_store = "plain"` chooses it, and what writes it with it. A row is part of the versions from
`born` until before `died`. Both are written before the version is published: until then no search asks for
it, and what was never published is undone by the next who writes.
"""

from __future__ import annotations

import fcntl
import json
import math
import sqlite3
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import BadInput, IndexMismatch
from orchestrator.ports import (
    Build,
    DamagedPlace,
    Dense,
    DocumentRow,
    IndexChange,
    IndexRegistry,
    IndexVersion,
    IndexWriter,
    Late,
    Lexical,
    PassageVectors,
    Provider,
    Publish,
    Search,
    SparseEncoder,
    SparseVector,
    StoreCheck,
    StoredPassage,
    TermStatistics,
    VectorStore,
)
from orchestrator.types import Filter, Hit, Hits, Principal, ranked
from tests.plugin.distribution import describe

_TABLE = """
CREATE TABLE IF NOT EXISTS passages (
    of_index TEXT, passage TEXT, document TEXT, tenant TEXT, labels TEXT, metadata TEXT,
    dense BLOB, sparse TEXT, staged TEXT, born INTEGER, died INTEGER, died_at REAL
)
"""
_COLUMNS = "of_index, passage, document, tenant, labels, metadata, dense, sparse, staged, born"
_ALIVE = "of_index = ? AND born <= ? AND (died IS NULL OR died > ?)"


@dataclass(frozen=True, eq=False)
class Row:
    """A passage: of which document, for whom, and its vectors."""

    passage: str
    document: str
    tenant: str
    labels: tuple[str, ...]
    metadata: Mapping[str, Any]
    dense: NDArray[np.float32]
    sparse: SparseVector

    def matches(self, principal: Principal, filters: Sequence[Filter]) -> bool:
        return (
            self.tenant == principal.tenant
            and not principal.grants.isdisjoint(self.labels)
            and all(self._has(each) for each in filters)
        )

    def _has(self, given: Filter) -> bool:
        held = self.metadata.get(given.field)
        values: list[Any] = list(held) if isinstance(held, (list, tuple)) else [held]
        # 1, "1" and true are three values.
        return bool({json.dumps(one) for one in values} & {json.dumps(one) for one in given.values})


class PlainTable:
    """The table in its file, as versions of indexes see it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.path, timeout=30)) as connection, connection:
            connection.execute(_TABLE)
            yield connection

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other writers out until a change is published: workers do parts of one job side by side."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def alive(self, version: IndexVersion | None) -> list[Row]:
        if version is None:
            return []
        query = (
            f"SELECT passage, document, tenant, labels, metadata, dense, sparse FROM passages WHERE {_ALIVE}"
        )
        with self.opened() as connection:
            rows = connection.execute(query, (version.index, version.number, version.number)).fetchall()
        return [
            Row(
                passage,
                document,
                tenant,
                tuple(json.loads(labels)),
                json.loads(metadata),
                np.frombuffer(dense, np.float32),
                SparseVector(*map(tuple, json.loads(sparse))),
            )
            for passage, document, tenant, labels, metadata, dense, sparse in rows
        ]


class PlainIndexWriter:
    """The `IndexWriter` port over the table."""

    def __init__(self, table: PlainTable, registry: IndexRegistry) -> None:
        self.table = table
        self._registry = registry

    def apply(
        self, index: str, name: str, change: IndexChange, vectors: PassageVectors | None, publish: Publish
    ) -> IndexVersion:
        gone = [*change.removed_documents, *(row.id for row in change.documents)]
        with self.table.alone():
            with self._next(index) as (connection, number):
                _end(connection, index, number, gone)
                _insert(connection, index, change.documents, vectors, born=number)
            return publish(change)

    def relabel(
        self, version: IndexVersion, name: str, change: IndexChange, publish: Publish
    ) -> IndexVersion:
        with self.table.alone():
            with self._next(version.index) as (connection, number):
                for row in change.documents:
                    given = (json.dumps(sorted(row.labels)), json.dumps(dict(row.metadata)), number)
                    copied = "of_index, passage, document, tenant, ?, ?, dense, sparse, NULL, ?"
                    connection.execute(
                        f"INSERT INTO passages ({_COLUMNS}) SELECT {copied} "
                        f"FROM passages WHERE {_ALIVE} AND document = ?",
                        (*given, version.index, number - 1, number - 1, row.id),
                    )
                    _end(connection, version.index, number, [row.id])
            return publish(change)

    def stage(
        self, index: str, name: str, documents: Sequence[DocumentRow], vectors: PassageVectors
    ) -> Mapping[str, Any]:
        with self.table.opened() as connection:
            _insert(connection, index, documents, vectors, staged=name)
        return {"name": name}

    def switch(
        self, index: str, change: IndexChange, staged: Sequence[Mapping[str, Any]], publish: Publish
    ) -> IndexVersion:
        with self.table.alone():
            with self._next(index) as (connection, number):
                alive = (index, number - 1, number - 1)
                ended = f"UPDATE passages SET died = ?, died_at = ? WHERE {_ALIVE}"
                connection.execute(ended, (number, time.time(), *alive))
                for each in staged:
                    begun = "UPDATE passages SET born = ? WHERE of_index = ? AND staged = ?"
                    connection.execute(begun, (number, index, each["name"]))
            return publish(change)

    def delete(self, index: str) -> None:
        with self.table.opened() as connection:
            connection.execute("DELETE FROM passages WHERE of_index = ?", (index,))

    def merges(self, version: IndexVersion) -> Sequence[Mapping[str, Any]]:
        return ()

    def merge(
        self, version: IndexVersion, name: str, merge: Mapping[str, Any], publish: Publish
    ) -> IndexVersion:
        raise NotImplementedError("there is nothing to merge")

    def collect(self, index: str, *, seconds: float) -> Sequence[str]:
        with self.table.alone(), self._next(index) as (connection, _):
            old = "of_index = ? AND died_at <= ?"
            connection.execute(f"DELETE FROM passages WHERE {old}", (index, time.time() - seconds))
            # Whoever collects holds the write lock: what is staged was left by a rebuild that was cut short.
            left = "FROM passages WHERE of_index = ? AND staged IS NOT NULL AND born IS NULL"
            names = [row[0] for row in connection.execute(f"SELECT DISTINCT staged {left}", (index,))]
            connection.execute(f"DELETE {left}", (index,))
        return names

    def damaged(self, version: IndexVersion) -> Sequence[DamagedPlace]:
        query = f"SELECT count(*) FROM passages WHERE {_ALIVE}"
        with self.table.opened() as connection:
            (held,) = connection.execute(query, (version.index, version.number, version.number)).fetchone()
        lost = version.passages - held
        return [DamagedPlace(self.table.path.name, lost)] if lost > 0 else []

    def damaged_documents(
        self, index: str, places: Collection[str], *, after: str = "", limit: int = 500
    ) -> Sequence[DocumentRow]:
        held = {row.passage for row in self.table.alive(self._registry.current(index))}
        found: list[DocumentRow] = []
        while places and len(found) < limit and (page := self._registry.documents(index, after=after)):
            found += [row for row in page if not held >= {passage.id for passage in row.passages}]
            after = page[-1].id
        return found[:limit]

    def parts(self, version: IndexVersion) -> Mapping[str, int]:
        return {}

    def check(self, version: IndexVersion) -> StoreCheck:
        found: dict[str, list[StoredPassage]] = defaultdict(list)
        for row in self.table.alive(version):
            found[row.passage].append(StoredPassage(row.tenant, row.labels))
        return StoreCheck(found)

    @contextmanager
    def _next(self, index: str) -> Iterator[tuple[sqlite3.Connection, int]]:
        """What is written for the next version of an index; what was meant for one that never came goes."""
        current = self._registry.current(index)
        number = 0 if current is None else current.number
        with self.table.opened() as connection:
            mine = (index, number)
            connection.execute(
                "UPDATE passages SET died = NULL, died_at = NULL WHERE of_index = ? AND died > ?", mine
            )
            unborn = "of_index = ? AND born > ?"
            connection.execute(f"DELETE FROM passages WHERE {unborn} AND staged IS NULL", mine)
            connection.execute(f"UPDATE passages SET born = NULL WHERE {unborn}", mine)
            yield connection, number + 1


def _end(connection: sqlite3.Connection, index: str, number: int, documents: Sequence[str]) -> None:
    """Let documents end with a version."""
    connection.executemany(
        "UPDATE passages SET died = ?, died_at = ? "
        "WHERE of_index = ? AND document = ? AND born < ? AND died IS NULL",
        [(number, time.time(), index, document, number) for document in documents],
    )


def _insert(
    connection: sqlite3.Connection,
    index: str,
    documents: Sequence[DocumentRow],
    vectors: PassageVectors | None,
    *,
    born: int | None = None,
    staged: str | None = None,
) -> None:
    passages = [(row, passage) for row in documents for passage in row.passages]
    assert vectors is not None or not passages
    for at, (row, passage) in enumerate(passages):
        assert vectors is not None
        sparse = vectors.sparse[at]
        values = (
            *(index, passage.id, row.id, row.tenant, json.dumps(sorted(row.labels))),
            *(json.dumps(dict(row.metadata)), vectors.dense[at].astype(np.float32).tobytes()),
            *(json.dumps([sparse.indices, sparse.values]), staged, born),
        )
        places = ", ".join("?" * len(values))
        connection.execute(f"INSERT INTO passages ({_COLUMNS}) VALUES ({places})", values)


class PlainStore:
    """The `VectorStore` port: compares all rows of the current version."""

    def __init__(
        self, table: PlainTable, registry: IndexRegistry, encoder: SparseEncoder, index: str
    ) -> None:
        self._table = table
        self._registry = registry
        self._encoder = encoder
        self._index = index

    @property
    def version(self) -> str:
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
        version = self._registry.current(self._index)
        rows = [row for row in self._table.alive(version) if row.matches(principal, filters)]
        if version is None or not rows or limit < 1:
            return [Hits() for _ in searches]
        statistics = self._registry.statistics(version, principal)
        return [self._ranked(each, rows, statistics).top(limit) for each in searches]

    async def vectors(self, ids: Sequence[str], *, principal: Principal) -> dict[str, NDArray[np.float32]]:
        version = self._registry.current(self._index)
        held = {row.passage: row for row in self._table.alive(version) if row.matches(principal, ())}
        return {name: held[name].dense for name in ids if name in held}

    def _ranked(self, search: Search, rows: Sequence[Row], statistics: TermStatistics) -> Hits:
        if isinstance(search, Late):
            raise IndexMismatch("A plain index keeps no vectors of tokens.")
        if isinstance(search, Dense):
            vector = np.asarray(search.vector, np.float32)
            if vector.shape != rows[0].dense.shape or not np.isfinite(vector).all():
                raise BadInput(f"The vector of a search must have {len(rows[0].dense)} finite numbers.")
            return ranked([Hit(row.passage, float(row.dense @ vector)) for row in rows])
        asked = self._terms(search, statistics)
        scores = {
            row.passage: sum(asked.get(term, 0.0) * number for term, number in _pairs(row.sparse))
            for row in rows
        }
        return ranked([Hit(name, score) for name, score in scores.items() if score])

    def _terms(self, search: Lexical, statistics: TermStatistics) -> Mapping[int, float]:
        asked: dict[int, float] = defaultdict(float)
        for text, weight in search.terms or ((search.text, 1.0),):
            for term, number in _pairs(self._encoder.query(text)):
                held = statistics.frequency.get(term, 0)
                asked[term] += weight * number * math.log1p((statistics.passages - held + 0.5) / (held + 0.5))
        return asked


def _pairs(vector: SparseVector) -> list[tuple[int, float]]:
    return list(zip(vector.indices, vector.values, strict=True))


def _table(build: Build) -> PlainTable:
    return PlainTable(build.home / "plain.db")


def _writer(build: Build) -> PlainIndexWriter:
    return PlainIndexWriter(_table(build), build.get(IndexRegistry))


def _store(build: Build) -> PlainStore:
    return PlainStore(_table(build), build.get(IndexRegistry), build.get(SparseEncoder), build.index)


providers = (
    Provider(port=VectorStore, name="plain", make=_store, scope="index", description="one table"),
    Provider(port=IndexWriter, name="plain", make=_writer, description="one table"),
)


def installed(folder: Path) -> Path:
    """A distribution that adds the connector `plain`, in a folder that can be put on the path."""
    points = {"orchestrator.connectors": {"plain": "tests.indexing.plain_store:providers"}}
    folder.mkdir(parents=True)
    describe(folder, "orchestrator-plain", "0.1", points)
    return folder
