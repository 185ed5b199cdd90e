"""How far jobs are, and when their workers last gave a sign."""

from __future__ import annotations

import sqlalchemy as sa

from connectors.sql.migrations.operations import Operations

SECONDS: sa.types.TypeEngine[float] = sa.Double()


def upgrade(op: Operations) -> None:
    """Add the columns, jobs of before have never told; and the table of workers."""
    op.add_column("jobs", sa.Column("started", SECONDS))
    op.add_column("jobs", sa.Column("beat", SECONDS))
    op.add_column("jobs", sa.Column("progress", sa.Text()))
    op.create_table(
        "workers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("started", SECONDS, nullable=False),
        sa.Column("beat", SECONDS, nullable=False),
        sa.Column("skew", SECONDS, nullable=False),
        sa.Column("job", sa.BigInteger().with_variant(sa.Integer(), "sqlite")),
        sa.PrimaryKeyConstraint("name", name="pk_workers"),
    )
