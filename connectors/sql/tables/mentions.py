"""What documents are called, and where passages name them."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKeyConstraint, Index, Integer, Table, Text

from connectors.sql.tables.metadata import Number, metadata

# `words` is the name as it is written, its words joined by spaces: "" says that a document has no name.
# `spelling` is a hash of it, `folded` one of it in small letters. `number` is the version that it came with,
# `passage` the one that the name leads to.
document_names = Table(
    "document_names",
    metadata,
    Column("index_id", Number, primary_key=True),
    Column("document_id", Text, primary_key=True),
    Column("words", Text, primary_key=True),
    Column("spelling", Number, nullable=False),
    Column("folded", Number, nullable=False),
    Column("kind", Text, nullable=False),
    Column("passage", Text, nullable=False),
    Column("number", Number, nullable=False),
    ForeignKeyConstraint(
        ["index_id", "document_id"], ["documents.index_id", "documents.id"], ondelete="CASCADE"
    ),
    Index("ix_document_names_spelling", "index_id", "spelling"),
    Index("ix_document_names_folded", "index_id", "folded"),
    Index("ix_document_names_number", "index_id", "number"),
)

# Every name of any document that stands in a passage, also within a longer one: which of these count depends
# on who reads. `first` and `behind` count the passage's words.
mentions = Table(
    "mentions",
    metadata,
    Column("index_id", Number, primary_key=True),
    Column("passage", Text, primary_key=True),
    Column("first", Integer, primary_key=True),
    Column("behind", Integer, primary_key=True),
    Column("spelling", Number, nullable=False),
    ForeignKeyConstraint(["index_id", "passage"], ["passages.index_id", "passages.id"], ondelete="CASCADE"),
    Index("ix_mentions_spelling", "index_id", "spelling"),
)

# The passages that were searched for names, and the version whose names were all looked for.
mention_scans = Table(
    "mention_scans",
    metadata,
    Column("index_id", Number, primary_key=True),
    Column("passage", Text, primary_key=True),
    Column("number", Number, nullable=False),
    ForeignKeyConstraint(["index_id", "passage"], ["passages.index_id", "passages.id"], ondelete="CASCADE"),
)
