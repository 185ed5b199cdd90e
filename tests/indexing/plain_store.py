"""A vector store of another kind than the library's: one table of passages in memory, changed in place.

It has no shards. `[ports] vector_store = "plain"` chooses it, and what writes it with it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from orchestrator.errors import IndexMismatch
from orchestrator.ports import (
    Build,
    Dense,
    DocumentRow,
    IndexChange,
    IndexRegistry,
    IndexVersion,
    IndexWriter,
    Late,
    PassageVectors,
    Provider,
    Publish,
    Search,
    SparseEncoder,
    SparseVector,
    StoreCheck,
    StoredPassage,
    VectorStore,
)
from orchestrator.types import Filter, Hit, Hits, Principal, ranked
from tests.plugin.distribution import describe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Row:
    """A passage: of which document, for whom, and its vectors."""

    document: DocumentRow
    dense: NDArray[np.float32]
    sparse: SparseVector

    def matches(self, principal: Principal, filters: Sequence[Filter]) -> bool:
        mine = self.document
        return (
            mine.tenant == principal.tenant
            and not principal.grants.isdisjoint(mine.labels)
            and all(self._has(each) for each in filters)
        )

    def _has(self, given: Filter) -> bool:
        held = self.document.metadata.get(given.field)
        values: list[Any] = list(held) if isinstance(held, (list, tuple)) else [held]
        # 1, "1" and true are three values.
        return bool({json.dumps(one) for one in values} & {json.dumps(one) for one in given.values})


Rows = dict[str, Row]


class PlainIndexWriter:
    """The `IndexWriter` port: rows by the ids of passages, changed while nobody searches."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.indexes: dict[str, Rows] = defaultdict(dict)
        self._staged: dict[tuple[str, str], Rows] = {}

    def apply(
        self, index: str, name: str, change: IndexChange, vectors: PassageVectors | None, publish: Publish
    ) -> IndexVersion:
        gone = {*change.removed_documents, *(row.id for row in change.documents)}
        with self.lock:
            version = publish(replace(change, unsharded=True))
            kept = {name: row for name, row in self.indexes[index].items() if row.document.id not in gone}
            self.indexes[index] = kept | _rows(change.documents, vectors)
        return version

    def relabel(
        self, version: IndexVersion, name: str, change: IndexChange, publish: Publish
    ) -> IndexVersion:
        other = {row.id: row for row in change.documents}
        with self.lock:
            published = publish(replace(change, unsharded=True))
            rows = self.indexes[version.index]
            self.indexes[version.index] = {
                name: replace(row, document=other.get(row.document.id, row.document))
                for name, row in rows.items()
            }
        return published

    def stage(
        self, index: str, name: str, documents: Sequence[DocumentRow], vectors: PassageVectors
    ) -> Mapping[str, Any]:
        self._staged[index, name] = _rows(documents, vectors)
        return {"name": name}

    def switch(
        self, index: str, change: IndexChange, staged: Sequence[Mapping[str, Any]], publish: Publish
    ) -> IndexVersion:
        with self.lock:
            version = publish(replace(change, unsharded=True))
            new: Rows = {}
            for each in staged:
                new |= self._staged.pop((index, each["name"]))
            self.indexes[index] = new
        return version

    def delete(self, index: str) -> None:
        with self.lock:
            self.indexes.pop(index, None)

    def merges(self, version: IndexVersion) -> Sequence[Mapping[str, Any]]:
        return ()

    def merge(
        self, version: IndexVersion, name: str, merge: Mapping[str, Any], publish: Publish
    ) -> IndexVersion:
        raise NotImplementedError("there is nothing to merge")

    def collect(self, index: str, *, seconds: float) -> Sequence[str]:
        # Whoever collects holds the write lock: what is staged was left by a rebuild that was cut short.
        left = [key for key in self._staged if key[0] == index]
        for key in left:
            del self._staged[key]
        return [name for _, name in left]

    def damaged(self, version: IndexVersion) -> Sequence[str]:
        return ()

    def check(self, version: IndexVersion) -> StoreCheck:
        return StoreCheck(
            {
                name: [StoredPassage("", row.document.tenant, tuple(sorted(row.document.labels)))]
                for name, row in self.indexes[version.index].items()
            }
        )


class PlainStore:
    """The `VectorStore` port: compares all rows. A term counts as often as it occurs."""

    def __init__(
        self, writer: PlainIndexWriter, registry: IndexRegistry, encoder: SparseEncoder, index: str
    ) -> None:
        self._writer = writer
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
        with self._writer.lock:
            rows = dict(self._writer.indexes[self._index])
        mine = {name: row for name, row in rows.items() if row.matches(principal, filters)}
        return [self._ranked(each, mine).top(limit) for each in searches]

    async def vectors(self, ids: Sequence[str], *, principal: Principal) -> dict[str, NDArray[np.float32]]:
        with self._writer.lock:
            rows = dict(self._writer.indexes[self._index])
        return {name: rows[name].dense for name in ids if name in rows and rows[name].matches(principal, ())}

    def _ranked(self, search: Search, rows: Rows) -> Hits:
        if isinstance(search, Late):
            raise IndexMismatch("A plain index keeps no vectors of tokens.")
        if isinstance(search, Dense):
            hits = [Hit(name, float(row.dense @ search.vector)) for name, row in rows.items()]
            return ranked(hits)
        asked: dict[int, float] = defaultdict(float)
        for text, weight in search.terms or ((search.text, 1.0),):
            for term, number in _pairs(self._encoder.query(text)):
                asked[term] += weight * number
        scores = {
            name: sum(asked.get(term, 0.0) * number for term, number in _pairs(row.sparse))
            for name, row in rows.items()
        }
        return ranked([Hit(name, score) for name, score in scores.items() if score])


def _pairs(vector: SparseVector) -> list[tuple[int, float]]:
    return list(zip(vector.indices, vector.values, strict=True))


def _rows(documents: Sequence[DocumentRow], vectors: PassageVectors | None) -> Rows:
    passages = [(row, passage) for row in documents for passage in row.passages]
    assert vectors is not None or not passages
    return {
        passage.id: Row(document, vectors.dense[at], vectors.sparse[at])
        for at, (document, passage) in enumerate(passages)
        if vectors is not None
    }


def _writer(build: Build) -> PlainIndexWriter:
    return PlainIndexWriter()


def _store(build: Build) -> PlainStore:
    writer = build.get(IndexWriter, connector="plain")
    assert isinstance(writer, PlainIndexWriter)
    return PlainStore(writer, build.get(IndexRegistry), build.get(SparseEncoder), build.index)


providers = (
    Provider(port=VectorStore, name="plain", make=_store, scope="index", description="one table in memory"),
    Provider(port=IndexWriter, name="plain", make=_writer, description="one table in memory"),
)


def installed(folder: Path) -> Path:
    """A distribution that adds the connector `plain`, in a folder that can be put on the path."""
    points = {"orchestrator.connectors": {"plain": "tests.indexing.plain_store:providers"}}
    folder.mkdir(parents=True)
    describe(folder, "orchestrator-plain", "0.1", points)
    return folder
