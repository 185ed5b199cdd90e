"""Answers that may be judged, and feedback on them."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, LargeBinary, Table, Text

from connectors.sql.tables.metadata import Number, metadata

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
feedback = Table(
    "feedback",
    metadata,
    Column("id", Number, primary_key=True),
    Column("model", Text, nullable=False),
    Column("space", Text, nullable=False),
    Column("vector", LargeBinary, nullable=False),
    Column("score", Double, nullable=False),
    Column("created", Double, nullable=False),
    Index("ix_feedback_space", "space", "id"),
    Index("ix_feedback_created", "created"),
    sqlite_autoincrement=True,
)
