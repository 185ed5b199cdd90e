"""Names and facts as a derived index: they go with their passages, without asking a model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from sqlalchemy import Connection, and_, delete, func, select

from connectors.sql.knowledge_imports import link_new_documents
from connectors.sql.statements import chunks
from connectors.sql.tables import (
    entity_changes,
    entity_names,
    extractions,
    facts,
    knowledge_imports,
    passages,
)
from orchestrator.ports import DerivedChange, DerivedProgress


class FollowingKnowledge:
    """The `DerivedIndex` of names and facts.

    What a passage says is gone as soon as it is no part of the index any more. What was extracted from it
    stays until it is purged, so that a text that comes back is not extracted again.
    """

    name = "knowledge"

    def changed(self, change: DerivedChange, connection: Connection) -> None:
        """Delete what retired passages say, and link new documents to the entities that their titles name."""
        for part in chunks((*change.retired, *change.purged)):
            for table in (entity_names, facts):
                theirs = (table.c.index_id == change.index_id, table.c.passage.in_(part))
                connection.execute(delete(table).where(*theirs))
        for part in chunks(change.purged):
            theirs = (extractions.c.index_id == change.index_id, extractions.c.passage.in_(part))
            connection.execute(delete(extractions).where(*theirs))
        if change.documents:
            link_new_documents(connection, change.index_id, change.documents)

    def dropped(self, index: str, index_id: int, connection: Connection) -> None:
        """Nothing: all rows have an `index_id`."""

    def verify(self, index: str, index_id: int, connection: Connection) -> Iterator[str]:
        """What is said by passages or imports that are not there, and facts whose ends have no name."""
        living = select(passages.c.id).where(passages.c.index_id == index_id, passages.c.retired.is_(None))
        imports = select(knowledge_imports.c.id).where(knowledge_imports.c.index_id == index_id)
        for table, what in ((entity_names, "names"), (facts, "facts")):
            mine = (table.c.index_id == index_id,)
            lost = select(table.c.passage).where(*mine, table.c.passage != "", table.c.passage.not_in(living))
            for passage in connection.execute(lost.distinct()).scalars():
                yield f"There are {what} of the passage {passage}, which the index does not have."
            strange = select(table.c.import_id).where(
                *mine, table.c.import_id != 0, table.c.import_id.not_in(imports)
            )
            for number in connection.execute(strange.distinct()).scalars():
                yield f"There are {what} of the import {number:016x}, which is not there."
        for end in (facts.c.head, facts.c.tail):
            named = select(entity_names.c.id).where(
                entity_names.c.index_id == facts.c.index_id, entity_names.c.entity == end
            )
            nameless = (
                select(func.count()).select_from(facts).where(facts.c.index_id == index_id, ~named.exists())
            )
            if number := connection.execute(nameless).scalar_one():
                yield f"{number:,} facts name an entity by its {end.name} that has no name."

    def progress(self, index: str, index_id: int, connection: Connection) -> DerivedProgress:
        """Passages that were extracted from, of all; all of none where nothing ever was."""
        alive = (passages.c.index_id == index_id, passages.c.retired.is_(None))
        joined = passages.join(
            extractions,
            and_(extractions.c.index_id == passages.c.index_id, extractions.c.passage == passages.c.id),
        )
        query = select(func.count()).select_from(joined).where(*alive, extractions.c.error == "")
        done = connection.execute(query).scalar_one()
        if not done:
            return DerivedProgress(0, 0)
        total = connection.execute(select(func.count()).select_from(passages).where(*alive)).scalar_one()
        return DerivedProgress(done, total)


def fingerprint(connection: Connection, index_id: int) -> str:
    """A hash of all names, facts and changes by hand that hold."""
    digest = hashlib.sha256()
    for query in (
        select(entity_names.c.id, entity_names.c.entity).order_by(entity_names.c.id),
        select(facts.c.id, facts.c.head, facts.c.tail).order_by(facts.c.id),
        select(
            entity_changes.c.tenant,
            entity_changes.c.kind,
            entity_changes.c.entity,
            entity_changes.c.other,
            entity_changes.c.document,
            entity_changes.c.name,
        ).order_by(entity_changes.c.tenant, entity_changes.c.number, entity_changes.c.other),
    ):
        table = query.get_final_froms()[0]
        mine = query.where(table.c.index_id == index_id)  # type: ignore[attr-defined]
        for row in connection.execute(mine):
            digest.update(repr(tuple(row)).encode())
    return digest.hexdigest()
