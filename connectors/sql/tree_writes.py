"""Writing the nodes of trees, and what hangs on them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, delete, select, update

from connectors.sql.access import label_set
from connectors.sql.statements import chunks, insert_all
from connectors.sql.tables import tree_leaves, tree_nodes, tree_notes, tree_waiting
from connectors.sql.tree_rows import leaf_rows, node_rows, parents_of
from orchestrator.ports import KeptNode, TreeGroup, TreeNode, TreeRecipe, content_hash


def built(node: TreeNode) -> KeptNode:
    """A node as it comes out of a build: one that was made without a title has one of key terms."""
    unnamed = content_hash(node.kind, "", (*node.children, *node.passages))
    return KeptNode(node, named=node.kind != "topic" or node.made_of != unnamed)


def recipe_of(tree: Row[Any]) -> TreeRecipe:
    """How a stored tree was made."""
    return TreeRecipe(tree.method, tree.at_most, tree.topics, tree.summaries, tree.embedder)


def of_group(index_id: int, group: TreeGroup) -> tuple[ColumnElement[bool], ...]:
    """The notes of a group."""
    return (
        tree_notes.c.index_id == index_id,
        tree_notes.c.tenant == group.tenant,
        tree_notes.c.labels == label_set(group.labels),
    )


def apart(
    connection: Connection, index_id: int, nodes: Iterable[KeptNode], known: Collection[str] = ()
) -> dict[str, KeptNode]:
    """The nodes by their ids, with others for those ids that a node of the index has already.

    An id says what a node was made of, and one that has changed since keeps its own: another may be made of
    the same later. `known` are ids that the nodes have rightly.
    """
    by_id = {kept.node.id: kept for kept in nodes}
    taken: set[str] = set()
    for part in chunks(sorted(by_id.keys() - set(known))):
        query = select(tree_nodes.c.id).where(tree_nodes.c.index_id == index_id, tree_nodes.c.id.in_(part))
        taken.update(connection.execute(query).scalars())
    if not taken:
        return by_id
    names: dict[str, str] = {}
    for name in sorted(taken):
        new = name
        while new in by_id or new in taken or _there(connection, index_id, new):
            new = content_hash("part", "another of the same", (new,))
        names[name] = new
    return {
        name: replace(
            kept,
            node=replace(
                kept.node,
                id=names.get(name, name),
                children=tuple(names.get(child, child) for child in kept.node.children),
            ),
        )
        for name, kept in by_id.items()
    }


def _there(connection: Connection, index_id: int, name: str) -> bool:
    query = select(tree_nodes.c.id).where(tree_nodes.c.index_id == index_id, tree_nodes.c.id == name)
    return connection.execute(query).first() is not None


def write_nodes(connection: Connection, index_id: int, tree: int, nodes: Collection[KeptNode]) -> None:
    """Insert nodes, hang their children on them, and their passages."""
    insert_all(connection, tree_nodes, node_rows(index_id, tree, nodes))
    _hang(connection, index_id, parents_of(nodes))
    insert_all(connection, tree_leaves, leaf_rows(index_id, tree, nodes))


def restore_places(
    connection: Connection, index_id: int, nodes: Collection[KeptNode], before: Mapping[str, Row[Any]]
) -> None:
    """Hang nodes that were written anew where they hung `before`, unless a new parent has taken them."""
    taken = {child for kept in nodes for child in kept.node.children}
    _hang(
        connection,
        index_id,
        (
            {"of_id": name, "new_parent": before[name].parent, "new_place": before[name].place}
            for name in (kept.node.id for kept in nodes)
            if name not in taken and name in before and before[name].parent is not None
        ),
    )


def no_longer_waiting(connection: Connection, index_id: int, nodes: Iterable[KeptNode]) -> None:
    """The passages that hang on these nodes wait no more."""
    for part in chunks(passage for kept in nodes for passage in kept.node.passages):
        connection.execute(
            delete(tree_waiting).where(tree_waiting.c.index_id == index_id, tree_waiting.c.passage.in_(part))
        )


def _hang(connection: Connection, index_id: int, below: Iterable[Mapping[str, Any]]) -> None:
    statement = (
        update(tree_nodes)
        .where(tree_nodes.c.index_id == index_id, tree_nodes.c.id == bindparam("of_id"))
        .values(parent=bindparam("new_parent"), place=bindparam("new_place"))
    )
    for part in chunks(below):
        connection.execute(statement, part)
