"""Semantic trees, as they are built and changed, in SQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, insert, select, update

from connectors.sql.access import label_set, labels_of, store_label_sets
from connectors.sql.database import Database
from connectors.sql.document_rows import document_rows
from connectors.sql.job_rows import held
from connectors.sql.statements import chunks, insert_all
from connectors.sql.tables import (
    documents,
    indexes,
    passages,
    tree_leaves,
    tree_nodes,
    tree_notes,
    tree_waiting,
    trees,
)
from connectors.sql.tree_changes import await_passages, strangers, take_out
from connectors.sql.tree_rows import kept_nodes, packed_ids
from connectors.sql.tree_writes import (
    apart,
    built,
    no_longer_waiting,
    of_group,
    recipe_of,
    restore_places,
    write_nodes,
)
from orchestrator.errors import StoreError
from orchestrator.ports import (
    Clock,
    DocumentRow,
    Job,
    KeptTree,
    Tree,
    TreeEdit,
    TreeGroup,
    TreeNote,
    TreeRecipe,
    TreeState,
    leaf_spread,
)


class SqlTreeRegistry:
    """The `TreeRegistry` port on one index."""

    def __init__(self, database: Database, index: str, clock: Clock) -> None:
        self._database = database
        self._index = index
        self._now = clock.now

    # -- reading ----------------------------------------------------------------------------------

    async def states(self) -> list[TreeState]:
        """Every group that has passages or a tree, the largest first."""
        return await self._database.run(self._states)

    def _states(self) -> list[TreeState]:
        with self._database.reading() as connection:
            index = self._row(connection)
            if index is None:
                return []
            mine = passages.c.index_id == index.id
            counted = (
                select(documents.c.tenant, documents.c.labels, func.count())
                .select_from(passages.join(documents))
                .where(mine, passages.c.retired.is_(None), documents.c.retired.is_(None))
                .group_by(documents.c.tenant, documents.c.labels)
            )
            held = {(tenant, labels): number for tenant, labels, number in connection.execute(counted)}
            made = {
                (row.tenant, row.labels): row
                for row in connection.execute(select(trees).where(trees.c.index_id == index.id))
            }
            names = labels_of(connection, {labels for _, labels in (*held, *made)})
            found = [
                self._state(
                    connection, index, TreeGroup(key[0], names[key[1]]), held.get(key, 0), made.get(key)
                )
                for key in {*held, *made}
                if key in held or made[key].leaves
            ]
        return sorted(found, key=lambda state: (-state.passages, state.group))

    def _state(
        self, connection: Connection, index: Row[Any, Any], group: TreeGroup, held: int, tree: Row[Any] | None
    ) -> TreeState:
        if tree is None:
            return TreeState(group, held, missing=held)
        of_tree = tree_nodes.c.tree == tree.id
        rows = connection.execute(select(tree_nodes).where(of_tree, tree_nodes.c.parent.is_not(None))).all()
        nodes = kept_nodes(connection, index.id, rows)
        waiting = (
            select(func.count())
            .select_from(tree_waiting)
            .where(
                tree_waiting.c.index_id == index.id,
                tree_waiting.c.tenant == tree.tenant,
                tree_waiting.c.labels == tree.labels,
            )
        )
        return TreeState(
            group,
            held,
            recipe_of(tree),
            leaves=tree.leaves,
            nodes=len(rows) + 1,
            missing=connection.execute(waiting).scalar_one(),
            stale=sum(kept.stale for kept in nodes.values()),
            inserted=tree.inserted,
            removed=tree.removed,
            version=tree.version,
            built=tree.built,
            spread=leaf_spread([kept.node for kept in nodes.values()]),
            spread_built=tree.spread,
            foreign=tree.embedder != index.embedder,
        )

    async def read(self, group: TreeGroup) -> KeptTree | None:
        """The tree of a group with all its nodes, if it has one."""
        return await self._database.run(self._read, group)

    def _read(self, group: TreeGroup) -> KeptTree | None:
        with self._database.reading() as connection:
            index = self._row(connection)
            tree = None if index is None else self._tree(connection, index.id, group)
            if index is None or tree is None:
                return None
            rows = connection.execute(select(tree_nodes).where(tree_nodes.c.tree == tree.id)).all()
            nodes = kept_nodes(connection, index.id, rows)
        return KeptTree(
            group, tree.root, nodes, recipe_of(tree), tree.directions, tree.revision, tree.repairs
        )

    async def waiting(self, group: TreeGroup) -> list[DocumentRow]:
        """The documents whose passages are not in the group's tree, by rising id."""
        return await self._database.run(self._waiting, group)

    def _waiting(self, group: TreeGroup) -> list[DocumentRow]:
        with self._database.reading() as connection:
            index = self._row(connection)
            if index is None:
                return []
            inside = (
                select(passages.c.document_id)
                .select_from(passages)
                .join(
                    tree_waiting,
                    and_(
                        tree_waiting.c.index_id == passages.c.index_id,
                        tree_waiting.c.passage == passages.c.id,
                    ),
                )
                .where(
                    tree_waiting.c.index_id == index.id,
                    tree_waiting.c.tenant == group.tenant,
                    tree_waiting.c.labels == label_set(group.labels),
                )
            )
            query = select(documents).where(
                documents.c.index_id == index.id,
                documents.c.retired.is_(None),
                documents.c.id.in_(inside),
            )
            return document_rows(connection, connection.execute(query.order_by(documents.c.id)).all())

    # -- building and changing --------------------------------------------------------------------

    async def publish(
        self, job: Job, group: TreeGroup, tree: Tree, recipe: TreeRecipe, *, version: int
    ) -> None:
        """Put a built tree in the place of the group's; LeaseLost if the job is another's by now."""
        await self._database.run_writing(self._publish, job, group, tree, recipe, version)

    def _publish(self, job: Job, group: TreeGroup, tree: Tree, recipe: TreeRecipe, version: int) -> None:
        with self._database.writing() as connection:
            held(connection, job)
            index_id = self._locked(connection)
            store_label_sets(connection, [group.labels])
            mine = (
                trees.c.index_id == index_id,
                trees.c.tenant == group.tenant,
                trees.c.labels == label_set(group.labels),
            )
            for old in connection.execute(select(trees.c.id).where(*mine)).scalars().all():
                for table in (tree_leaves, tree_nodes):
                    connection.execute(delete(table).where(table.c.tree == old))
            connection.execute(delete(trees).where(*mine))
            kept = apart(connection, index_id, [built(node) for node in tree.nodes.values()])
            values = {
                "index_id": index_id,
                "tenant": group.tenant,
                "labels": label_set(group.labels),
                "root": kept[tree.root].node.id,
                "leaves": len(tree),
                "directions": tree.directions,
                "method": recipe.method,
                "at_most": recipe.at_most,
                "topics": recipe.topics,
                "summaries": recipe.summaries,
                "embedder": recipe.embedder,
                "version": version,
                "built": self._now(),
                "spread": leaf_spread(list(tree.nodes.values())),
                "revision": 1,
                "inserted": 0,
                "removed": 0,
                "repairs": 0,
            }
            made = connection.execute(insert(trees).values(values).returning(trees.c.id)).scalar_one()
            write_nodes(connection, index_id, made, kept.values())
            # What has changed since the passages were read.
            take_out(connection, index_id, strangers(connection, index_id, made), tree=made)
            no_longer_waiting(connection, index_id, kept.values())
            await_passages(connection, index_id)

    async def change(self, job: Job, group: TreeGroup, edit: TreeEdit) -> bool:
        """Change a tree; False, and nothing is done, if it has another revision by now."""
        return await self._database.run_writing(self._change, job, group, edit)

    def _change(self, job: Job, group: TreeGroup, edit: TreeEdit) -> bool:
        with self._database.writing() as connection:
            held(connection, job)
            index_id = self._locked(connection)
            tree = self._tree(connection, index_id, group)
            if tree is None or tree.revision != edit.revision:
                return False
            gone = [*edit.removed, *(kept.node.id for kept in edit.nodes)]
            for part in chunks(gone):
                connection.execute(
                    delete(tree_leaves).where(
                        tree_leaves.c.index_id == index_id, tree_leaves.c.node.in_(part)
                    )
                )
            mine = (tree_nodes.c.index_id == index_id, tree_nodes.c.tree == tree.id)
            parents: dict[str, Row[Any]] = {}
            for part in chunks(gone):
                query = select(tree_nodes.c.id, tree_nodes.c.parent, tree_nodes.c.place)
                rows = connection.execute(query.where(*mine, tree_nodes.c.id.in_(part))).all()
                parents |= {row.id: row for row in rows}
                connection.execute(delete(tree_nodes).where(*mine, tree_nodes.c.id.in_(part)))
            kept = apart(connection, index_id, edit.nodes, known=parents.keys())
            write_nodes(connection, index_id, tree.id, kept.values())
            restore_places(connection, index_id, kept.values(), parents)
            no_longer_waiting(connection, index_id, kept.values())
            root = kept[edit.root].node.id if edit.root in kept else edit.root
            leaves = select(tree_nodes.c.leaves).where(*mine, tree_nodes.c.id == root).scalar_subquery()
            values = {
                "root": root,
                "leaves": leaves,
                "revision": tree.revision + 1,
                "inserted": tree.inserted + edit.inserted,
                "repairs": edit.repairs,
            }
            connection.execute(update(trees).where(trees.c.id == tree.id).values(values))
            return True

    # -- notes ------------------------------------------------------------------------------------

    async def notes(self, group: TreeGroup) -> dict[str, str]:
        """What was written for the group's tree, by its key."""
        return await self._database.run(self._notes, group)

    def _notes(self, group: TreeGroup) -> dict[str, str]:
        with self._database.reading() as connection:
            index = self._row(connection)
            if index is None:
                return {}
            query = select(tree_notes.c.key, tree_notes.c.text).where(*of_group(index.id, group))
            return {row.key: row.text for row in connection.execute(query)}

    async def keep(self, group: TreeGroup, notes: Sequence[TreeNote]) -> None:
        """Keep what was written, unless a passage that it was written of has gone since."""
        if notes:
            await self._database.run_writing(self._keep, group, notes)

    def _keep(self, group: TreeGroup, notes: Sequence[TreeNote]) -> None:
        with self._database.writing() as connection:
            index_id = self._locked(connection)
            alive: set[str] = set()
            wanted = {passage for note in notes for passage in note.passages}
            for part in chunks(sorted(wanted)):
                query = (
                    select(passages.c.id)
                    .select_from(passages.join(documents))
                    .where(
                        passages.c.index_id == index_id,
                        passages.c.id.in_(part),
                        passages.c.retired.is_(None),
                        documents.c.tenant == group.tenant,
                        documents.c.labels == label_set(group.labels),
                    )
                )
                alive.update(connection.execute(query).scalars())
            rows = {
                note.key: {
                    "index_id": index_id,
                    "tenant": group.tenant,
                    "labels": label_set(group.labels),
                    "key": note.key,
                    "text": note.text,
                    "passages": packed_ids(note.passages),
                }
                for note in notes
                if alive.issuperset(note.passages)
            }
            for part in chunks(sorted(rows)):
                connection.execute(
                    delete(tree_notes).where(*of_group(index_id, group), tree_notes.c.key.in_(part))
                )
            insert_all(connection, tree_notes, rows.values())

    async def forget_notes(self, group: TreeGroup, used: Collection[str]) -> None:
        """Forget what was written for the group's tree and is not among `used`."""
        await self._database.run_writing(self._forget_notes, group, frozenset(used))

    def _forget_notes(self, group: TreeGroup, used: frozenset[str]) -> None:
        with self._database.writing() as connection:
            mine = of_group(self._locked(connection), group)
            keys = connection.execute(select(tree_notes.c.key).where(*mine)).scalars().all()
            for part in chunks(sorted(set(keys) - used)):
                connection.execute(delete(tree_notes).where(*mine, tree_notes.c.key.in_(part)))

    async def remove(self) -> int:
        """Remove every tree of the index, with what was written for them; how many there were."""
        return await self._database.run_writing(self._remove)

    def _remove(self) -> int:
        with self._database.writing() as connection:
            index_id = self._locked(connection)
            for table in (tree_notes, tree_waiting, tree_leaves, tree_nodes):
                connection.execute(delete(table).where(table.c.index_id == index_id))
            return connection.execute(delete(trees).where(trees.c.index_id == index_id)).rowcount

    # -- parts ------------------------------------------------------------------------------------

    def _row(self, connection: Connection) -> Row[Any, Any] | None:
        mine = (indexes.c.name == self._index, indexes.c.dropped.is_(False))
        return connection.execute(select(indexes.c.id, indexes.c.embedder).where(*mine)).first()

    def _locked(self, connection: Connection) -> int:
        """The id of the index, which nobody else publishes meanwhile."""
        mine = (indexes.c.name == self._index, indexes.c.dropped.is_(False))
        found = connection.execute(select(indexes.c.id).where(*mine).with_for_update()).scalar()
        if found is None:
            raise StoreError(f"There is no index {self._index!r}.", hint="Add something to it first.")
        return found

    def _tree(self, connection: Connection, index_id: int, group: TreeGroup) -> Row[Any] | None:
        return connection.execute(
            select(trees).where(
                trees.c.index_id == index_id,
                trees.c.tenant == group.tenant,
                trees.c.labels == label_set(group.labels),
            )
        ).first()
