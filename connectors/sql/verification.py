"""Whether what the database has of an index is whole, and as it was published."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Row, Table, select

from connectors.sql.access import label_set, labels_of
from connectors.sql.database import Database
from connectors.sql.derived import DerivedIndexes, left_over
from connectors.sql.seals import SEALED, seal
from connectors.sql.shards import in_no_shard
from connectors.sql.statistics import frequencies_at, recounted
from connectors.sql.tables import documents, files, indexes, passages, removals, shards, term_statistics
from connectors.sql.terms import Frequencies, nothing

#: Rows that are read at once.
_ROWS = 1_000
_NAMES = {
    "documents": "document",
    "passages": "passage",
    "files": "file",
    "passage_features": "feature",
    "tree_nodes": "node of a tree",
}


def registry_faults(database: Database, index: str, derived: DerivedIndexes) -> Iterator[str]:
    """Everything that is wrong, in a sentence each; StoreError if the database cannot be read at all."""
    damaged = list(database.faults(thorough=True))
    yield from damaged
    if damaged:
        # Whatever else is found wrong comes from that.
        return
    with database.reading() as connection:
        yield from left_over(connection)
        row = connection.execute(
            select(indexes).where(indexes.c.name == index, indexes.c.dropped.is_(False))
        ).first()
        if row is None:
            return
        for check in (_seals, _labels, _statistics, _files):
            yield from check(connection, row)
        yield from derived.verify(index, row.id, connection)


def _seals(connection: Connection, index: Row[Any]) -> Iterator[str]:
    """Rows that are no longer what was published; those of before this release have no seal."""
    for table in SEALED:
        if _seal_free(connection, table, index):
            continue
        query = select(table).where(table.c.index_id == index.id, table.c.seal.is_not(None))
        rows = connection.execution_options(yield_per=_ROWS).execute(query)
        keys = [column.name for column in table.primary_key if column.name != "index_id"]
        for row in rows.mappings():
            if seal(table, row) != row["seal"]:
                name = " ".join(str(row[key]) for key in keys)
                yield f"The {_NAMES[table.name]} {name} is not what was indexed."


def _seal_free(connection: Connection, table: Table, index: Row[Any]) -> bool:
    query = select(table.c.seal).where(table.c.index_id == index.id, table.c.seal.is_not(None)).limit(1)
    return connection.execute(query).first() is None


def _labels(connection: Connection, index: Row[Any]) -> Iterator[str]:
    """Sets of labels by other names than the hash of their members: access would be decided by others."""
    ids = connection.execute(
        select(documents.c.labels).where(documents.c.index_id == index.id).distinct()
    ).scalars()
    for identifier, labels in labels_of(connection, set(ids)).items():
        if label_set(labels) != identifier:
            yield f"The set of labels {identifier} was changed: it holds {', '.join(labels) or 'nothing'}."


def _statistics(connection: Connection, index: Row[Any]) -> Iterator[str]:
    """Counts of terms that are not those of the passages."""
    counted = recounted(connection, index.id)
    stored = select(term_statistics.c.tenant, term_statistics.c.labels).distinct()
    kept = connection.execute(stored.where(term_statistics.c.index_id == index.id))
    wrong = {
        group[0]
        for group in {*counted, *((row.tenant, row.labels) for row in kept)}
        if not _same(frequencies_at(connection, index.id, group, index.number), counted.get(group))
    }
    for tenant in sorted(wrong):
        yield f"The stored term statistics of the tenant {tenant!r} do not fit its passages."


def _same(stored: tuple[int, Frequencies], counted: tuple[int, Frequencies] | None) -> bool:
    held, frequencies = stored
    number, expected = counted or (0, nothing())
    return held == number and dict(frequencies.items()) == dict(expected.items())


def _files(connection: Connection, index: Row[Any]) -> Iterator[str]:
    """Documents of files that the index does not know, so that they would never be removed."""
    known = select(files.c.file).where(
        files.c.index_id == documents.c.index_id,
        files.c.root == documents.c.root,
        files.c.file == documents.c.file,
    )
    lost = select(documents.c.source).where(
        documents.c.index_id == index.id, documents.c.retired.is_(None), ~known.exists()
    )
    for source in connection.execute(lost).scalars():
        yield f"The document {source!r} is of a file that the index does not know."
    orphans = select(passages.c.id).where(
        passages.c.index_id == index.id,
        ~select(documents.c.id)
        .where(documents.c.index_id == passages.c.index_id, documents.c.id == passages.c.document_id)
        .exists(),
    )
    for passage in connection.execute(orphans).scalars():
        yield f"The passage {passage} is of a document that the index does not have."
    alive_in_dead = (
        select(passages.c.id)
        .select_from(passages.join(documents))
        .where(
            passages.c.index_id == index.id,
            passages.c.retired.is_(None),
            documents.c.retired.is_not(None),
        )
    )
    for passage in connection.execute(alive_in_dead).scalars():
        yield f"The passage {passage} is part of the index, and its document is not."


def shard_faults(connection: Connection, index: Row[Any]) -> Iterator[str]:
    """Passages whose shard is not known, and removals from shards that the index does not have."""
    there = (shards.c.index_id == index.id, shards.c.retired.is_(None))
    mine = (documents.c.index_id == index.id, documents.c.retired.is_(None))
    lost = select(documents.c.source).where(*mine, in_no_shard()).order_by(documents.c.source)
    for source in connection.execute(lost).scalars():
        yield f"The document {source!r} lies in no shard of the index."
    named = select(shards.c.name).where(*there)
    strange = (
        select(removals.c.shard)
        .where(removals.c.index_id == index.id, removals.c.shard.not_in(named))
        .distinct()
    )
    for shard in connection.execute(strange).scalars():
        yield f"Passages are called dead in the shard {shard}, which the index does not have."
