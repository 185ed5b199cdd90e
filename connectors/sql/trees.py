"""Semantic trees, as a reader may see them, in SQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, select

from connectors.sql.access import carrying
from connectors.sql.database import Database
from connectors.sql.statements import CHUNK, chunks
from connectors.sql.tables import indexes, tree_leaves, tree_nodes, tree_waiting, trees
from connectors.sql.tree_rows import kept_nodes
from orchestrator.ports import TreeNode, TreeRoot
from orchestrator.types import Principal


class SqlTrees:
    """The `TreeStore` port on one index.

    Which trees a principal may read is decided by their labels, whenever one is read. A tree whose vectors
    are of another embedder than its index has now is not read until it is built again.
    """

    def __init__(self, database: Database, index: str) -> None:
        self._database = database
        self._index = index

    async def roots(self, *, principal: Principal) -> tuple[TreeRoot, ...]:
        """The trees that the principal may read, the largest first."""
        if not principal.grants:
            return ()
        return await self._database.run(self._roots, principal)

    def _roots(self, principal: Principal) -> tuple[TreeRoot, ...]:
        with self._database.reading() as connection:
            index = self._row(connection)
            if index is None:
                return ()
            found = sorted(self._readable(connection, index, principal), key=lambda row: row.root)
            found = sorted((row for row in found if row.leaves), key=lambda row: -row.leaves)
            if not found:
                return ()
            missing = self._missing(connection, index, principal)
            of_trees = [missing.pop(row.labels, 0) for row in found]
            # Those of groups that have no tree yet are missing from the whole.
            of_trees[0] += sum(missing.values())
            return tuple(
                TreeRoot(row.root, row.leaves, row.directions, lacking)
                for row, lacking in zip(found, of_trees, strict=True)
            )

    async def nodes(self, names: Sequence[str], *, principal: Principal) -> dict[str, TreeNode]:
        """The nodes that exist in those trees, in the order of `names`."""
        if not names or not principal.grants:
            return {}
        return await self._database.run(self._nodes, tuple(dict.fromkeys(names)), principal)

    def _nodes(self, names: tuple[str, ...], principal: Principal) -> dict[str, TreeNode]:
        with self._database.reading() as connection:
            index = self._row(connection)
            if index is None:
                return {}
            readable = {row.id for row in self._readable(connection, index, principal)}
            rows: list[Row[Any]] = []
            for part in chunks(names):
                query = select(tree_nodes).where(tree_nodes.c.index_id == index.id, tree_nodes.c.id.in_(part))
                rows += [row for row in connection.execute(query) if row.tree in readable]
            found = kept_nodes(connection, index.id, rows)
        return {name: found[name].node for name in names if name in found}

    async def paths(self, passages: Sequence[str], *, principal: Principal) -> dict[str, tuple[str, ...]]:
        """The nodes above each passage that lies in one of those trees, from its root down."""
        if not passages or not principal.grants:
            return {}
        return await self._database.run(self._paths, tuple(dict.fromkeys(passages)), principal)

    def _paths(self, passages: tuple[str, ...], principal: Principal) -> dict[str, tuple[str, ...]]:
        with self._database.reading() as connection:
            index = self._row(connection)
            if index is None:
                return {}
            readable = {row.id for row in self._readable(connection, index, principal)}
            hanging: dict[str, str] = {}
            for part in chunks(passages):
                query = (
                    select(tree_leaves)
                    .where(tree_leaves.c.index_id == index.id, tree_leaves.c.passage.in_(part))
                    .order_by(tree_leaves.c.node.desc())
                )
                hanging |= {
                    row.passage: row.node for row in connection.execute(query) if row.tree in readable
                }
            above = parents_above(connection, index.id, set(hanging.values()))
        found: dict[str, tuple[str, ...]] = {}
        for passage in passages:
            path: list[str] = []
            name = hanging.get(passage)
            while name is not None:
                path.append(name)
                name = above.get(name)
            if path:
                found[passage] = tuple(reversed(path))
        return found

    def _row(self, connection: Connection) -> Row[Any, Any] | None:
        mine = (indexes.c.name == self._index, indexes.c.dropped.is_(False))
        return connection.execute(select(indexes.c.id, indexes.c.embedder).where(*mine)).first()

    def _readable(
        self, connection: Connection, index: Row[Any, Any], principal: Principal
    ) -> Iterator[Row[Any]]:
        for allowed in _granted(connection, trees.c.tenant, trees.c.labels, principal):
            mine = (trees.c.index_id == index.id, trees.c.embedder == index.embedder)
            yield from connection.execute(select(trees).where(*mine, allowed))

    def _missing(self, connection: Connection, index: Row[Any, Any], principal: Principal) -> dict[str, int]:
        """How many passages wait, by the set of their labels."""
        found: dict[str, int] = {}
        for allowed in _granted(connection, tree_waiting.c.tenant, tree_waiting.c.labels, principal):
            query = (
                select(tree_waiting.c.labels, func.count())
                .where(tree_waiting.c.index_id == index.id, allowed)
                .group_by(tree_waiting.c.labels)
            )
            found |= {row[0]: row[1] for row in connection.execute(query)}
        return found


def parents_above(connection: Connection, index_id: int, nodes: set[str]) -> dict[str, str]:
    """The parent of each of these nodes and of all above them; roots have none."""
    found: dict[str, str] = {}
    level = nodes
    while level:
        above: set[str] = set()
        for part in chunks(sorted(level)):
            query = select(tree_nodes.c.id, tree_nodes.c.parent).where(
                tree_nodes.c.index_id == index_id, tree_nodes.c.id.in_(part)
            )
            for row in connection.execute(query.where(tree_nodes.c.parent.is_not(None))):
                found[row.id] = row.parent
                above.add(row.parent)
        # A damaged tree may hold a circle.
        level = above - found.keys()
    return found


def _granted(
    connection: Connection, tenant: ColumnElement[str], labels: ColumnElement[str], principal: Principal
) -> Iterator[ColumnElement[bool]]:
    """Conditions on rows of sets of labels; the principal may read what meets one of them."""
    mine = tenant == principal.tenant
    if len(principal.grants) <= CHUNK:
        yield and_(mine, labels.in_(carrying(principal.grants)))
        return
    sets: set[str] = set()
    for part in chunks(sorted(principal.grants)):
        sets.update(connection.execute(carrying(part)).scalars())
    for part in chunks(sorted(sets)):
        yield and_(mine, labels.in_(part))
