"""Features of passages."""

from __future__ import annotations

import sqlalchemy as sa

from connectors.sql.migrations.operations import Operations

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade(op: Operations) -> None:
    """Create their table."""
    op.create_table(
        "passage_features",
        sa.Column("index_id", NUMBER, nullable=False),
        sa.Column("passage", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["index_id", "passage"],
            ["passages.index_id", "passages.id"],
            name="fk_passage_features_index_id_passage",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("index_id", "passage", "kind", name="pk_passage_features"),
    )
