"""What becomes of trees when documents change, in the transaction that publishes it.

A passage that leaves its group leaves its tree at once. Every summary above it, and every title that was
made of key terms, may hold something of its text: they are replaced by the titles of what still lies beneath,
until a job writes new ones. Vectors are marked, since they are not kept here; new passages wait for that job.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, delete, select, update

from connectors.sql.seals import sealed
from connectors.sql.statements import chunks, insert_all
from connectors.sql.tables import (
    documents,
    passages,
    tree_leaves,
    tree_nodes,
    tree_notes,
    tree_waiting,
    trees,
)
from connectors.sql.tree_rows import without_any

#: Characters of the titles that stand for a summary until one is written.
_LONGEST = 400
#: Summaries that may be written anew for each document that comes or goes.
REPAIRS = 2


def has_trees(connection: Connection, index_id: int) -> bool:
    """Whether the index has, or had, a tree."""
    return (
        connection.execute(select(trees.c.id).where(trees.c.index_id == index_id).limit(1)).first()
        is not None
    )


def take_out(connection: Connection, index_id: int, gone: Collection[str], *, tree: int | None = None) -> int:
    """Take passages out of their trees, or of one, and what was written of them; how many there were."""
    hanging: list[Row[Any]] = []
    for part in chunks(sorted(set(gone))):
        mine = [tree_leaves.c.index_id == index_id, tree_leaves.c.passage.in_(part)]
        if tree is not None:
            mine.append(tree_leaves.c.tree == tree)
        hanging += connection.execute(select(tree_leaves).where(*mine)).all()
        connection.execute(delete(tree_leaves).where(*mine))
        connection.execute(
            delete(tree_waiting).where(tree_waiting.c.index_id == index_id, tree_waiting.c.passage.in_(part))
        )
    forget_notes(connection, index_id, gone)
    if not hanging:
        return 0
    lost: dict[str, int] = defaultdict(int)
    for row in hanging:
        lost[row.node] += 1
    above = _above(connection, index_id, lost)
    _shrink(connection, index_id, above)
    _retitle(connection, index_id, set(above))
    of_trees: dict[int, int] = defaultdict(int)
    for row in hanging:
        of_trees[row.tree] += 1
    edits = _documents_of(connection, index_id, hanging)
    for each, number in of_trees.items():
        values = {
            "leaves": trees.c.leaves - number,
            "removed": trees.c.removed + number,
            "revision": trees.c.revision + 1,
            "repairs": trees.c.repairs + REPAIRS * edits[each],
        }
        connection.execute(update(trees).where(trees.c.id == each).values(values))
    return len(hanging)


def _documents_of(connection: Connection, index_id: int, hanging: Sequence[Row[Any]]) -> dict[int, int]:
    """Of how many documents passages are, by tree."""
    trees_of = {row.passage: row.tree for row in hanging}
    found: dict[int, set[str]] = defaultdict(set)
    for part in chunks(sorted(trees_of)):
        query = select(passages.c.id, passages.c.document_id).where(
            passages.c.index_id == index_id, passages.c.id.in_(part)
        )
        for row in connection.execute(query):
            found[trees_of[row.id]].add(row.document_id)
    return defaultdict(int, {tree: len(documents) for tree, documents in found.items()})


def forget_notes(connection: Connection, index_id: int, gone: Collection[str]) -> None:
    """Delete what was written of passages that are gone."""
    if not gone:
        return
    groups = select(tree_notes.c.tenant, tree_notes.c.labels).where(tree_notes.c.index_id == index_id)
    for tenant, labels in connection.execute(groups.distinct()).all():
        theirs = (
            tree_notes.c.index_id == index_id,
            tree_notes.c.tenant == tenant,
            tree_notes.c.labels == labels,
        )
        held = connection.execute(select(tree_notes.c.key, tree_notes.c.passages).where(*theirs))
        for part in chunks(without_any({row.key: row.passages for row in held}, sorted(gone))):
            connection.execute(delete(tree_notes).where(*theirs, tree_notes.c.key.in_(part)))


def strangers(connection: Connection, index_id: int, tree: int | None = None) -> list[str]:
    """Passages in trees, or in one, that are not part of the index, or whose documents have other labels."""
    right = and_(
        passages.c.index_id == tree_leaves.c.index_id,
        passages.c.id == tree_leaves.c.passage,
        passages.c.retired.is_(None),
        documents.c.index_id == passages.c.index_id,
        documents.c.id == passages.c.document_id,
        documents.c.tenant == trees.c.tenant,
        documents.c.labels == trees.c.labels,
        documents.c.retired.is_(None),
    )
    query = (
        select(tree_leaves.c.passage)
        .select_from(tree_leaves.join(trees, trees.c.id == tree_leaves.c.tree))
        .where(tree_leaves.c.index_id == index_id, ~select(passages.c.id).where(right).exists())
    )
    if tree is not None:
        query = query.where(tree_leaves.c.tree == tree)
    return list(connection.execute(query).scalars())


def await_passages(connection: Connection, index_id: int, of: Sequence[str] | None = None) -> None:
    """Note the passages that are part of the index and in no tree; of these documents, or of all."""
    there = select(tree_leaves.c.passage).where(
        tree_leaves.c.index_id == passages.c.index_id, tree_leaves.c.passage == passages.c.id
    )
    query = (
        select(passages.c.id, documents.c.tenant, documents.c.labels)
        .select_from(passages.join(documents))
        .where(
            passages.c.index_id == index_id,
            passages.c.retired.is_(None),
            documents.c.retired.is_(None),
            ~there.exists(),
        )
    )
    for part in chunks(of) if of is not None else [None]:
        rows = connection.execute(query if part is None else query.where(documents.c.id.in_(part))).all()
        for some in chunks(rows):
            ids = [row.id for row in some]
            mine = (tree_waiting.c.index_id == index_id, tree_waiting.c.passage.in_(ids))
            connection.execute(delete(tree_waiting).where(*mine))
            insert_all(
                connection,
                tree_waiting,
                (
                    {"index_id": index_id, "passage": row.id, "tenant": row.tenant, "labels": row.labels}
                    for row in some
                ),
            )


def _above(connection: Connection, index_id: int, lost: Mapping[str, int]) -> dict[str, int]:
    """How many passages were lost below each node, from those that they hung on up to the root."""
    found: dict[str, int] = dict(lost)
    level = dict(lost)
    while level:
        higher: dict[str, int] = defaultdict(int)
        for part in chunks(sorted(level)):
            query = select(tree_nodes.c.id, tree_nodes.c.parent).where(
                tree_nodes.c.index_id == index_id, tree_nodes.c.id.in_(part)
            )
            for row in connection.execute(query.where(tree_nodes.c.parent.is_not(None))):
                higher[row.parent] += level[row.id]
        for name, number in higher.items():
            found[name] = found.get(name, 0) + number
        level = dict(higher)
    return found


def _shrink(connection: Connection, index_id: int, lost: Mapping[str, int]) -> None:
    statement = (
        update(tree_nodes)
        .where(tree_nodes.c.index_id == index_id, tree_nodes.c.id == bindparam("of_id"))
        .values(
            leaves=tree_nodes.c.leaves - bindparam("number"),
            changed=tree_nodes.c.changed + bindparam("number"),
            moved=True,
        )
    )
    for part in chunks(lost.items()):
        connection.execute(statement, [{"of_id": name, "number": number} for name, number in part])
    # The root stays, so that what comes later has a tree.
    for part in chunks(sorted(lost)):
        empty = (tree_nodes.c.index_id == index_id, tree_nodes.c.id.in_(part), tree_nodes.c.leaves <= 0)
        connection.execute(delete(tree_nodes).where(*empty, tree_nodes.c.parent.is_not(None)))


def _retitle(connection: Connection, index_id: int, touched: set[str]) -> None:
    """Put titles of what lies beneath in the place of what may hold a text that has gone."""
    left: dict[str, Mapping[Any, Any]] = {}
    for part in chunks(sorted(touched)):
        query = select(tree_nodes).where(tree_nodes.c.index_id == index_id, tree_nodes.c.id.in_(part))
        left |= {row["id"]: row for row in connection.execute(query).mappings()}
    titles = _titles(connection, index_id, left)
    changed: list[dict[str, Any]] = []
    for name, row in left.items():
        shown = "; ".join(dict.fromkeys(titles.get(name, ()))) if row["parent"] is not None else ""
        named = row["title"] if row["named"] and row["leaves"] > 0 else ""
        made = sealed(tree_nodes, {**row, "title": named, "summary": shown[:_LONGEST], "made_of": ""})
        changed.append({"of_id": name} | {f"new_{key}": made[key] for key in _WRITTEN})
    rewrite(connection, index_id, changed)


_WRITTEN = ("title", "summary", "made_of", "seal")


def rewrite(connection: Connection, index_id: int, changed: Iterable[Mapping[str, Any]]) -> None:
    """Write titles and summaries of nodes: `of_id`, and `new_` with the names of columns."""
    statement = (
        update(tree_nodes)
        .where(tree_nodes.c.index_id == index_id, tree_nodes.c.id == bindparam("of_id"))
        .values({key: bindparam(f"new_{key}") for key in _WRITTEN})
    )
    for part in chunks(changed):
        connection.execute(statement, part)


def _titles(connection: Connection, index_id: int, above: Collection[str]) -> dict[str, list[str]]:
    """Titles of the nodes and documents that hang on some nodes; not of these themselves."""
    found: dict[str, list[str]] = defaultdict(list)
    for part in chunks(sorted(above)):
        below = select(tree_nodes.c.id, tree_nodes.c.parent, tree_nodes.c.title, tree_nodes.c.named).where(
            tree_nodes.c.index_id == index_id, tree_nodes.c.parent.in_(part)
        )
        for row in connection.execute(below.order_by(tree_nodes.c.place, tree_nodes.c.id)):
            if row.title and (row.named or row.id not in above):
                found[row.parent].append(row.title)
        hanging = (
            select(tree_leaves.c.node, documents.c.title)
            .select_from(
                tree_leaves.join(
                    passages,
                    and_(
                        passages.c.index_id == tree_leaves.c.index_id, passages.c.id == tree_leaves.c.passage
                    ),
                ).join(documents)
            )
            .where(tree_leaves.c.index_id == index_id, tree_leaves.c.node.in_(part))
            .order_by(tree_leaves.c.place, tree_leaves.c.passage)
        )
        for row in connection.execute(hanging):
            if row.title:
                found[row.node].append(row.title)
    return found
