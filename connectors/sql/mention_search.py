"""The search of passages for names of documents, some in a transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from connectors.sql.database import Database
from connectors.sql.document_rows import document_rows
from connectors.sql.following_names import write_names
from connectors.sql.index_version import of_index
from connectors.sql.statements import chunks, insert_all
from connectors.sql.tables import document_names, documents, indexes, mention_scans, mentions, passages
from orchestrator.knowledge.name_finder import NameFinder
from orchestrator.knowledge.wording import spelling_key
from orchestrator.ports import MentionCounts


def counted(connection: Connection, index_id: int) -> MentionCounts:
    """How far the search of an index is."""

    def number(table: Any, *which: Any, of: Any = None) -> int:
        what = func.count() if of is None else func.count(of.distinct())
        query = select(what).select_from(table).where(table.c.index_id == index_id, *which)
        return connection.execute(query).scalar_one()

    newest = _newest(connection, index_id)
    return MentionCounts(
        documents=number(documents, documents.c.retired.is_(None)),
        named_documents=number(document_names, of=document_names.c.document_id),
        passages=number(passages, passages.c.retired.is_(None)),
        searched_passages=number(mention_scans, mention_scans.c.number >= newest),
        mentions=number(mentions),
    )


def searched(connection: Connection, index_id: int) -> tuple[int, int]:
    """What every step of a search changes: passages, and the versions they were searched for."""
    query = select(func.count(), func.coalesce(func.sum(mention_scans.c.number), 0)).where(
        mention_scans.c.index_id == index_id
    )
    row = connection.execute(query).one()
    return row[0], int(row[1])


class MentionSearch:
    """A search that keeps the names of the index while nobody publishes anything."""

    def __init__(self, database: Database, index: str) -> None:
        self._database = database
        self._index = index
        self._known: dict[tuple[int, int, int], NameFinder] = {}

    def read_names(self, most: int) -> int:
        """Read the names of up to `most` documents that have none stored; how many are left."""
        with self._database.reading() as connection:
            row = connection.execute(of_index(self._index, select(indexes.c.id))).first()
            # Mostly there is nothing to do, and no reason to keep writers out.
            if row is None or not _unread(connection, row.id, 1):
                return 0
        with self._database.writing() as connection:
            row = connection.execute(of_index(self._index, select(indexes)).with_for_update()).first()
            if row is None:
                return 0
            unread = _unread(connection, row.id, most)
            write_names(connection, row.id, row.number, document_rows(connection, unread))
            now = counted(connection, row.id)
            return now.documents - now.named_documents

    def step(self, most: int) -> int:
        """Search up to `most` passages; how many are left."""
        with self._database.writing() as connection:
            row = connection.execute(of_index(self._index, select(indexes)).with_for_update()).first()
            if row is None:
                return 0
            newest = _newest(connection, row.id)
            for since, ids in _waiting(connection, row.id, newest, most):
                self._search(connection, row, since, ids)
            now = counted(connection, row.id)
            return now.passages - now.searched_passages

    def _search(self, connection: Connection, row: Row[Any], since: int, ids: Sequence[str]) -> None:
        """Search these passages for the names that came after the version `since`."""
        finder = self._finder(connection, row, since)
        for part in chunks(ids):
            texts = select(passages.c.id, passages.c.text).where(
                passages.c.index_id == row.id, passages.c.id.in_(part)
            )
            found = (
                {
                    "index_id": row.id,
                    "passage": passage.id,
                    "first": first,
                    "behind": behind,
                    "spelling": spelling_key(name),
                }
                for passage in connection.execute(texts).all()
                for first, behind, name in finder.all_in(passage.text)
            )
            rows = list(found)
            if since >= 0 and rows:
                rows = self._new(connection, row.id, part, rows)
            insert_all(connection, mentions, rows)
            theirs = (mention_scans.c.index_id == row.id, mention_scans.c.passage.in_(part))
            connection.execute(delete(mention_scans).where(*theirs))
            scanned = [{"index_id": row.id, "passage": one, "number": row.number} for one in part]
            connection.execute(insert(mention_scans), scanned)

    @staticmethod
    def _new(
        connection: Connection, index_id: int, ids: Sequence[str], rows: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Those that are not stored: a name that came again may have been found before."""
        query = select(mentions.c.passage, mentions.c.first, mentions.c.behind).where(
            mentions.c.index_id == index_id, mentions.c.passage.in_(ids)
        )
        known = {tuple(each) for each in connection.execute(query)}
        return [one for one in rows if (one["passage"], one["first"], one["behind"]) not in known]

    def _finder(self, connection: Connection, row: Row[Any], since: int) -> NameFinder:
        key = row.id, row.number, since
        if key not in self._known:
            query = select(document_names.c.words).where(
                document_names.c.index_id == row.id,
                document_names.c.number > since,
                document_names.c.words != "",
            )
            self._known = {key: NameFinder(connection.execute(query.distinct()).scalars())}
        return self._known[key]


def _newest(connection: Connection, index_id: int) -> int:
    """The version that the newest name came with."""
    query = select(func.max(document_names.c.number)).where(document_names.c.index_id == index_id)
    return connection.execute(query).scalar() or 0


def _unread(connection: Connection, index_id: int, most: int) -> Sequence[Row[Any]]:
    """Documents whose names were not read: those of a database of before."""
    read = select(document_names.c.document_id).where(
        document_names.c.index_id == documents.c.index_id, document_names.c.document_id == documents.c.id
    )
    query = select(documents).where(
        documents.c.index_id == index_id, documents.c.retired.is_(None), ~read.exists()
    )
    return connection.execute(query.order_by(documents.c.id).limit(most)).all()


def _waiting(
    connection: Connection, index_id: int, newest: int, most: int
) -> Iterator[tuple[int, list[str]]]:
    """Passages to be searched, at most so many, by the version that they were searched for before."""
    joined = passages.outerjoin(
        mention_scans,
        (mention_scans.c.index_id == passages.c.index_id) & (mention_scans.c.passage == passages.c.id),
    )
    since = func.coalesce(mention_scans.c.number, -1)
    query = (
        select(passages.c.id, since.label("since"))
        .select_from(joined)
        .where(passages.c.index_id == index_id, passages.c.retired.is_(None), since < newest)
        .order_by(since, passages.c.id)
        .limit(most)
    )
    by_version: dict[int, list[str]] = {}
    for row in connection.execute(query):
        by_version.setdefault(row.since, []).append(row.id)
    yield from by_version.items()
