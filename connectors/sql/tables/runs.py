"""Runs, their steps and what they cited."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, ForeignKey, Index, Integer, Table, Text

from connectors.sql.tables.metadata import Json, Number, metadata

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
    Column("page", Integer),
    Column("section", Text),
    Index("ix_citations_passage", "passage"),
)
