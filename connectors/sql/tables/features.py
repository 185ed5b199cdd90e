"""Features of passages."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKeyConstraint, Table, Text

from connectors.sql.tables.metadata import Number, metadata

# What was made of a passage ahead of any query. The id of a passage holds the hash of its content.
passage_features = Table(
    "passage_features",
    metadata,
    Column("index_id", Number, primary_key=True),
    Column("passage", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("text", Text, nullable=False),
    Column("seal", Text),
    ForeignKeyConstraint(["index_id", "passage"], ["passages.index_id", "passages.id"], ondelete="CASCADE"),
)
