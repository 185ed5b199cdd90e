"""Indexes, their versions and what is in them, in SQL."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Row, delete, func, select, update

from connectors.sql import publish
from connectors.sql.access import label_set, labels_of, store_label_sets
from connectors.sql.database import Database
from connectors.sql.derived import DerivedIndexes
from connectors.sql.index_version import Edition
from connectors.sql.ledger import finish, held, in_scope
from connectors.sql.shards import rows_of_files
from connectors.sql.statements import chunks, insert_missing
from connectors.sql.statistics import move, readable_frequencies
from connectors.sql.tables import (
    documents,
    files,
    indexes,
    jobs,
    passages,
    removals,
    shard_files,
    shards,
)
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
    PassageRow,
    Shard,
    TermStatistics,
    index_scope,
)
from orchestrator.types import Principal


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
        self._read: dict[str, tuple[tuple[int, int] | None, str, IndexVersion]] = {}

    def create(self, index: str, format: IndexFormat) -> IndexVersion:
        """The current version, made empty if there is none; IndexMismatch if its format differs."""
        columns = {
            "dropped": False,
            "edition": uuid4().hex,
            "embedder": format.embedder,
            "dimensions": format.dimensions,
            "sparse": format.sparse,
            "format": format.version,
            "tokens": format.tokens,
            "token_dimensions": format.token_dimensions,
        }
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
            version = _version(connection, row)
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
            return kept[2]
        with self._database.reading() as connection:
            query = select(indexes).where(indexes.c.name == index, indexes.c.dropped.is_(False))
            row = connection.execute(query).first()
            if row is None:
                return None
            version = kept[2] if kept is not None and kept[1] == row.edition else _version(connection, row)
        # The mark was taken first: a commit in between is seen the next time.
        self._read[index] = (mark, row.edition, version)
        return version

    def seen(self, index: str) -> IndexVersion | None:
        """The current version, if nobody has committed anything since it was read."""
        kept, mark = self._read.get(index), self._database.mark()
        return kept[2] if kept is not None and mark is not None and kept[0] == mark else None

    def indexes(self) -> list[IndexVersion]:
        """The current version of every index, by name."""
        with self._database.reading() as connection:
            query = select(indexes).where(indexes.c.dropped.is_(False)).order_by(indexes.c.name)
            return [_version(connection, row) for row in connection.execute(query).all()]

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
            version = _version(connection, row)
            effects = {
                "version": version.number,
                "documents": len(change.documents),
                "removed_documents": len(change.removed_documents),
                "passages": sum(len(document.passages) for document in change.documents),
                "files": len(change.files),
                "removed_files": len(change.removed_files),
                "merged": list(change.merged),
                "shards": [shard.name for shard in (change.shard, *change.shards) if shard],
            }
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
        return changed

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
        query = _of(index, select(files).select_from(files.join(indexes)))
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
        query = _of(index, select(documents.c.id, documents.c.hash).select_from(documents.join(indexes)))
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
        lying_in: Sequence[str] = (),
        after: str = "",
        limit: int = 500,
    ) -> list[DocumentRow]:
        """Documents by rising id from after the id `after`, to anyone.

        Of one root or some of its files, if these are given, or that may lie in some shards.
        """
        query = _of(index, select(documents).select_from(documents.join(indexes)))
        query = query.where(documents.c.retired.is_(None), documents.c.id > after)
        if root is not None:
            query = query.where(documents.c.root == root)
        if lying_in:
            batches = select(shards.c.batch).where(
                shards.c.index_id == documents.c.index_id, shards.c.name.in_(lying_in)
            )
            query = query.where(documents.c.batch.in_(batches.correlate(documents)))
        query = query.order_by(documents.c.id).limit(limit)
        rows: list[Row[Any]] = []
        with self._database.reading() as connection:
            # Each part gives its first `limit`; the first of them all are among those.
            for part in chunks(files) if files else [None]:
                rows += connection.execute(query.where(documents.c.file.in_(part)) if part else query)
            rows = sorted(rows, key=lambda row: row.id)[:limit]
            labels = labels_of(connection, {row.labels for row in rows})
            inside = _passages_of(connection, rows)
        return [_document(row, labels[row.labels], inside.get(row.id, ())) for row in rows]

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

    def shards(self, index: str, *, grace_seconds: float = 0.0) -> frozenset[str]:
        """Names of the shards in use, or given up less than `grace_seconds` ago: folders to keep."""
        query = _of(index, select(shards.c.name, shards.c.retired).select_from(shards.join(indexes)))
        limit = self._now() - grace_seconds
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return frozenset(row.name for row in rows if row.retired is None or row.retired > limit)

    def shard_files(self, index: str) -> dict[str, dict[str, str]]:
        """What the files of each shard in use were when it was published, by their names; see `Shard`."""
        found: dict[str, dict[str, str]] = defaultdict(dict)
        query = _of(index, select(shard_files).select_from(shard_files.join(indexes)))
        with self._database.reading() as connection:
            for row in connection.execute(query):
                found[row.shard][row.file] = row.digest
        return dict(found)

    def record_shard_files(self, index: str, shard: Shard) -> None:
        """Note what the files of a shard are, if that has not been noted: it is of an earlier release."""
        with self._database.writing() as connection:
            mine = (shards.c.index_id == indexes.c.id, shards.c.name == shard.name)
            query = _of(index, select(indexes.c.id).where(*mine, shards.c.retired.is_(None)))
            index_id = connection.execute(query).scalar()
            if index_id is not None:
                insert_missing(connection, shard_files, rows_of_files(index_id, shard))

    def verify(self, index: str) -> list[str]:
        """What contradicts itself in the database, or is no longer what was published, in sentences."""
        return list(registry_faults(self._database, index, self._derived))

    def progress(self, index: str) -> dict[str, DerivedProgress]:
        """How far what is derived from an index is, by name; nothing if there is no such index."""
        with self._database.reading() as connection:
            index_id = connection.execute(_of(index, select(indexes.c.id))).scalar()
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


def _of(index: str, query: Any) -> Any:
    return query.where(indexes.c.name == index, indexes.c.dropped.is_(False))


def _described(format: IndexFormat) -> str:
    late = f", tokens of {format.tokens}" if format.tokens else ""
    return f"{format.embedder} ({format.dimensions}-d) and {format.sparse}{late}, format {format.version}"


def _version(connection: Connection, row: Row[Any]) -> IndexVersion:
    lying = connection.execute(
        select(shards.c.name, shards.c.points)
        .where(shards.c.index_id == row.id, shards.c.retired.is_(None))
        .order_by(shards.c.number, shards.c.position)
    ).all()
    removed: dict[str, set[str]] = defaultdict(set)
    dead = select(removals.c.shard, removals.c.passage).where(removals.c.index_id == row.id)
    for shard, passage in connection.execute(dead):
        removed[shard].add(passage)
    return IndexVersion(
        index=row.name,
        number=row.number,
        format=IndexFormat(
            row.embedder, row.dimensions, row.sparse, row.format, row.tokens, row.token_dimensions
        ),
        shards=tuple(Shard(shard.name, shard.points) for shard in lying),
        removed={shard: frozenset(ids) for shard, ids in removed.items()},
        documents=row.documents,
        passages=row.passages,
    )


def _passages_of(connection: Connection, rows: Sequence[Row[Any]]) -> dict[str, tuple[PassageRow, ...]]:
    found: dict[str, list[PassageRow]] = defaultdict(list)
    for part in chunks(rows):
        query = select(passages).where(
            passages.c.index_id == part[0].index_id,
            passages.c.document_id.in_([row.id for row in part]),
            passages.c.retired.is_(None),
        )
        for row in connection.execute(query.order_by(passages.c.document_id, passages.c.position)):
            found[row.document_id].append(PassageRow(row.id, row.position, row.text, row.hash))
    return {document: tuple(inside) for document, inside in found.items()}


def _document(row: Row[Any], labels: tuple[str, ...], inside: tuple[PassageRow, ...]) -> DocumentRow:
    return DocumentRow(
        id=row.id,
        tenant=row.tenant,
        root=row.root,
        file=row.file,
        document=row.document,
        title=row.title,
        source=row.source,
        hash=row.hash,
        labels=labels,
        metadata=row.metadata,
        passages=inside,
    )
