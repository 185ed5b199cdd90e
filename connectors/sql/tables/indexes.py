"""Indexes, the shards that they consist of, and what is dead in them."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from connectors.sql.tables.metadata import Number, metadata

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

# What the files of a shard were when it was published; see `ShardWriter.digests`.
shard_files = Table(
    "shard_files",
    metadata,
    Column("index_id", Number, ForeignKey("indexes.id"), primary_key=True),
    Column("shard", Text, primary_key=True),
    Column("file", Text, primary_key=True),
    Column("digest", Text, nullable=False),
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

# Document frequencies of a tenant's passages under one set of labels (`label_sets.id`) as of a version:
# dimensions (rising) and counts as little-endian uint32.
term_statistics = Table(
    "term_statistics",
    metadata,
    Column("index_id", Number, ForeignKey("indexes.id"), primary_key=True),
    Column("tenant", Text, primary_key=True),
    Column("labels", Text, primary_key=True),
    Column("number", Number, primary_key=True),
    Column("passages", Number, nullable=False),
    Column("dimensions", LargeBinary, nullable=False),
    Column("counts", LargeBinary, nullable=False),
)
