"""What was said before."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, Table, Text

from connectors.sql.tables.metadata import metadata

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
