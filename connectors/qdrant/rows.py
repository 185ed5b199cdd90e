"""The points of all indexes on a server: `VersionedRows` over collections."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import Any
from uuid import uuid4

from qdrant_client import models

from connectors.qdrant import points as stored
from connectors.qdrant.points import (
    BORN,
    BORN_BY,
    DIED,
    DIED_AT,
    DIED_BY,
    DOCUMENT,
    LABELS,
    NAME,
    NEVER,
    PASSAGE,
    STAGED,
    TENANT,
    collection_name,
)
from connectors.qdrant.server import QdrantServer, is_missing
from connectors.qdrant.settings import QdrantSettings
from orchestrator.errors import StoreError
from orchestrator.ports import DocumentRow, PassageVectors, StoredPassage
from orchestrator.vector_stores.versioned_rows import Space

#: Points that are read at once; with their vectors of tokens they are a thousand times as large.
_PAGE, _LATE_PAGE = 1000, 50
#: Values of one condition.
_VALUES = 500
_INSERT = models.UpdateMode.INSERT_ONLY
#: Seconds for which a server may apply what it has accepted, and between two looks.
_SETTLING, _LOOK = 10.0, 0.05


class QdrantRows:
    """The `VersionedRows` of a server."""

    def __init__(self, server: QdrantServer, settings: QdrantSettings) -> None:
        self.server = server
        self.settings = settings
        #: The spaces whose collections are known to have their payload indexes.
        self.indexed: set[Space] = set()

    @property
    def name(self) -> str:
        """The server's address."""
        return self.server.name

    @contextmanager
    def writing(self, index: str) -> Generator[QdrantRowWriter]:
        """A writer. A server has no locks: that of the ledger keeps others out."""
        yield QdrantRowWriter(self, index)

    def count(self, space: Space, number: int) -> int:
        """How many points are part of a version."""
        return self.counted(space, stored.alive(number))

    def stored(self, space: Space, number: int) -> Iterator[tuple[str, StoredPassage]]:
        """All points of a version, read some at a time."""
        for record in self.scrolled(space, stored.alive(number), [PASSAGE, TENANT, LABELS]):
            payload: Any = record.payload
            labels = tuple(sorted(payload[LABELS]))
            yield payload[PASSAGE], StoredPassage(payload[TENANT], labels, self.name)

    def among(self, space: Space, number: int, passages: Sequence[str]) -> set[str]:
        """Those of some passages that a version has."""
        found: set[str] = set()
        for part in _chunks(passages, _VALUES):
            conditions = [*stored.alive(number), stored.any_of(PASSAGE, part)]
            for record in self.scrolled(space, conditions, [PASSAGE]):
                payload: Any = record.payload
                found.add(payload[PASSAGE])
        return found

    def parts(self, space: Space) -> Mapping[str, int]:
        """Nothing to tell."""
        return {}

    def spaces(self, index: str) -> list[Space]:
        """All spaces that an index has a collection for."""
        found = self.server.call(lambda client: client.get_collections().collections)
        spaces = (stored.space_of(self.settings.prefix, index, each.name) for each in found)
        return [space for space in spaces if space is not None]

    def collection(self, space: Space) -> str:
        """The name of the collection of a space."""
        return collection_name(self.settings.prefix, space)

    def counted(self, space: Space, conditions: Sequence[models.Condition]) -> int:
        """How many points there are, exactly; none without the collection."""
        collection, wanted = self.collection(space), models.Filter(must=list(conditions))
        try:
            return self.server.call(lambda client: client.count(collection, wanted, exact=True)).count
        except StoreError as error:
            if is_missing(error):
                return 0
            raise

    def scrolled(
        self,
        space: Space,
        conditions: Sequence[models.Condition],
        payload: Sequence[str] | bool,
        *,
        vectors: bool = False,
    ) -> Iterator[models.Record]:
        """Points of a collection, by their ids, some at a time; none without the collection."""
        collection, wanted = self.collection(space), models.Filter(must=list(conditions))
        limit = _LATE_PAGE if vectors and space.token_dimensions else _PAGE
        fields = payload if isinstance(payload, bool) else list(payload)
        offset: Any = None
        while True:
            try:
                records, offset = self.server.call(
                    lambda client, offset=offset: client.scroll(
                        collection,
                        wanted,
                        limit=limit,
                        offset=offset,
                        with_payload=fields,
                        with_vectors=vectors,
                    )
                )
            except StoreError as error:
                if is_missing(error):
                    return
                raise
            yield from records
            if offset is None:
                return


