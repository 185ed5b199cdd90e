"""Names of documents and their mentions. `orchestrator graph build` makes those of older documents."""

from __future__ import annotations

import sqlalchemy as sa

from connectors.sql.migrations.operations import Operations

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade(op: Operations) -> None:
    """Create their tables."""
    op.create_table(
        "document_names",
        sa.Column("index_id", NUMBER, nullable=False),
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("spelling", NUMBER, nullable=False),
        sa.Column("folded", NUMBER, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("passage", sa.Text(), nullable=False),
        sa.Column("number", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["index_id", "document_id"],
            ["documents.index_id", "documents.id"],
            name="fk_document_names_index_id_document_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("index_id", "document_id", "words", name="pk_document_names"),
    )
    for column in ("spelling", "folded", "number"):
        op.create_index(f"ix_document_names_{column}", "document_names", ["index_id", column])
    op.create_table(
        "mentions",
        sa.Column("index_id", NUMBER, nullable=False),
        sa.Column("passage", sa.Text(), nullable=False),
        sa.Column("first", sa.Integer(), nullable=False),
        sa.Column("behind", sa.Integer(), nullable=False),
        sa.Column("spelling", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["index_id", "passage"],
            ["passages.index_id", "passages.id"],
            name="fk_mentions_index_id_passage",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("index_id", "passage", "first", "behind", name="pk_mentions"),
    )
    op.create_index("ix_mentions_spelling", "mentions", ["index_id", "spelling"])
    op.create_table(
        "mention_scans",
        sa.Column("index_id", NUMBER, nullable=False),
        sa.Column("passage", sa.Text(), nullable=False),
        sa.Column("number", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["index_id", "passage"],
            ["passages.index_id", "passages.id"],
            name="fk_mention_scans_index_id_passage",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("index_id", "passage", name="pk_mention_scans"),
    )
