"""Semantic trees: their nodes, the passages that hang on these, and what was written for them."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from connectors.sql.tables.metadata import Number, metadata

# One tree for each tenant and exact set of labels (`label_sets.id`). `repairs` is how many summaries may be
# written for the edits so far. A tree of which every passage has gone stays, with its root alone.
trees = Table(
    "trees",
    metadata,
    Column("id", Number, primary_key=True),
    Column("index_id", Number, ForeignKey("indexes.id"), nullable=False),
    Column("tenant", Text, nullable=False),
    Column("labels", Text, nullable=False),
    Column("root", Text, nullable=False),
    Column("leaves", Number, nullable=False),
    Column("directions", Double, nullable=False),
    Column("method", Text, nullable=False),
    Column("at_most", Integer, nullable=False),
    Column("topics", Text, nullable=False),
    Column("summaries", Text, nullable=False),
    Column("embedder", Text, nullable=False),
    Column("version", Number, nullable=False),
    Column("built", Double, nullable=False),
    Column("spread", Double, nullable=False),
    Column("revision", Number, nullable=False),
    Column("inserted", Number, nullable=False),
    Column("removed", Number, nullable=False),
    Column("repairs", Number, nullable=False),
    UniqueConstraint("index_id", "tenant", "labels"),
)

# `vector` is little-endian float32. `place` orders the children of a node; the root has no parent.
tree_nodes = Table(
    "tree_nodes",
    metadata,
    Column("index_id", Number, ForeignKey("indexes.id"), primary_key=True),
    Column("id", Text, primary_key=True),
    Column("tree", Number, ForeignKey("trees.id", ondelete="CASCADE"), nullable=False),
    Column("parent", Text),
    Column("place", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("named", Boolean, nullable=False),
    Column("summary", Text, nullable=False),
    Column("leaves", Number, nullable=False),
    Column("made_of", Text, nullable=False),
    Column("vector", LargeBinary),
    Column("changed", Number, nullable=False),
    Column("moved", Boolean, nullable=False),
    Column("seal", Text),
    Index("ix_tree_nodes_tree", "tree"),
    Index("ix_tree_nodes_parent", "index_id", "parent"),
)

tree_leaves = Table(
    "tree_leaves",
    metadata,
    Column("index_id", Number, ForeignKey("indexes.id"), primary_key=True),
    Column("passage", Text, primary_key=True),
    Column("node", Text, primary_key=True),
    Column("tree", Number, ForeignKey("trees.id", ondelete="CASCADE"), nullable=False),
    Column("place", Integer, nullable=False),
    Index("ix_tree_leaves_node", "index_id", "node"),
    Index("ix_tree_leaves_tree", "tree"),
)

# Passages that are part of the index and not of the tree of their group, since the index has any tree.
tree_waiting = Table(
    "tree_waiting",
    metadata,
    Column("index_id", Number, ForeignKey("indexes.id"), primary_key=True),
    Column("passage", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("labels", Text, nullable=False),
    Index("ix_tree_waiting_labels", "index_id", "tenant", "labels"),
)

# What was written for a tree, by the hash of what it was written from. `passages` are hashes of the ids of
# the passages it is of, as little-endian uint32 in rising order: it goes with any of them.
tree_notes = Table(
    "tree_notes",
    metadata,
    Column("index_id", Number, ForeignKey("indexes.id"), primary_key=True),
    Column("tenant", Text, primary_key=True),
    Column("labels", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("text", Text, nullable=False),
    Column("passages", LargeBinary, nullable=False),
)
