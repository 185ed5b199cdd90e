"""Semantic trees. There are none of before: they are built by `orchestrator tree build`."""

from __future__ import annotations

import sqlalchemy as sa

from connectors.sql.migrations.operations import Operations

FLOAT: sa.types.TypeEngine[float] = sa.Double()


def upgrade(op: Operations) -> None:
    """Create their tables."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "trees",
        sa.Column("id", number, nullable=False),
        sa.Column("index_id", number, nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("root", sa.Text(), nullable=False),
        sa.Column("leaves", number, nullable=False),
        sa.Column("directions", FLOAT, nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("at_most", sa.Integer(), nullable=False),
        sa.Column("topics", sa.Text(), nullable=False),
        sa.Column("summaries", sa.Text(), nullable=False),
        sa.Column("embedder", sa.Text(), nullable=False),
        sa.Column("version", number, nullable=False),
        sa.Column("built", FLOAT, nullable=False),
        sa.Column("spread", FLOAT, nullable=False),
        sa.Column("revision", number, nullable=False),
        sa.Column("inserted", number, nullable=False),
        sa.Column("removed", number, nullable=False),
        sa.Column("repairs", number, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_trees"),
        sa.ForeignKeyConstraint(["index_id"], ["indexes.id"], name="fk_trees_index_id"),
        sa.UniqueConstraint("index_id", "tenant", "labels", name="uq_trees_index_id_tenant_labels"),
    )
    op.create_table(
        "tree_nodes",
        sa.Column("index_id", number, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("tree", number, nullable=False),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("named", sa.Boolean(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("leaves", number, nullable=False),
        sa.Column("made_of", sa.Text(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=True),
        sa.Column("changed", number, nullable=False),
        sa.Column("moved", sa.Boolean(), nullable=False),
        sa.Column("seal", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("index_id", "id", name="pk_tree_nodes"),
        sa.ForeignKeyConstraint(["index_id"], ["indexes.id"], name="fk_tree_nodes_index_id"),
        sa.ForeignKeyConstraint(["tree"], ["trees.id"], name="fk_tree_nodes_tree", ondelete="CASCADE"),
    )
    op.create_index("ix_tree_nodes_tree", "tree_nodes", ["tree"])
    op.create_index("ix_tree_nodes_parent", "tree_nodes", ["index_id", "parent"])
    op.create_table(
        "tree_leaves",
        sa.Column("index_id", number, nullable=False),
        sa.Column("passage", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("tree", number, nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("index_id", "passage", "node", name="pk_tree_leaves"),
        sa.ForeignKeyConstraint(["index_id"], ["indexes.id"], name="fk_tree_leaves_index_id"),
        sa.ForeignKeyConstraint(["tree"], ["trees.id"], name="fk_tree_leaves_tree", ondelete="CASCADE"),
    )
    op.create_index("ix_tree_leaves_node", "tree_leaves", ["index_id", "node"])
    op.create_index("ix_tree_leaves_tree", "tree_leaves", ["tree"])
    op.create_table(
        "tree_waiting",
        sa.Column("index_id", number, nullable=False),
        sa.Column("passage", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("index_id", "passage", name="pk_tree_waiting"),
        sa.ForeignKeyConstraint(["index_id"], ["indexes.id"], name="fk_tree_waiting_index_id"),
    )
    op.create_index("ix_tree_waiting_labels", "tree_waiting", ["index_id", "tenant", "labels"])
    op.create_table(
        "tree_notes",
        sa.Column("index_id", number, nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("passages", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("index_id", "tenant", "labels", "key", name="pk_tree_notes"),
        sa.ForeignKeyConstraint(["index_id"], ["indexes.id"], name="fk_tree_notes_index_id"),
    )
