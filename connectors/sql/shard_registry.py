"""Which shards an embedded vector store has, read from SQL."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection
from dataclasses import fields

from sqlalchemy import select

from connectors.sql.database import Database
from connectors.sql.document_rows import document_rows, living_documents
from connectors.sql.index_version import of_index, version_of
from connectors.sql.shards import in_no_shard, rows_of_files
from connectors.sql.statements import insert_missing
from connectors.sql.tables import documents, indexes, removals, shard_files, shards
from connectors.sql.verification import shard_faults
from orchestrator.ports import Clock, DocumentRow, IndexVersion, Shard, ShardedVersion


class SqlShardRegistry:
    """The `ShardRegistry` port: the shards of every index of one database."""

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self._database = database
        self._now = clock.now if clock is not None else time.time

    def current(self, index: str) -> ShardedVersion | None:
        """The current version with its shards, as it is stored now; None if there is no such index."""
        with self._database.reading() as connection:
            row = connection.execute(of_index(index, select(indexes))).first()
            if row is None:
                return None
            mine = (shards.c.index_id == row.id, shards.c.retired.is_(None))
            lying = select(shards.c.name, shards.c.points).where(*mine)
            held = connection.execute(lying.order_by(shards.c.number, shards.c.position)).all()
            removed: dict[str, set[str]] = defaultdict(set)
            dead = select(removals.c.shard, removals.c.passage).where(removals.c.index_id == row.id)
            for shard, passage in connection.execute(dead):
                removed[shard].add(passage)
        version = version_of(row)
        return ShardedVersion(
            **{each.name: getattr(version, each.name) for each in fields(IndexVersion)},
            shards=tuple(Shard(shard.name, shard.points) for shard in held),
            removed={shard: frozenset(ids) for shard, ids in removed.items()},
        )

    def shards(self, index: str, *, grace_seconds: float = 0.0) -> frozenset[str]:
        """Names of the shards in use, or given up less than `grace_seconds` ago: folders to keep."""
        query = of_index(index, select(shards.c.name, shards.c.retired).select_from(shards.join(indexes)))
        limit = self._now() - grace_seconds
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return frozenset(row.name for row in rows if row.retired is None or row.retired > limit)

    def shard_files(self, index: str) -> dict[str, dict[str, str]]:
        """What the files of each shard in use were when it was published, by their names; see `Shard`."""
        found: dict[str, dict[str, str]] = defaultdict(dict)
        query = of_index(index, select(shard_files).select_from(shard_files.join(indexes)))
        with self._database.reading() as connection:
            for row in connection.execute(query):
                found[row.shard][row.file] = row.digest
        return dict(found)

    def record_shard_files(self, index: str, shard: Shard) -> None:
        """Note what the files of a shard are, if that has not been noted: it is of an earlier release."""
        with self._database.writing() as connection:
            mine = (shards.c.index_id == indexes.c.id, shards.c.name == shard.name)
            query = of_index(index, select(indexes.c.id).where(*mine, shards.c.retired.is_(None)))
            index_id = connection.execute(query).scalar()
            if index_id is not None:
                insert_missing(connection, shard_files, rows_of_files(index_id, shard))

    def verify(self, index: str) -> list[str]:
        """What contradicts itself in what is stored of shards, in sentences."""
        with self._database.reading() as connection:
            row = connection.execute(of_index(index, select(indexes))).first()
            return [] if row is None else list(shard_faults(connection, row))

    def documents(
        self, index: str, names: Collection[str], *, after: str = "", limit: int = 500
    ) -> list[DocumentRow]:
        """Documents that may lie in some shards, by rising id from after the id `after`, to anyone."""
        batches = select(shards.c.batch).where(
            shards.c.index_id == documents.c.index_id, shards.c.name.in_(names)
        )
        query = living_documents(index, after, limit)
        with self._database.reading() as connection:
            query = query.where(documents.c.batch.in_(batches.correlate(documents)))
            return document_rows(connection, connection.execute(query).all())

    def unplaced(self, index: str, *, after: str = "", limit: int = 500) -> list[DocumentRow]:
        """Documents with passages that lie in no shard, as those of an index that another store held."""
        query = living_documents(index, after, limit).where(in_no_shard())
        with self._database.reading() as connection:
            return document_rows(connection, connection.execute(query).all())
