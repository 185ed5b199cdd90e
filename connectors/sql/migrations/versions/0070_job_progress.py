"""How far jobs are, and when their workers last gave a sign."""

from __future__ import annotations

import sqlalchemy as sa

from connectors.sql.migrations.operations import Operations


def upgrade(op: Operations) -> None:
    """Add the columns; jobs of before have never told."""
    op.add_column("jobs", sa.Column("started", sa.Double()))
    op.add_column("jobs", sa.Column("beat", sa.Double()))
    op.add_column("jobs", sa.Column("progress", sa.Text()))
