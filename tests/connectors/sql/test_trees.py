"""Trees on a real database: who reads them, and how they follow their documents."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from sqlalchemy import delete, func, select, update

from connectors.sql import Database, SqlIndexRegistry, SqlLedger, SqlTreeRegistry, SqlTrees
from connectors.sql.derived import indexed_tables
from connectors.sql.tables import tree_leaves, tree_nodes, tree_waiting, trees
from orchestrator.errors import LeaseLost
from orchestrator.ports import (
    DocumentRow,
    KeptNode,
    Tree,
    TreeEdit,
    TreeGroup,
    TreeNote,
    TreeRecipe,
    TreeRegistry,
    TreeStore,
)
from orchestrator.testing.clock import ManualClock
from orchestrator.testing.publisher import Publisher
from orchestrator.testing.rows import FORMAT, document, ids
from orchestrator.tree.build import TreeSettings, build_tree
from orchestrator.tree.leaf import leaves_of
from orchestrator.tree.summaries import ExtractiveSummaries
from orchestrator.types import ANONYMOUS, NOBODY, Principal

RECIPE = TreeRecipe("bottom_up", 4, "", "lexrank 1", FORMAT.embedder)
PUBLIC = TreeGroup("default", ("public",))
STAFF = TreeGroup("default", ("staff",))
BOTH = Principal(grants=frozenset({"staff", "public"}))


def vector_of(text: str) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(text.split()[0].encode()).digest()[:8], "big")
    own = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    made = np.random.default_rng(seed).normal(size=8) + 0.2 * np.random.default_rng(own).normal(size=8)
    return (made / np.linalg.norm(made)).astype(np.float32)


async def tree_of(*rows: DocumentRow) -> Tree:
    vectors = {passage.id: vector_of(passage.text) for row in rows for passage in row.passages}
    return await build_tree(
        list(leaves_of(rows, vectors)), ExtractiveSummaries(), TreeSettings("bottom_up", at_most=4)
    )


def books(number: int, *, labels: Sequence[str] = ("public",), prefix: str = "") -> list[DocumentRow]:
    subjects = ("otters", "taxes", "heat")
    return [
        document(
            f"{prefix}{at}",
            f"{subjects[at % 3]} are described in volume {prefix}{at}.",
            f"{subjects[at % 3]} are measured in appendix {prefix}{at}.",
            labels=labels,
        )
        for at in range(number)
    ]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def registry(database: Database, clock: ManualClock) -> SqlIndexRegistry:
    return SqlIndexRegistry(database, clock)


@pytest.fixture
def index(database: Database, registry: SqlIndexRegistry, clock: ManualClock) -> Publisher:
    registry.create("default", FORMAT)
    return Publisher(registry, SqlLedger(database, clock))


@pytest.fixture
def building(database: Database, clock: ManualClock) -> TreeRegistry:
    return SqlTreeRegistry(database, "default", clock)


@pytest.fixture
def store(database: Database) -> TreeStore:
    return SqlTrees(database, "default")


async def planted(
    index: Publisher, building: TreeRegistry, group: TreeGroup, rows: Sequence[DocumentRow]
) -> Tree:
    made = await tree_of(*rows)
    await building.publish(index.job(), group, made, RECIPE, version=1)
    return made


async def test_a_tree_is_read_as_it_was_built(
    index: Publisher, building: TreeRegistry, store: TreeStore
) -> None:
    rows = books(12)
    index.publish(*rows)
    made = await planted(index, building, PUBLIC, rows)
    (root,) = await store.roots(principal=ANONYMOUS)
    assert (root.node, root.leaves, root.missing) == (made.root, 24, 0)
    assert root.directions == made.directions
    found = await store.nodes([*made.nodes, "missing"], principal=ANONYMOUS)
    assert found == made.nodes
    assert list(found) == list(made.nodes)
    for name, node in found.items():
        expected = made.nodes[name].vector
        assert (node.vector is None) == (expected is None)
        assert expected is None or np.allclose(node.vector, expected)
    kept = await building.read(PUBLIC)
    assert kept is not None
    assert kept.tree == made


async def test_a_path_leads_from_the_root_to_each_passage(
    index: Publisher, building: TreeRegistry, store: TreeStore
) -> None:
    rows = books(12)
    index.publish(*rows)
    made = await planted(index, building, PUBLIC, rows)
    above = made.parents()
    paths = await store.paths([*ids(*rows), "missing"], principal=ANONYMOUS)
    assert list(paths) == ids(*rows)
    for passage, path in paths.items():
        assert path[0] == made.root
        assert path[-1] == above[passage]
        assert all(above[lower] == upper for upper, lower in pairwise(path))


async def test_a_reader_is_given_the_trees_of_granted_labels_and_nothing_of_others(
    index: Publisher, building: TreeRegistry, store: TreeStore
) -> None:
    public, staff = books(8), books(12, labels=("staff",), prefix="s")
    index.publish(*public, *staff)
    ours = await planted(index, building, PUBLIC, public)
    theirs = await planted(index, building, STAFF, staff)
    assert [root.node for root in await store.roots(principal=ANONYMOUS)] == [ours.root]
    assert [root.node for root in await store.roots(principal=BOTH)] == [theirs.root, ours.root]
    assert await store.nodes(list(theirs.nodes), principal=ANONYMOUS) == {}
    assert await store.paths(ids(*staff), principal=ANONYMOUS) == {}
    assert await store.nodes([theirs.root], principal=BOTH) != {}
    for nobody in (NOBODY, Principal("other", frozenset({"public", "staff"}))):
        assert await store.roots(principal=nobody) == ()
        assert await store.nodes([ours.root, theirs.root], principal=nobody) == {}


async def test_a_principal_of_many_grants_reads_the_same(
    index: Publisher, building: TreeRegistry, store: TreeStore
) -> None:
    rows = books(4)
    index.publish(*rows)
    made = await planted(index, building, PUBLIC, rows)
    many = Principal(grants=frozenset({"public", *(f"g{number}" for number in range(2500))}))
    assert [root.node for root in await store.roots(principal=many)] == [made.root]
    assert list(await store.paths(ids(*rows), principal=many)) == ids(*rows)


async def test_a_removed_passage_leaves_its_tree_and_every_summary_above_it(
    index: Publisher, building: TreeRegistry, store: TreeStore, registry: SqlIndexRegistry
) -> None:
    rows = books(12)
    gone = document("gone", "otters guard the zanzibar cipher.", "otters whisper zanzibar twice.")
    index.publish(*rows, gone)
    made = await planted(index, building, PUBLIC, [*rows, gone])
    assert any("zanzibar" in node.text for node in made.nodes.values())
    index.publish(removed=(gone,))
    (root,) = await store.roots(principal=ANONYMOUS)
    assert (root.leaves, root.missing) == (24, 0)
    kept = await building.read(PUBLIC)
    assert kept is not None
    assert set(kept.tree.passages()) == set(ids(*rows))
    assert not any("zanzibar" in each.node.text for each in kept.nodes.values())
    (state,) = await building.states()
    assert (state.removed, state.leaves) == (2, 24)
    assert state.stale
    assert registry.verify("default") == []


async def test_new_passages_are_counted_as_missing(
    index: Publisher, building: TreeRegistry, store: TreeStore
) -> None:
    rows = books(6)
    index.publish(*rows)
    await planted(index, building, PUBLIC, rows)
    new = document("new", "otters swim.", "otters dive.", "otters sleep.")
    staff = document("s", "taxes rise.", labels=("staff",))
    index.publish(new, staff)
    assert [root.missing for root in await store.roots(principal=ANONYMOUS)] == [3]
    assert [root.missing for root in await store.roots(principal=BOTH)] == [4]
    assert await building.waiting(PUBLIC) == [new]
    assert {state.group: state.missing for state in await building.states()} == {PUBLIC: 3, STAFF: 1}
    index.publish(removed=(new,))
    assert await building.waiting(PUBLIC) == []


async def test_a_document_that_changes_waits_to_be_put_in_again(
    index: Publisher, building: TreeRegistry, registry: SqlIndexRegistry
) -> None:
    rows = books(6)
    index.publish(*rows)
    await planted(index, building, PUBLIC, rows)
    changed = replace(rows[0], title="Another title")
    index.publish(changed)
    kept = await building.read(PUBLIC)
    assert kept is not None
    assert not {*ids(rows[0])} & {*kept.tree.passages()}
    assert await building.waiting(PUBLIC) == [changed]
    assert registry.verify("default") == []


@pytest.mark.slow
@pytest.mark.parametrize("by", ["the registry", "a change"])
async def test_new_labels_take_a_document_out_of_its_tree(
    index: Publisher, building: TreeRegistry, store: TreeStore, registry: SqlIndexRegistry, by: str
) -> None:
    rows = books(6)
    secret = document("hr", "otters earn exactly zanzibar coins.", root="/hr")
    index.publish(*rows, secret)
    await planted(index, building, PUBLIC, [*rows, secret])
    if by == "the registry":
        registry.relabel("default", "/hr", ["staff"])
    else:
        index.publish(replace(secret, labels=("staff",)))
    (root,) = await store.roots(principal=ANONYMOUS)
    assert (root.leaves, root.missing) == (12, 0)
    kept = await building.read(PUBLIC)
    assert kept is not None
    assert not any("zanzibar" in each.node.text for each in kept.nodes.values())
    assert await building.waiting(STAFF) == [replace(secret, labels=("staff",))]
    assert registry.verify("default") == []


async def test_an_emptied_tree_is_not_read_and_takes_what_comes_later(
    index: Publisher, building: TreeRegistry, store: TreeStore
) -> None:
    only = document("only", *(f"otters chapter {number}." for number in range(6)))
    index.publish(only)
    made = await planted(index, building, PUBLIC, [only])
    assert made.nodes[made.root].title == "About only"
    index.publish(removed=(only,))
    assert await store.roots(principal=ANONYMOUS) == ()
    kept = await building.read(PUBLIC)
    assert kept is not None
    assert [(each.node.text, each.node.leaves) for each in kept.nodes.values()] == [("", 0)]
    index.publish(document("later", "taxes rise."))
    assert len(await building.waiting(PUBLIC)) == 1


async def test_what_changed_during_a_build_is_followed(
    index: Publisher, building: TreeRegistry, store: TreeStore, registry: SqlIndexRegistry
) -> None:
    rows = books(8)
    index.publish(*rows)
    made = await tree_of(*rows)
    new = document("new", "heat flows.")
    index.publish(new, removed=(rows[0],))
    await building.publish(index.job(), PUBLIC, made, RECIPE, version=1)
    (root,) = await store.roots(principal=ANONYMOUS)
    assert (root.leaves, root.missing) == (14, 1)
    assert registry.verify("default") == []


async def test_a_build_that_lost_its_lease_changes_nothing(
    index: Publisher, building: TreeRegistry, store: TreeStore
) -> None:
    rows = books(4)
    index.publish(*rows)
    job = index.job()
    index.ledger.cancel(job.id)
    with pytest.raises(LeaseLost):
        await building.publish(job, PUBLIC, await tree_of(*rows), RECIPE, version=1)
    assert await store.roots(principal=ANONYMOUS) == ()


async def test_an_edit_of_an_older_revision_is_refused(index: Publisher, building: TreeRegistry) -> None:
    rows = books(8)
    index.publish(*rows)
    await planted(index, building, PUBLIC, rows)
    before = await building.read(PUBLIC)
    assert before is not None
    index.publish(removed=(rows[0],))
    root = before.nodes[before.root]
    edit = TreeEdit(before.revision, before.root, (root,))
    assert not await building.change(index.job(), PUBLIC, edit)
    now = await building.read(PUBLIC)
    assert now is not None
    node = next(kept for name, kept in now.nodes.items() if name != now.root)
    renamed = replace(node, node=replace(node.node, title="Renamed"))
    assert await building.change(index.job(), PUBLIC, TreeEdit(now.revision, now.root, (renamed,)))
    after = await building.read(PUBLIC)
    assert after is not None
    assert after.revision == now.revision + 1
    assert after.tree == replace(now.tree, nodes={**now.tree.nodes, node.node.id: renamed.node})


async def test_notes_go_with_the_passages_that_they_are_of(index: Publisher, building: TreeRegistry) -> None:
    a, b = document("a", "one"), document("b", "two")
    index.publish(a, b)
    kept = [TreeNote("of a", "1", ids(a)), TreeNote("of both", "2", ids(a, b)), TreeNote("of b", "3", ids(b))]
    await building.keep(PUBLIC, kept)
    assert await building.notes(PUBLIC) == {"of a": "1", "of both": "2", "of b": "3"}
    assert await building.notes(STAFF) == {}
    index.publish(removed=(a,))
    assert await building.notes(PUBLIC) == {"of b": "3"}
    await building.keep(PUBLIC, kept)
    assert await building.notes(PUBLIC) == {"of b": "3"}, "what was written of what has gone is not kept"
    await building.forget_notes(PUBLIC, {"other"})
    assert await building.notes(PUBLIC) == {}


async def test_a_tree_of_another_embedder_is_not_read(
    index: Publisher, building: TreeRegistry, store: TreeStore
) -> None:
    rows = books(4)
    index.publish(*rows)
    await building.publish(
        index.job(), PUBLIC, await tree_of(*rows), replace(RECIPE, embedder="embedder-b"), version=1
    )
    assert await store.roots(principal=ANONYMOUS) == ()
    assert [state.foreign for state in await building.states()] == [True]


async def test_nothing_of_a_tree_is_left_of_a_removed_index(
    index: Publisher, building: TreeRegistry, registry: SqlIndexRegistry, database: Database
) -> None:
    rows = books(6)
    index.publish(*rows)
    await planted(index, building, PUBLIC, rows)
    await building.keep(PUBLIC, [TreeNote("a", "text", ids(rows[0]))])
    index.publish(document("new", "heat flows."))
    registry.drop("default")
    with database.reading() as connection:
        left = {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in indexed_tables(connection)
        }
    assert {"trees", "tree_nodes", "tree_leaves", "tree_waiting", "tree_notes"} <= left.keys()
    assert not any(left.values())


async def test_trees_are_removed_on_request(
    index: Publisher, building: TreeRegistry, store: TreeStore, registry: SqlIndexRegistry
) -> None:
    rows = books(6)
    index.publish(*rows)
    await planted(index, building, PUBLIC, rows)
    assert registry.progress("default")["trees"].done == 12
    assert await building.remove() == 1
    assert await store.roots(principal=ANONYMOUS) == ()
    assert (registry.progress("default")["trees"].total, await building.remove()) == (0, 0)


async def test_equal_nodes_of_two_trees_have_ids_of_their_own(
    index: Publisher, building: TreeRegistry, store: TreeStore
) -> None:
    rows = books(4)
    index.publish(*rows)
    made = await planted(index, building, PUBLIC, rows)
    # A tree that was built before its documents got other labels.
    await building.publish(index.job(), STAFF, made, RECIPE, version=1)
    both = Principal(grants=frozenset({"public", "staff"}))
    assert [root.leaves for root in await store.roots(principal=both)] == [8]
    assert len(await store.nodes([made.root], principal=ANONYMOUS)) == 1


PLANTED = {
    "is not what was indexed": update(tree_nodes).values(summary="planted"),
    "and none waits for it": delete(tree_leaves).where(tree_leaves.c.place == 0),
    "lie beneath it": update(tree_nodes).values(leaves=tree_nodes.c.leaves + 1),
    "and not in its tree": update(tree_nodes).where(tree_nodes.c.kind == "document").values(parent="nowhere"),
    "has no root": update(trees).values(root="nowhere"),
    "A tree counts": update(trees).values(leaves=0),
    "is not the mean of": update(tree_nodes)
    .where(tree_nodes.c.kind == "topic")
    .values(vector=np.ones(8, dtype="<f4").tobytes()),
    "not among the documents": update(tree_leaves).where(tree_leaves.c.place == 0).values(passage="stranger"),
    "hang on nodes that": update(tree_leaves).where(tree_leaves.c.place == 0).values(node="nowhere"),
    "which is not part of the index": tree_waiting.insert().values(
        index_id=1, passage="stranger", tenant="default", labels="x"
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("told", PLANTED)
async def test_verify_finds_a_planted_fault(
    index: Publisher, building: TreeRegistry, registry: SqlIndexRegistry, database: Database, told: str
) -> None:
    rows = books(12)
    index.publish(*rows)
    await planted(index, building, PUBLIC, rows)
    assert registry.verify("default") == []
    with database.writing() as connection:
        connection.execute(PLANTED[told])
    assert any(told in fault for fault in registry.verify("default")), registry.verify("default")


async def test_an_edit_may_move_passages_and_make_nodes(
    index: Publisher, building: TreeRegistry, store: TreeStore, registry: SqlIndexRegistry
) -> None:
    rows = books(6)
    index.publish(*rows)
    await planted(index, building, PUBLIC, rows)
    new = document("new", "heat flows.", "heat rests.")
    index.publish(new)
    now = await building.read(PUBLIC)
    assert now is not None
    from orchestrator.ports import TreeNode, content_hash

    name = content_hash("document", "New", ids(new))
    added = TreeNode(name, "document", "New", "Heat.", (), tuple(ids(new)), 2, name, vector_of("heat flows."))
    root = now.nodes[now.root].node
    grown = replace(root, children=(*root.children, name), leaves=root.leaves + 2)
    edit = TreeEdit(now.revision, now.root, (KeptNode(added), KeptNode(grown)), inserted=2)
    assert await building.change(index.job(), PUBLIC, edit)
    (found,) = await store.roots(principal=ANONYMOUS)
    assert (found.leaves, found.missing) == (14, 0)
    assert (await store.paths(ids(new), principal=ANONYMOUS))[ids(new)[1]] == (now.root, name)
    assert registry.verify("default") == []
