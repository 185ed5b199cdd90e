"""Indexes, their versions and what is in them, in SQL."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from sqlalchemy import Row, delete, func, select, update

from connectors.sql import publish
from connectors.sql.access import label_set, store_label_sets
from connectors.sql.database import Database
from connectors.sql.derived import DerivedIndexes
from connectors.sql.document_rows import document_rows, living_documents
from connectors.sql.index_version import Edition, format_columns, of_index, version_of
from connectors.sql.job_rows import finish, held, in_scope
from connectors.sql.shards import shard_effects
from connectors.sql.statements import chunks, insert_missing
from connectors.sql.statistics import move, readable_frequencies
from connectors.sql.tables import documents, files, indexes, jobs, passages
from connectors.sql.verification import registry_faults
from orchestrator.errors import IndexMismatch
from orchestrator.ports import (
    Clock,
    DerivedChange,
    DerivedIndex,
    DerivedProgress,
    DocumentRow,
    FileRow,
    IndexChange,
    IndexFormat,
    IndexVersion,
    Job,
    ShardedChange,
    TermStatistics,
    index_scope,
)
from orchestrator.types import Principal

#: Documents that are read at once.
_AT_ONCE = 500


class SqlIndexRegistry:
    """The `IndexRegistry` port: every index of one database.

    A version is published in one transaction with the end of its job. Publications of one index come
    one after the other, from whichever process or host. `current` reads one row, or nothing at all
    from a SQLite file that nobody has written to since.
    """

    def __init__(
        self, database: Database, clock: Clock | None = None, *, derived: Sequence[DerivedIndex] = ()
    ) -> None:
        self._database = database
        self._derived = DerivedIndexes(derived)
        self._now = clock.now if clock is not None else time.time
        self._read: dict[str, tuple[tuple[int, int] | None, IndexVersion]] = {}

    def create(self, index: str, format: IndexFormat) -> IndexVersion:
        """The current version, made empty if there is none; IndexMismatch if its format differs."""
        columns = {"dropped": False, "edition": uuid4().hex, **format_columns(format)}
        with self._database.writing() as connection:
            empty = {"name": index, **columns, "number": 0, "documents": 0, "passages": 0}
            insert_missing(connection, indexes, [empty])
            query = select(indexes).where(indexes.c.name == index).with_for_update()
            row = connection.execute(query).one()
            if row.dropped:
                # Numbers go on where the dropped index stopped: none may ever mean two contents.
                again = update(indexes).where(indexes.c.id == row.id)
                connection.execute(again.values(**columns, number=row.number + 1))
                row = connection.execute(query).one()
            version = version_of(row)
        if version.format != format:
            raise IndexMismatch(
                f"The index {index!r} was made with {_described(version.format)}; "
                f"the settings say {_described(format)}.",
                hint=f"Use the same models, or `orchestrator index rebuild --index {index}`.",
            )
        return version

    def current(self, index: str) -> IndexVersion | None:
        """The version that readers see now; None if there is no such index."""
        mark = self._database.mark()
        kept = self._read.get(index)
        if kept is not None and mark is not None and kept[0] == mark:
            return kept[1]
        with self._database.reading() as connection:
            row = connection.execute(of_index(index, select(indexes))).first()
            if row is None:
                return None
            version = version_of(row)
        # The mark was taken first: a commit in between is seen the next time.
        self._read[index] = (mark, version)
        return version

    def seen(self, index: str) -> IndexVersion | None:
        """The current version, if nobody has committed anything since it was read."""
        kept, mark = self._read.get(index), self._database.mark()
        return kept[1] if kept is not None and mark is not None and kept[0] == mark else None

    def indexes(self) -> list[IndexVersion]:
        """The current version of every index, by name."""
        with self._database.reading() as connection:
            query = select(indexes).where(indexes.c.dropped.is_(False)).order_by(indexes.c.name)
            return [version_of(row) for row in connection.execute(query).all()]

    def publish(self, job: Job, index: str, change: IndexChange) -> IndexVersion:
        """Apply a change and finish the job in one transaction; LeaseLost if the job's fence has risen."""
        prepared = publish.Prepared.of(change)
        now = self._now()
        with self._database.writing() as connection:
            held(connection, job)
            edition = Edition.begun(connection, index, now)
            retired = publish.apply(edition, prepared)
            self._derived.changed(
                DerivedChange(
                    index,
                    edition.index.id,
                    edition.number,
                    change.documents,
                    change.removed_documents,
                    retired,
                ),
                connection,
            )
            row = connection.execute(select(indexes).where(indexes.c.id == edition.index.id)).one()
            version = version_of(row)
            effects: dict[str, Any] = {
                "version": version.number,
                "documents": len(change.documents),
                "removed_documents": len(change.removed_documents),
                "passages": sum(len(document.passages) for document in change.documents),
                "files": len(change.files),
                "removed_files": len(change.removed_files),
            }
            if change.notes:
                effects["notes"] = [list(note) for note in change.notes]
            if isinstance(change, ShardedChange):
                effects |= shard_effects(change)
            finish(connection, job, effects, now)
        return version

    def relabel(self, index: str, root: str, labels: Sequence[str]) -> int:
        """Give all documents of a root these labels, in force at once; how many had others.

        Those that were removed, and can still be cited for a while, are relabelled with them.
        """
        new = label_set(labels)
        with self._database.writing() as connection:
            edition = Edition.begun(connection, index, self._now())
            store_label_sets(connection, [labels])
            mine = (documents.c.index_id == edition.index.id, documents.c.root == root)
            others = (*mine, documents.c.labels != new)
            number = select(func.count()).select_from(documents).where(*others, documents.c.retired.is_(None))
            changed = connection.execute(number).scalar_one()
            move(edition, others, new)
            connection.execute(update(documents).where(*others).values(labels=new, number=edition.number))
            of_root = (files.c.index_id == edition.index.id, files.c.root == root)
            connection.execute(update(files).where(*of_root).values(labels=sorted(set(labels))))
            publish.drop_cached(edition)
            self._follow_labels(edition, root)
        return changed

    def _follow_labels(self, edition: Edition, root: str) -> None:
        """Let what is derived follow documents of a root that have other labels since this version."""
        after = ""
        while True:
            query = living_documents(edition.index.name, after, _AT_ONCE)
            mine = (documents.c.root == root, documents.c.number == edition.number)
            rows = edition.connection.execute(query.where(*mine)).all()
            if not rows:
                return
            after = rows[-1].id
            told = tuple(document_rows(edition.connection, rows))
            change = DerivedChange(edition.index.name, edition.index.id, edition.number, told)
            self._derived.changed(change, edition.connection)

    def statistics(self, version: IndexVersion, principal: Principal) -> TermStatistics:
        """Document frequencies of what a principal may read, as of a version.

        Those of the last few versions are kept; a reader of an older one gets the oldest that is.
        """
        with self._database.reading() as connection:
            index_id = connection.execute(
                select(indexes.c.id).where(indexes.c.name == version.index)
            ).scalar()
            if index_id is None:
                return TermStatistics(0, {})
            return TermStatistics(*readable_frequencies(connection, index_id, principal, version.number))

    def files(self, index: str, root: str | None = None) -> list[FileRow]:
        """Files as they were when they were indexed, by root and name."""
        query = of_index(index, select(files).select_from(files.join(indexes)))
        if root is not None:
            query = query.where(files.c.root == root)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(files.c.root, files.c.file)).all()
        return [
            FileRow(
                root=row.root,
                file=row.file,
                hash=row.hash,
                size=row.size,
                labels=tuple(row.labels),
                documents=row.documents,
                passages=row.passages,
                error=row.error,
                tenant=row.tenant,
            )
            for row in rows
        ]

    def document_hashes(self, index: str, root: str, files: Sequence[str]) -> dict[str, str]:
        """Content hash by document id, of the documents that came from these files."""
        found: dict[str, str] = {}
        query = of_index(index, select(documents.c.id, documents.c.hash).select_from(documents.join(indexes)))
        query = query.where(documents.c.root == root, documents.c.retired.is_(None))
        with self._database.reading() as connection:
            for part in chunks(files):
                for row in connection.execute(query.where(documents.c.file.in_(part))):
                    found[row.id] = row.hash
        return found

    def documents(
        self,
        index: str,
        *,
        root: str | None = None,
        files: Sequence[str] = (),
        after: str = "",
        limit: int = 500,
    ) -> list[DocumentRow]:
        """Documents by rising id from after the id `after`, to anyone; of a root or its files, if given."""
        query = living_documents(index, after, limit)
        if root is not None:
            query = query.where(documents.c.root == root)
        rows: list[Row[Any]] = []
        with self._database.reading() as connection:
            # Each part gives its first `limit`; the first of them all are among those.
            for part in chunks(files) if files else [None]:
                rows += connection.execute(query.where(documents.c.file.in_(part)) if part else query)
            return document_rows(connection, sorted(rows, key=lambda row: row.id)[:limit])

    def drop(self, index: str) -> None:
        """Forget an index, its documents and its jobs; nothing if there is none."""
        with self._database.writing() as connection:
            query = select(indexes.c.id).where(indexes.c.name == index, indexes.c.dropped.is_(False))
            if connection.execute(query).scalar() is None:
                return
            edition = Edition.begun(connection, index, self._now())
            mine = edition.index.id
            connection.execute(
                update(documents).where(documents.c.index_id == mine).values(number=edition.number)
            )
            publish.drop_cached(edition)
            self._derived.dropped(index, mine, connection)
            # A job's key must not stand in the way when the same work is submitted for a new index.
            connection.execute(delete(jobs).where(in_scope(index_scope(index))))
            connection.execute(
                update(indexes).where(indexes.c.id == mine).values(dropped=True, documents=0, passages=0)
            )

    def distrust(self, index: str, root: str) -> None:
        """Forget the hashes of a root's files and documents, so that all are read and published again."""
        with self._database.writing() as connection:
            mine = connection.execute(of_index(index, select(indexes.c.id))).scalar_one()
            for table in (documents, files):
                of_root = (table.c.index_id == mine, table.c.root == root)
                connection.execute(update(table).where(*of_root).values(hash=""))

    def verify(self, index: str) -> list[str]:
        """What contradicts itself in the database, or is no longer what was published, in sentences."""
        return list(registry_faults(self._database, index, self._derived))

    def progress(self, index: str) -> dict[str, DerivedProgress]:
        """How far what is derived from an index is, by name; nothing if there is no such index."""
        with self._database.reading() as connection:
            index_id = connection.execute(of_index(index, select(indexes.c.id))).scalar()
            return {} if index_id is None else self._derived.progress(index, index_id, connection)

    def collect(self, *, grace_seconds: float) -> int:
        """Purge passages that were replaced or removed longer ago than that; how many."""
        limit, purged = self._now() - grace_seconds, 0
        with self._database.writing() as connection:
            for row in connection.execute(select(indexes.c.id, indexes.c.name, indexes.c.number)).all():
                old = (passages.c.index_id == row.id, passages.c.retired <= limit)
                ids = tuple(connection.execute(select(passages.c.id).where(*old)).scalars())
                if ids:
                    change = DerivedChange(row.name, row.id, row.number, purged=ids)
                    self._derived.changed(change, connection)
                    purged += connection.execute(delete(passages).where(*old)).rowcount
            left = select(passages.c.id).where(
                passages.c.index_id == documents.c.index_id, passages.c.document_id == documents.c.id
            )
            connection.execute(delete(documents).where(documents.c.retired <= limit, ~left.exists()))
        return purged


def _described(format: IndexFormat) -> str:
    late = f", tokens of {format.tokens}" if format.tokens else ""
    return f"{format.embedder} ({format.dimensions}-d) and {format.sparse}{late}, format {format.version}"
