"""What the files of shards and the rows of an index were when they were published, for `index verify`."""

from __future__ import annotations

import sqlalchemy as sa

from connectors.sql.migrations.operations import Operations

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade(op: Operations) -> None:
    """Add them: the rows and shards there are have none, until the next `index verify` or rebuild."""
    op.create_table(
        "shard_files",
        sa.Column("index_id", NUMBER, nullable=False),
        sa.Column("shard", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["index_id"], ["indexes.id"], name="fk_shard_files_index_id"),
        sa.PrimaryKeyConstraint("index_id", "shard", "file", name="pk_shard_files"),
    )
    for table in ("documents", "passages", "files", "passage_features"):
        op.add_column(table, sa.Column("seal", sa.Text(), nullable=True))
