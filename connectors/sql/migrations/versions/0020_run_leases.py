"""Who carries a durable run on."""

from __future__ import annotations

import sqlalchemy as sa

from connectors.sql.migrations.operations import Operations

SECONDS: sa.types.TypeEngine[float] = sa.Double()
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade(op: Operations) -> None:
    """Create its table."""
    op.create_table(
        "run_leases",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("fence", NUMBER, nullable=False),
        sa.Column("until", SECONDS, nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_run_leases"),
    )
