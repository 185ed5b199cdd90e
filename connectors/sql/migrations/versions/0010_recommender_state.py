"""Which edition of the recommenders is in use, and which items are withdrawn."""

from __future__ import annotations

import sqlalchemy as sa

from connectors.sql.migrations.operations import Operations


def upgrade(op: Operations) -> None:
    """Create their tables."""
    op.create_table(
        "recommender_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("edition", sa.Text(), nullable=True),
        sa.Column("revision", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_recommender_state"),
    )
    op.create_table(
        "withdrawn_items",
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("item", "cause", name="pk_withdrawn_items"),
    )
