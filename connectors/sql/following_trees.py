"""Trees as a derived index: what their documents become, they become in the same transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from sqlalchemy import Connection, delete, func, select

from connectors.sql.tables import documents, jobs, passages, tree_leaves, tree_nodes, tree_waiting, trees
from connectors.sql.tree_changes import await_passages, forget_notes, has_trees, strangers, take_out
from connectors.sql.tree_rows import kept_nodes
from orchestrator.ports import DerivedChange, DerivedProgress, KeptNode

#: The family of the jobs that build trees.
SCOPE = "tree"


class FollowingTrees:
    """The `DerivedIndex` of semantic trees. Passages leave their tree here; a job puts new ones into it."""

    name = "trees"

    def changed(self, change: DerivedChange, connection: Connection) -> None:
        """Take out what has gone or has other labels now, and note what is new."""
        gone = [*change.retired, *change.purged]
        if not has_trees(connection, change.index_id):
            # A build may be under way.
            forget_notes(connection, change.index_id, gone)
            return
        # A document's title is part of what its passages show: it is put in anew, whatever changed of it.
        gone += [passage.id for row in change.documents for passage in row.passages]
        take_out(connection, change.index_id, gone)
        await_passages(connection, change.index_id, [row.id for row in change.documents])

    def dropped(self, index: str, index_id: int, connection: Connection) -> None:
        """Forget the jobs that build them; their rows go with the index."""
        connection.execute(delete(jobs).where(jobs.c.scope == SCOPE, jobs.c.scope_name == index))

    def verify(self, index: str, index_id: int, connection: Connection) -> Iterator[str]:
        """Trees that do not hold what they should, or not in the form of a tree."""
        if not has_trees(connection, index_id):
            return
        for passage in strangers(connection, index_id):
            yield f"The passage {passage} is in a tree, and not among the documents that the tree is of."
        yield from _lost(index_id, connection)
        for tree in connection.execute(select(trees).where(trees.c.index_id == index_id)).all():
            rows = connection.execute(
                select(tree_nodes).where(tree_nodes.c.index_id == index_id, tree_nodes.c.tree == tree.id)
            ).all()
            nodes = kept_nodes(connection, index_id, rows)
            above = {row.id: row.parent for row in rows}
            yield from _form(tree.root, tree.leaves, nodes, above)
        stray = (
            select(func.count())
            .select_from(tree_leaves)
            .where(
                tree_leaves.c.index_id == index_id,
                ~select(tree_nodes.c.id)
                .where(
                    tree_nodes.c.index_id == tree_leaves.c.index_id,
                    tree_nodes.c.id == tree_leaves.c.node,
                    tree_nodes.c.tree == tree_leaves.c.tree,
                )
                .exists(),
            )
        )
        if number := connection.execute(stray).scalar_one():
            yield f"{number:,} passages hang on nodes that their tree does not have."

    def progress(self, index: str, index_id: int, connection: Connection) -> DerivedProgress:
        """Passages that are in a tree, of those that the index has; of none as long as it has no tree."""
        if not has_trees(connection, index_id):
            return DerivedProgress(0, 0)
        mine = tree_leaves.c.index_id == index_id
        done = connection.execute(
            select(func.count(tree_leaves.c.passage.distinct())).where(mine)
        ).scalar_one()
        waiting = select(func.count()).select_from(tree_waiting).where(tree_waiting.c.index_id == index_id)
        return DerivedProgress(done, done + connection.execute(waiting).scalar_one())


def _lost(index_id: int, connection: Connection) -> Iterator[str]:
    """Passages of the index that are neither in a tree nor waiting for one."""
    there = select(tree_leaves.c.passage).where(
        tree_leaves.c.index_id == passages.c.index_id, tree_leaves.c.passage == passages.c.id
    )
    waits = select(tree_waiting.c.passage).where(
        tree_waiting.c.index_id == passages.c.index_id, tree_waiting.c.passage == passages.c.id
    )
    lost = (
        select(passages.c.id)
        .select_from(passages.join(documents))
        .where(
            passages.c.index_id == index_id,
            passages.c.retired.is_(None),
            documents.c.retired.is_(None),
            ~there.exists(),
            ~waits.exists(),
        )
    )
    for passage in connection.execute(lost).scalars():
        yield f"The passage {passage} is in no tree, and none waits for it."
    alive = select(passages.c.id).where(
        passages.c.index_id == tree_waiting.c.index_id,
        passages.c.id == tree_waiting.c.passage,
        passages.c.retired.is_(None),
    )
    dead = select(tree_waiting.c.passage).where(tree_waiting.c.index_id == index_id, ~alive.exists())
    for passage in connection.execute(dead).scalars():
        yield f"A tree waits for the passage {passage}, which is not part of the index."


def _form(root: str, leaves: int, nodes: dict[str, KeptNode], above: dict[str, str | None]) -> Iterator[str]:
    """What is no tree, and counts and vectors that are not those of what lies beneath."""
    if root not in nodes:
        yield f"A tree has no root: the node {root} is not there."
        return
    order: list[str] = []
    waiting, seen = [root], {root}
    while waiting:
        name = waiting.pop()
        order.append(name)
        fresh = [child for child in nodes[name].node.children if child in nodes and child not in seen]
        seen.update(fresh)
        waiting.extend(fresh)
    for name in sorted(nodes.keys() - seen):
        yield f"The node {name} hangs below {above.get(name) or 'nothing'}, and not in its tree."
    counts: dict[str, int] = defaultdict(int)
    for name in reversed(order):
        kept = nodes[name]
        counts[name] = len(kept.node.passages) + sum(counts[child] for child in kept.node.children)
        if counts[name] != kept.node.leaves:
            yield f"The node {name} counts {kept.node.leaves:,} passages; {counts[name]:,} lie beneath it."
        if not counts[name] and name != root:
            yield f"The node {name} is empty."
        if _shifted(kept, nodes):
            yield f"The vector of the node {name} is not the mean of what lies beneath it."
    if counts[root] != leaves:
        yield f"A tree counts {leaves:,} passages, and has {counts[root]:,}."


def _shifted(kept: KeptNode, nodes: dict[str, KeptNode]) -> bool:
    """Whether a vector cannot be that of its children, which are all nodes."""
    import numpy as np

    node = kept.node
    below = [nodes[child].node for child in node.children if child in nodes]
    if kept.moved or node.vector is None or node.passages or len(below) < len(node.children):
        return False
    known = [(each.leaves, each.vector) for each in below if each.vector is not None]
    if len(known) < len(below) or not below:
        return False
    # A child that has moved since is not of the same time.
    if any(nodes[each.id].moved for each in below):
        return False
    total = sum(count for count, _ in known)
    mean = np.sum([count * vector for count, vector in known], axis=0) / max(1, total)
    return bool(np.abs(mean - node.vector).max() > 1e-3)
