"""Documents, their passages and labels, and the files that they came from."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
)

from connectors.sql.tables.metadata import WHERE_RETIRED, Json, Number, metadata

# Sets of labels by the hash of their members: a whole root shares one, and relabelling moves a pointer.
label_sets = Table(
    "label_sets",
    metadata,
    Column("id", Text, primary_key=True),
    Column("label", Text, primary_key=True),
    Index("ix_label_sets_label", "label", "id"),
)

# `seal` is a hash of the row as it was published, by which `index verify` finds what was changed since.
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
    Column("seal", Text),
    Index("ix_documents_root", "index_id", "root", "file"),
    Index("ix_documents_number", "index_id", "number"),
    Index("ix_documents_retired", "retired", **WHERE_RETIRED),
)

# `terms` are the passage's sparse dimensions, packed as little-endian uint32 in rising order. `places` are
# [start, page, section] each, NULL where none are known.
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
    Column("seal", Text),
    Column("places", Json),
    ForeignKeyConstraint(["index_id", "document_id"], ["documents.index_id", "documents.id"]),
    Index("ix_passages_document", "index_id", "document_id"),
    Index("ix_passages_retired", "retired", **WHERE_RETIRED),
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
    Column("seal", Text),
)
