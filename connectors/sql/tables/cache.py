"""Kept results, and what they stand on."""

from __future__ import annotations

from sqlalchemy import Column, Double, ForeignKey, Index, LargeBinary, Table, Text

from connectors.sql.tables.metadata import Number, metadata

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