class QdrantRowWriter:
    """The `RowWriter` of an index.

    A request that took too long may still be done, after those that came later. So each names the points
    that it is about by who wrote them, and no point is written over: late, it finds nothing to change.
    """

    def __init__(self, rows: QdrantRows, index: str) -> None:
        self._rows = rows
        self._me = uuid4().hex
        self._server = rows.server
        self._settings = rows.settings
        self._index = index

    def undo(self, number: int) -> None:
        """Take back what was meant for versions after `number`."""
        for space in self._rows.spaces(self._index):
            born = stored.between(BORN, gt=number, lt=NEVER)
            for part in _chunks(self._writers(space, BORN_BY, born), _VALUES):
                theirs = [born, stored.any_of(BORN_BY, part)]
                self._delete(space, [*theirs, stored.equals(STAGED, False)])
                self._set(space, {BORN: NEVER}, theirs)
            died = stored.between(DIED, gt=number, lt=NEVER)
            for part in _chunks(self._writers(space, DIED_BY, died), _VALUES):
                self._set(space, {DIED: NEVER}, [died, stored.any_of(DIED_BY, part)])

    def insert(
        self,
        space: Space,
        name: str,
        documents: Sequence[DocumentRow],
        vectors: PassageVectors,
        *,
        born: int | None,
    ) -> None:
        """Upsert the points in batches, several at once; the last one waits until all are applied."""
        self._create(space)
        expected = sum(len(row.passages) for row in documents)
        self._written(space, name, lambda: stored.points(name, self._me, documents, vectors, born), expected)

    def copy(self, space: Space, name: str, documents: Sequence[DocumentRow], *, born: int) -> None:
        """Points with the same vectors, for other readers."""
        self._create(space)
        rows = {row.id: row for row in documents}

        def copies() -> Iterator[models.PointStruct]:
            for part in _chunks(list(rows), _VALUES):
                conditions = [*stored.alive(born - 1), stored.any_of(DOCUMENT, part)]
                for record in self._rows.scrolled(space, conditions, [PASSAGE, DOCUMENT], vectors=True):
                    held: Any = record.payload
                    payload = stored.payload_of(rows[held[DOCUMENT]], name, self._me, born)
                    vector: Any = record.vector
                    identifier = stored.point_id(name, held[PASSAGE])
                    told = {**payload, PASSAGE: held[PASSAGE]}
                    yield models.PointStruct(id=identifier, vector=vector, payload=told)

        self._written(space, name, copies, sum(len(row.passages) for row in documents))

    def end(self, documents: Sequence[str], *, died: int) -> None:
        """Let the points of these documents end with a version."""
        spaces = self._rows.spaces(self._index)
        for part in _chunks(documents, _VALUES):
            for space in spaces:
                self._end(space, died, stored.any_of(DOCUMENT, part))

    def end_all(self, *, died: int) -> None:
        """Let all points end with a version."""
        for space in self._rows.spaces(self._index):
            self._end(space, died)

    def begin(self, names: Collection[str], *, born: int) -> None:
        """Let what was staged begin with a version."""
        for part in _chunks(sorted(names), _VALUES):
            for space in self._rows.spaces(self._index):
                staged = [stored.equals(STAGED, True), stored.any_of(NAME, part)]
                self._set(space, {BORN: born, BORN_BY: self._me}, staged)

    def collect(self, number: int, *, seconds: float) -> list[str]:
        """Delete what ended long ago and what is staged, and collections without a point."""
        names: set[str] = set()
        for space in self._rows.spaces(self._index):
            before = time.time() - seconds
            self._delete(space, [stored.between(DIED, lte=number), stored.between(DIED_AT, lte=before)])
            staged = [stored.equals(STAGED, True), stored.between(BORN, gte=NEVER)]
            left = self._rows.scrolled(space, staged, [NAME])
            found = {payload[NAME] for record in left if (payload := record.payload)}
            for part in _chunks(sorted(found), _VALUES):
                self._delete(space, [*staged, stored.any_of(NAME, part)])
            names |= found
            if not self._rows.counted(space, ()):
                self._drop(space)
        return sorted(names)

    def delete(self) -> None:
        """Delete the collections of the index."""
        for space in self._rows.spaces(self._index):
            self._drop(space)

    def _writers(self, space: Space, field: str, condition: models.Condition) -> list[str]:
        """Who wrote the points of a condition."""
        records = self._rows.scrolled(space, [condition], [field])
        return sorted({payload[field] for record in records if (payload := record.payload)})

    def _create(self, space: Space) -> None:
        collection = self._rows.collection(space)
        if not self._server.call(lambda client: client.collection_exists(collection)):
            fields = stored.fields(space, self._settings)
            try:
                self._server.call(lambda client: client.create_collection(collection, **fields))
            except StoreError:
                # Made by the attempt before, of which only the answer was lost?
                if not self._server.call(lambda client: client.collection_exists(collection)):
                    raise
            self._rows.indexed.discard(space)
        # A writer that was killed may have left a collection without them.
        if space not in self._rows.indexed:
            for field, kind in stored.payload_indexes().items():
                self._server.call(
                    lambda client, field=field, kind=kind: client.create_payload_index(
                        collection, field, field_schema=kind, wait=True
                    )
                )
            self._rows.indexed.add(space)

    def _drop(self, space: Space) -> None:
        collection = self._rows.collection(space)
        self._server.call(lambda client: client.delete_collection(collection))

    def _written(self, space: Space, name: str, made: Any, expected: int) -> None:
        """Write points, and count them: what the server has accepted and lost is written once more."""
        held = 0
        for _ in range(2):
            self._upsert(space, made())
            held = self._settled(space, name, expected)
            if held == expected:
                return
        raise StoreError(
            f"The vector store {self._server.name} has {held} of {expected} passages that were written to "
            f"the index {self._index!r}.",
            hint="Check the server's log and its disk, and run the command again.",
        )

    def _settled(self, space: Space, name: str, expected: int) -> int:
        deadline = time.monotonic() + _SETTLING
        while True:
            held = self._rows.counted(space, [stored.any_of(NAME, [name])])
            if held == expected or time.monotonic() > deadline:
                return held
            time.sleep(_LOOK)

    def _upsert(self, space: Space, points: Iterable[models.PointStruct]) -> None:
        collection = self._rows.collection(space)

        def send(batch: Sequence[models.PointStruct], wait: bool = False) -> None:
            self._server.call(
                lambda client: client.upsert(collection, list(batch), wait=wait, update_mode=_INSERT)
            )

        last: Sequence[models.PointStruct] = ()
        sent: deque[Future[None]] = deque()
        with ThreadPoolExecutor(self._settings.parallel) as threads:
            for batch in _batches(points, self._settings.batch):
                if last:
                    sent.append(threads.submit(send, last))
                last = batch
                # As many batches in memory as are on their way.
                if len(sent) >= self._settings.parallel:
                    sent.popleft().result()
            for each in sent:
                each.result()
        if last:
            send(last, wait=True)

    def _end(self, space: Space, died: int, *more: models.Condition) -> None:
        before = [stored.between(BORN, lt=died), stored.between(DIED, gt=died), *more]
        self._set(space, {DIED: died, DIED_BY: self._me, DIED_AT: time.time()}, before)

    def _set(self, space: Space, payload: Mapping[str, Any], conditions: Sequence[models.Condition]) -> None:
        collection, wanted = self._rows.collection(space), models.Filter(must=list(conditions))
        self._server.call(lambda client: client.set_payload(collection, dict(payload), wanted, wait=True))

    def _delete(self, space: Space, conditions: Sequence[models.Condition]) -> None:
        collection = self._rows.collection(space)
        wanted = models.FilterSelector(filter=models.Filter(must=list(conditions)))
        self._server.call(lambda client: client.delete(collection, wanted, wait=True))


def _chunks(values: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _batches(points: Iterable[models.PointStruct], size: int) -> Iterator[list[models.PointStruct]]:
    waiting = iter(points)
    while batch := list(islice(waiting, size)):
        yield batch
