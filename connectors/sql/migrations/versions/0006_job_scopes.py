"""Jobs of every family: what they change has a kind beside its name."""

from __future__ import annotations

import sqlalchemy as sa

from connectors.sql.migrations.operations import Operations


def upgrade(op: Operations) -> None:
    """Add the kind: the jobs there are change indexes."""
    op.execute("ALTER TABLE jobs RENAME COLUMN index_name TO scope_name")
    op.add_column("jobs", sa.Column("scope", sa.Text(), nullable=False, server_default="index"))
