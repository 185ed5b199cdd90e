"""The tables. A change here needs a migration, and a new `HEAD` beside it."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeDecorator

#: SQLite numbers rows by itself only if the column is an INTEGER.
Number = BigInteger().with_variant(Integer, "sqlite")


class Json(TypeDecorator[Any]):
    """A value as JSON text with sorted keys: equal values are equal texts. Never queried by its keys."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        if value is None:
            return None
        return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


def _plain(value: Any) -> Any:
    if isinstance(value, (set, frozenset)):
        return sorted(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return str(value)


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

# Nearly everything is in the current version: only what is not is worth an index, and a planner that has
# not counted the rows yet would take a full one for selective.
_WHERE_RETIRED: dict[str, Any] = {
    "sqlite_where": text("retired IS NOT NULL"),
    "postgresql_where": text("retired IS NOT NULL"),
}

# A dropped index keeps its row, so that the numbers of its versions are never used again. After a
# backup is restored they are, with other contents: `edition` is random, and tells them apart.
indexes = Table(
    "indexes",
    metadata,
    Column("id", Number, primary_key=True),
    Column("name", Text, nullable=False),
    Column("dropped", Boolean, nullable=False),
    Column("number", Number, nullable=False),
    Column("edition", Text, nullable=False),
    Column("embedder", Text, nullable=False),
    Column("dimensions", Integer, nullable=False),
    Column("sparse", Text, nullable=False),
    Column("format", Integer, nullable=False),
    Column("documents", Number, nullable=False),
    Column("passages", Number, nullable=False),
    Column("tokens", Text, nullable=False, server_default=""),
    Column("token_dimensions", Integer, nullable=False, server_default="0"),
    UniqueConstraint("name"),
)

# `number` is the version that published the shard, `position` its place in it. The documents of a
# batch lie in the shards of that batch: one shard for what a job published, several after a rebuild.
shards = Table(
    "shards",
    metadata,
    Column("index_id", Number, ForeignKey("indexes.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("number", Number, nullable=False),
    Column("position", Integer, nullable=False),
    Column("batch", Number, nullable=False),
    Column("points", Number, nullable=False),
    Column("retired", Double),
)

# Passages whose copy in this shard is dead, and since which version.
removals = Table(
    "removals",
    metadata,
    Column("index_id", Number, ForeignKey("indexes.id"), primary_key=True),
    Column("passage", Text, primary_key=True),
    Column("shard", Text, primary_key=True),
    Column("number", Number, nullable=False),
)

# Sets of labels by the hash of their members: a whole root shares one, and relabelling moves a pointer.
label_sets = Table(
    "label_sets",
    metadata,
    Column("id", Text, primary_key=True),
    Column("label", Text, primary_key=True),
    Index("ix_label_sets_label", "label", "id"),
)

# `retired` is when a document was removed; its labels still decide who may read what is left of it.
documents = Table(
    "documents",
    metadata,
    Column("index_id", Number, ForeignKey("indexes.id"), primary_key=True),
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("root", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("labels", Text, nullable=False),
    Column("metadata", Json, nullable=False),
    Column("batch", Number, nullable=False),
    Column("number", Number, nullable=False),
    Column("retired", Double),
    Index("ix_documents_root", "index_id", "root", "file"),
    Index("ix_documents_number", "index_id", "number"),
    Index("ix_documents_retired", "retired", **_WHERE_RETIRED),
)

# `terms` are the passage's sparse dimensions, packed as little-endian uint32 in rising order.
passages = Table(
    "passages",
    metadata,
    Column("index_id", Number, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("document_id", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("terms", LargeBinary, nullable=False),
    Column("retired", Double),
    ForeignKeyConstraint(["index_id", "document_id"], ["documents.index_id", "documents.id"]),
    Index("ix_passages_document", "index_id", "document_id"),
    Index("ix_passages_retired", "retired", **_WHERE_RETIRED),
)

# What was made of a passage ahead of any query. The id of a passage holds the hash of its content.
passage_features = Table(
    "passage_features",
    metadata,
    Column("index_id", Number, primary_key=True),
    Column("passage", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("text", Text, nullable=False),
    ForeignKeyConstraint(["index_id", "passage"], ["passages.index_id", "passages.id"], ondelete="CASCADE"),
)

files = Table(
    "files",
    metadata,
    Column("index_id", Number, ForeignKey("indexes.id"), primary_key=True),
    Column("root", Text, primary_key=True),
    Column("file", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("size", Number, nullable=False),
    Column("labels", Json, nullable=False),
    Column("documents", Integer, nullable=False),
    Column("passages", Integer, nullable=False),
    Column("error", Text),
)

# Document frequencies of a tenant as of a version: dimensions (rising) and counts as little-endian uint32.
term_statistics = Table(
    "term_statistics",
    metadata,
    Column("index_id", Number, ForeignKey("indexes.id"), primary_key=True),
    Column("tenant", Text, primary_key=True),
    Column("number", Number, primary_key=True),
    Column("passages", Number, nullable=False),
    Column("dimensions", LargeBinary, nullable=False),
    Column("counts", LargeBinary, nullable=False),
)

# Ids are never used again: a worker that comes back late must not find another job under its id.
jobs = Table(
    "jobs",
    metadata,
    Column("id", Number, primary_key=True),
    Column("key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("index_name", Text, nullable=False),
    Column("payload", Json, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("fence", Number, nullable=False),
    Column("worker", Text),
    Column("lease_until", Double, nullable=False),
    Column("error", Text),
    Column("effects", Json),
    Column("created", Double, nullable=False),
    Column("changed", Double, nullable=False),
    UniqueConstraint("key"),
    Index("ix_jobs_state", "state", "id"),
    sqlite_autoincrement=True,
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("until", Double, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("workflow", Text, nullable=False),
    Column("plan", Text, nullable=False),
    Column("durability", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("principal", Text, nullable=False),
    Column("grants", Json, nullable=False),
    Column("status", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("input", Json),
    Column("output", Json),
    Column("degraded", Json, nullable=False),
    Column("usage", Json, nullable=False),
    Column("error", Text),
    Index("ix_runs_created", "created"),
    Index("ix_runs_reader", "tenant", "principal", "created"),
)

# Who carries a durable run on. A lease that was given back keeps its row, so that its fence goes on rising.
run_leases = Table(
    "run_leases",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("fence", Number, nullable=False),
    Column("until", Double, nullable=False),
)

steps = Table(
    "steps",
    metadata,
    Column("run_id", Text, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("path", Text, nullable=False),
    Column("started", Double, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("reads", Json, nullable=False),
    Column("writes", Json, nullable=False),
    Column("usage", Json, nullable=False),
    Column("cached", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", Text),
)

citations = Table(
    "citations",
    metadata,
    Column("run_id", Text, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("n", Integer, nullable=False),
    Column("passage", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("labels", Json, nullable=False),
    Index("ix_citations_passage", "passage"),
)

turns = Table(
    "turns",
    metadata,
    Column("id", Text, primary_key=True),
    Column("parent", Text),
    Column("tenant", Text, nullable=False),
    Column("principal", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("created", Double, nullable=False),
    Index("ix_turns_parent", "parent"),
    Index("ix_turns_created", "created"),
)

cache_entries = Table(
    "cache_entries",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("size", Number, nullable=False),
    Column("expires", Double),
    Column("used", Double, nullable=False),
    Index("ix_cache_entries_used", "used", "size"),
    Index("ix_cache_entries_expires", "expires"),
)

cache_sources = Table(
    "cache_sources",
    metadata,
    Column("source", Text, primary_key=True),
    Column("key", Text, ForeignKey("cache_entries.key", ondelete="CASCADE"), primary_key=True),
    Index("ix_cache_sources_key", "key"),
)

# Which model wrote an answer of a run, and the embedding of what it was asked, until somebody judges it.
answered = Table(
    "answered",
    metadata,
    Column("id", Number, primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("space", Text, nullable=False),
    Column("vector", LargeBinary, nullable=False),
    Column("created", Double, nullable=False),
    Index("ix_answered_run_id", "run_id"),
    Index("ix_answered_created", "created"),
)

# Ids are never used again: who has read up to one does not look below it.
verdicts = Table(
    "verdicts",
    metadata,
    Column("id", Number, primary_key=True),
    Column("model", Text, nullable=False),
    Column("space", Text, nullable=False),
    Column("vector", LargeBinary, nullable=False),
    Column("score", Double, nullable=False),
    Column("created", Double, nullable=False),
    Index("ix_verdicts_space", "space", "id"),
    Index("ix_verdicts_created", "created"),
    sqlite_autoincrement=True,
)
