"""The knowledge graph of one index, in SQL."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import Lock
from typing import Any, TypeVar

from sqlalchemy import Connection, delete, select

from connectors.sql import entity_edits, knowledge_imports, knowledge_reading
from connectors.sql.database import Database
from connectors.sql.extractions import extracted, failures, keep_extractions, unextracted
from connectors.sql.following_knowledge import fingerprint
from connectors.sql.index_version import of_index
from connectors.sql.knowledge_access import Reader, Readers, reader
from connectors.sql.knowledge_reading import numbers
from connectors.sql.knowledge_rows import Rows, Source, import_number
from connectors.sql.statements import chunks
from connectors.sql.tables import documents, entity_names, facts, indexes, passages
from orchestrator.errors import BadInput
from orchestrator.ports import (
    Clock,
    Edit,
    EditKind,
    Entity,
    Extraction,
    Fact,
    Import,
    KnowledgeCounts,
    NamedEntity,
    Statements,
    Unextracted,
    Vocabulary,
)
from orchestrator.types import Principal

ResultT = TypeVar("ResultT")
#: Readers whose vocabularies are kept.
_VOCABULARIES = 4


class SqlKnowledge:
    """The `KnowledgeStore` port on one index."""

    def __init__(self, database: Database, index: str, clock: Clock | None = None) -> None:
        self._database = database
        self._index = index
        self._now = clock.now if clock is not None else time.time
        self._readers = Readers(database, index)
        self._lock = Lock()
        self._vocabularies: dict[tuple[Any, ...], Vocabulary] = {}

    # -- reading -------------------------------------------------------------------------------

    async def named(
        self, names: Sequence[str], *, principal: Principal
    ) -> dict[str, tuple[NamedEntity, ...]]:
        """What each of these folded names may stand for."""
        return await self._read({}, principal, knowledge_reading.named, tuple(dict.fromkeys(names)))

    async def entities(self, ids: Sequence[str], *, principal: Principal) -> dict[str, Entity]:
        """The entities that there are for the reader."""
        wanted = numbers(ids)
        found = await self._read({}, principal, knowledge_reading.entities, tuple(wanted.values()))
        return {one: found[number] for one, number in wanted.items() if number in found}

    async def facts(self, entity: str, *, principal: Principal, limit: int = 2000) -> tuple[Fact, ...]:
        """The facts that begin or end in an entity."""
        for number in numbers([entity]).values():
            return await self._read((), principal, knowledge_reading.one_hop, number, limit)
        return ()

    async def said(self, passages: Sequence[str], *, principal: Principal) -> dict[str, tuple[Fact, ...]]:
        """The facts that each of these passages says."""
        return await self._read({}, principal, knowledge_reading.said, tuple(dict.fromkeys(passages)))

    async def passages(
        self, entities: Sequence[str], *, principal: Principal, most: int | None = None
    ) -> dict[str, tuple[str, ...]]:
        """The passages that name each of these entities."""
        wanted = numbers(entities)
        found = await self._read({}, principal, knowledge_reading.naming, tuple(wanted.values()), most)
        return {one: found[number] for one, number in wanted.items() if number in found}

    async def vocabulary(self, *, principal: Principal) -> Vocabulary:
        """All names that the reader may read; one object until somebody commits something."""
        return await self._database.run(self._vocabulary, principal)

    async def counts(self, *, principal: Principal) -> KnowledgeCounts:
        """How much of the graph a reader may read."""
        return await self._read(KnowledgeCounts(), principal, knowledge_reading.counts)

    def export(self, *, principal: Principal) -> Iterator[Entity | Fact]:
        """All entities, then all facts, as of one moment."""
        with self._database.reading() as connection:
            who = self._readers.of(connection, principal, None)
            if who is not None and not who.nothing:
                yield from knowledge_reading.everything(connection, who)

    async def imports(self, *, principal: Principal) -> tuple[Import, ...]:
        """The imports that a reader may read, by name."""

        def read(connection: Connection, who: Reader) -> tuple[Import, ...]:
            return tuple(sorted(who.imports.values(), key=lambda each: each.name))

        return await self._read((), principal, read)

    async def journal(self, *, principal: Principal) -> tuple[Edit, ...]:
        """The entries of the principal's tenant."""
        return await self._read((), principal, entity_edits.journal)

    def fingerprint(self) -> str:
        """A hash of all names and facts."""
        with self._database.reading() as connection:
            index_id = connection.execute(of_index(self._index, select(indexes.c.id))).scalar()
            return "" if index_id is None else fingerprint(connection, index_id)

    # -- writing -------------------------------------------------------------------------------

    async def put(self, said: Mapping[str, Statements], *, extractions: Sequence[Extraction] = ()) -> int:
        """Put what passages say in the place of what they said before."""

        def write(connection: Connection, index_id: int) -> int:
            rows, there = Rows(connection, index_id), 0
            for part in chunks(sorted(said)):
                for table in (entity_names, facts):
                    old = (table.c.index_id == index_id, table.c.passage.in_(part), table.c.import_id == 0)
                    connection.execute(delete(table).where(*old))
                query = (
                    select(passages.c.id, passages.c.document_id, documents.c.tenant)
                    .select_from(passages.join(documents))
                    .where(passages.c.index_id == index_id, passages.c.id.in_(part))
                    .where(passages.c.retired.is_(None))
                )
                for row in connection.execute(query).all():
                    there += 1
                    rows.add(Source(index_id, row.tenant, row.document_id, row.id), said[row.id])
            rows.write()
            keep_extractions(connection, index_id, extractions)
            return there

        return await self._write(write)

    async def put_import(
        self, given: Import, said: Statements, by_passage: Mapping[str, Statements] | None = None
    ) -> None:
        """Put an import in the place of the one of its name."""
        if not given.name.strip() or not given.labels:
            raise BadInput("An import needs a name and a label.", hint="Labels say who may read it.")
        await self._write(
            lambda connection, index_id: knowledge_imports.put_import(
                connection, index_id, given, said, by_passage or {}
            )
        )

    async def remove_import(self, name: str, *, tenant: str) -> bool:
        """Remove an import and all that it says."""
        number = import_number(tenant, name)
        return await self._write(
            lambda connection, index_id: knowledge_imports.remove_import(connection, index_id, number)
        )

    async def edit(
        self,
        kind: EditKind,
        entities: Sequence[str],
        *,
        principal: Principal,
        documents: Sequence[str] = (),
        name: str = "",
    ) -> Edit:
        """Merge, split or rename entities."""

        def write(connection: Connection, index_id: int) -> Edit:
            who = reader(connection, index_id, principal.tenant, principal.grants)
            return entity_edits.edit(
                connection, who, kind, entities, named=documents, name=name, by=principal.name, at=self._now()
            )

        return await self._write(write)

    async def undo(self, number: int, *, principal: Principal) -> Edit:
        """Undo an entry of the journal."""

        def write(connection: Connection, index_id: int) -> Edit:
            who = reader(connection, index_id, principal.tenant, principal.grants)
            return entity_edits.undo(connection, who, number, at=self._now())

        return await self._write(write)

    # -- extraction ----------------------------------------------------------------------------

    async def unextracted(self, contract: str, *, after: str = "", limit: int = 200) -> list[Unextracted]:
        """Passages whose extraction is none of the contract's or failed."""
        return await self._anyone([], unextracted, contract, after, limit)

    async def extracted(self, keys: Sequence[str]) -> dict[str, str]:
        """The contents that are kept under keys."""
        return await self._anyone({}, extracted, keys)

    async def failures(self) -> list[Extraction]:
        """The extractions that failed."""
        return await self._anyone([], failures)

    # -- transactions --------------------------------------------------------------------------

    async def _read(
        self, nothing: ResultT, principal: Principal, function: Callable[..., ResultT], *given: Any
    ) -> ResultT:
        """Call a function with a connection and the reader; `nothing` where he may read nothing."""
        if not principal.grants:
            return nothing

        def read() -> ResultT:
            mark = self._database.mark()
            with self._database.reading() as connection:
                who = self._readers.of(connection, principal, mark)
                return nothing if who is None or who.nothing else function(connection, who, *given)

        return await self._database.run(read)

    def _vocabulary(self, principal: Principal) -> Vocabulary:
        mark = self._database.mark()
        key = (mark, principal.tenant, principal.grants)
        with self._lock:
            if mark is not None and key in self._vocabularies:
                return self._vocabularies[key]
        with self._database.reading() as connection:
            who = self._readers.of(connection, principal, mark)
            names = {} if who is None or who.nothing else knowledge_reading.named(connection, who, None)
        made = Vocabulary(names)
        with self._lock:
            if mark is not None:
                kept = {one: each for one, each in self._vocabularies.items() if one[0] == mark}
                self._vocabularies = dict([*kept.items(), (key, made)][-_VOCABULARIES:])
        return made

    async def _anyone(self, nothing: ResultT, function: Callable[..., ResultT], *given: Any) -> ResultT:
        """Call a function with a connection and the id of the index; `nothing` without one."""

        def read() -> ResultT:
            with self._database.reading() as connection:
                index_id = connection.execute(of_index(self._index, select(indexes.c.id))).scalar()
                return nothing if index_id is None else function(connection, index_id, *given)

        return await self._database.run(read)

    async def _write(self, function: Callable[[Connection, int], ResultT]) -> ResultT:
        """Call a function in a transaction that holds the index; BadInput if there is none."""

        def write() -> ResultT:
            with self._database.writing() as connection:
                query = of_index(self._index, select(indexes.c.id)).with_for_update()
                index_id = connection.execute(query).scalar()
                if index_id is None:
                    raise BadInput(
                        f"There is no index {self._index!r}.",
                        hint="Create it first: `orchestrator index add PATH`.",
                    )
                return function(connection, index_id)

        return await self._database.run_writing(write)
