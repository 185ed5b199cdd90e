"""Names of documents as a derived index: they follow their documents; mentions go with their passages."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from sqlalchemy import Connection, delete, func, select

from connectors.sql.statements import chunks, insert_all
from connectors.sql.tables import document_names, documents, jobs, mention_scans, mentions, passages
from orchestrator.knowledge.names_of_documents import DocumentName, names_of
from orchestrator.knowledge.wording import folded_key, spelling_key
from orchestrator.ports import DerivedChange, DerivedProgress, DocumentRow

#: The family of the jobs that search for mentions.
SCOPE = "graph"


class FollowingNames:
    """The `DerivedIndex` of what documents are called.

    Names are written with their documents, since reading them takes no time. Mentions of new names in old
    passages are searched by a job.
    """

    name = "names"

    def changed(self, change: DerivedChange, connection: Connection) -> None:
        """Write the names of new documents; delete those of removed ones, and what old passages mention."""
        drop_names(connection, change.index_id, change.removed_documents)
        write_names(connection, change.index_id, change.version, change.documents)
        for part in chunks((*change.retired, *change.purged)):
            for table in (mentions, mention_scans):
                theirs = (table.c.index_id == change.index_id, table.c.passage.in_(part))
                connection.execute(delete(table).where(*theirs))

    def dropped(self, index: str, index_id: int, connection: Connection) -> None:
        """Forget the jobs that search; the rows go with the index."""
        connection.execute(delete(jobs).where(jobs.c.scope == SCOPE, jobs.c.scope_name == index))

    def verify(self, index: str, index_id: int, connection: Connection) -> Iterator[str]:
        """Names of documents that are not there, and mentions of passages that are not."""
        living = select(documents.c.id).where(documents.c.index_id == index_id, documents.c.retired.is_(None))
        mine = document_names.c.index_id == index_id
        lost = select(document_names.c.document_id).where(mine, document_names.c.document_id.not_in(living))
        for document in connection.execute(lost.distinct()).scalars():
            yield f"There are names of the document {document}, which the index does not have."
        alive = select(passages.c.id).where(passages.c.index_id == index_id, passages.c.retired.is_(None))
        leads = select(document_names.c.document_id).where(
            mine, document_names.c.words != "", document_names.c.passage.not_in(alive)
        )
        for document in connection.execute(leads.distinct()).scalars():
            yield f"A name of the document {document} leads to a passage that the index does not have."
        for table in (mentions, mention_scans):
            gone = select(table.c.passage).where(table.c.index_id == index_id, table.c.passage.not_in(alive))
            for passage in connection.execute(gone.distinct()).scalars():
                yield f"There are mentions of the passage {passage}, which the index does not have."

    def progress(self, index: str, index_id: int, connection: Connection) -> DerivedProgress:
        """Documents whose names were read, of all."""
        named = func.count(document_names.c.document_id.distinct())
        done = connection.execute(select(named).where(document_names.c.index_id == index_id)).scalar_one()
        living = (documents.c.index_id == index_id, documents.c.retired.is_(None))
        total = connection.execute(select(func.count()).select_from(documents).where(*living)).scalar_one()
        return DerivedProgress(done, total)


def write_names(connection: Connection, index_id: int, number: int, rows: Sequence[DocumentRow]) -> None:
    """Write the names of documents as of a version; those that stay as they are keep theirs."""
    known = _stored(connection, index_id, [row.id for row in rows])
    changed: list[tuple[str, list[DocumentName]]] = []
    for row in rows:
        # A document without a name has an empty one, which says that it was read.
        found = names_of(row) or [DocumentName("", "title", "")]
        if known.get(row.id) != {(one.words, one.kind, one.passage) for one in found}:
            changed.append((row.id, found))
    drop_names(connection, index_id, [document for document, _ in changed if document in known])
    insert_all(
        connection,
        document_names,
        (
            {
                "index_id": index_id,
                "document_id": document,
                "words": one.words,
                "spelling": spelling_key(one.words) if one.words else -1,
                "folded": folded_key(one.words) if one.words else -1,
                "kind": one.kind,
                "passage": one.passage,
                "number": number,
            }
            for document, names in changed
            for one in names
        ),
    )


def drop_names(connection: Connection, index_id: int, ids: Collection[str]) -> None:
    """Delete the names of documents."""
    for part in chunks(ids):
        theirs = (document_names.c.index_id == index_id, document_names.c.document_id.in_(part))
        connection.execute(delete(document_names).where(*theirs))


def _stored(connection: Connection, index_id: int, ids: list[str]) -> dict[str, set[tuple[str, str, str]]]:
    found: dict[str, set[tuple[str, str, str]]] = {}
    columns = (
        document_names.c.document_id,
        document_names.c.words,
        document_names.c.kind,
        document_names.c.passage,
    )
    for part in chunks(ids):
        query = select(*columns).where(
            document_names.c.index_id == index_id, document_names.c.document_id.in_(part)
        )
        for row in connection.execute(query).all():
            found.setdefault(row.document_id, set()).add((row.words, row.kind, row.passage))
    return found
