"""Jobs and named leases."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, Integer, Table, Text, UniqueConstraint

from connectors.sql.tables.metadata import Json, Number, metadata

# Ids are never used again: a worker that comes back late must not find another job under its id.
jobs = Table(
    "jobs",
    metadata,
    Column("id", Number, primary_key=True),
    Column("key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("scope", Text, nullable=False, server_default="index"),
    Column("scope_name", Text, nullable=False),
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
    # Of the attempt that runs, or ran last: when it began, when it last gave a sign, and how far it is.
    Column("started", Double),
    Column("beat", Double),
    Column("progress", Json),
    UniqueConstraint("key"),
    Index("ix_jobs_state", "state", "id"),
    sqlite_autoincrement=True,
)

#: The workers that there are: `skew` is how far the clock of each is ahead of the database's.
workers = Table(
    "workers",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", Text, nullable=False),
    Column("started", Double, nullable=False),
    Column("beat", Double, nullable=False),
    Column("skew", Double, nullable=False),
    Column("job", Number),
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("until", Double, nullable=False),
)
