"""What every `VectorStore` must find, and above all what it must not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import pytest

from orchestrator.errors import BadInput
from orchestrator.ports import Dense, DocumentRow, Lexical, Search, VectorStore
from orchestrator.testing.rows import ids
from orchestrator.testing.vectors import DIMENSIONS, direction, document
from orchestrator.types import ANONYMOUS, NOBODY, Filter, Hits, Principal

STAFF = Principal(grants=frozenset({"staff", "public"}), name="sam")
RED = replace(ANONYMOUS, tenant="red")


class Fillable(Protocol):
    """What fills the index under test."""

    def publish(self, *documents: DocumentRow, removed: tuple[DocumentRow, ...] = ()) -> object:
        """Put these in place of those of the same id, and take `removed` out, as one new version.

        The dense vector of a passage is the `direction` of its text.
        """
        ...


@pytest.mark.asyncio
class VectorStoreConformance:
    """Subclass it with fixtures `index`, which fills an empty index, and `store`, which searches it."""

    @pytest.fixture
    def index(self) -> Fillable:
        """What fills the store."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, index: Fillable) -> VectorStore:
        """The store under test."""
        raise NotImplementedError

    async def test_an_empty_index_answers_nothing(self, store: VectorStore) -> None:
        assert await store.search([Lexical("otter"), dense("otter")], principal=ANONYMOUS) == [Hits(), Hits()]
        assert await store.vectors(["00000000-0000-0000-0000-000000000000"], principal=ANONYMOUS) == {}

    async def test_dense_ranks_by_cosine(self, index: Fillable, store: VectorStore) -> None:
        row = document("a", "otter river", "otter", "badger sett", "owl")
        index.publish(row)
        hits = await one(store, dense("otter"), limit=3)
        expected = {p.id: float(direction(p.text) @ direction("otter")) for p in row.passages}
        assert hits.ids == tuple(sorted(expected, key=lambda one: -expected[one])[:3])
        assert [hit.score for hit in hits] == pytest.approx([expected[one] for one in hits.ids], abs=1e-5)

    async def test_equal_scores_are_ordered_by_id(self, index: Fillable, store: VectorStore) -> None:
        rows = [document(f"d{number}", "otter river") for number in range(7)]
        for row in rows:
            index.publish(row)
        for hits in await store.search([Lexical("otter"), dense("otter")], principal=ANONYMOUS):
            assert hits.ids == tuple(sorted(ids(*rows)))

    async def test_a_rare_term_counts_more(self, index: Fillable, store: VectorStore) -> None:
        row = document("a", "otter river", "badger river", "owl river", "swift river")
        index.publish(row)
        hits = await one(store, Lexical("river otter"))
        assert hits.ids[0] == ids(row)[0]
        assert len(hits) == 4
        assert all(hit.score > 0 for hit in hits)

    async def test_repeated_and_weighted_terms_sum(self, index: Fillable, store: VectorStore) -> None:
        index.publish(document("a", "otter river", "badger river", "owl"))
        searches = [
            Lexical("otter"),
            Lexical("badger"),
            Lexical("otter otter otter badger"),
            Lexical("ignored", terms=(("otter", 1.0), ("badger", 0.5), ("otter", 2.0))),
        ]
        otter, badger, repeated, weighted = await store.search(searches, principal=ANONYMOUS)
        scores = {hit.id: hit.score for hit in repeated}
        assert scores[otter.ids[0]] == pytest.approx(3 * otter.hits[0].score, rel=1e-5)
        assert scores[badger.ids[0]] == pytest.approx(badger.hits[0].score, rel=1e-5)
        halved = {hit.id: hit.score for hit in weighted}
        assert halved[otter.ids[0]] == pytest.approx(3 * otter.hits[0].score, rel=1e-5)
        assert halved[badger.ids[0]] == pytest.approx(0.5 * badger.hits[0].score, rel=1e-5)

    async def test_searches_of_one_call_do_not_touch_each_other(
        self, index: Fillable, store: VectorStore
    ) -> None:
        index.publish(document("a", "otter river", "badger sett", "owl night"))
        searches: list[Search] = [
            Lexical("otter"),
            dense("owl"),
            Lexical("of the"),
            Lexical(""),
            dense("otter"),
        ]
        together = await store.search(searches, principal=ANONYMOUS)
        assert together == [await one(store, search) for search in searches]
        assert together[2] == together[3] == Hits()
        assert await store.search([], principal=ANONYMOUS) == []

    async def test_limits(self, index: Fillable, store: VectorStore) -> None:
        row = document("a", *(f"otter n{number}" for number in range(12)))
        index.publish(row)
        full = await one(store, Lexical("otter"), limit=100)
        assert sorted(full.ids) == sorted(ids(row))
        assert (await one(store, Lexical("otter"), limit=5)) == full.top(5)
        assert (await one(store, Lexical("otter"), limit=0)) == Hits()

    async def test_only_granted_labels_are_found(self, index: Fillable, store: VectorStore) -> None:
        open_, closed, both, nobodys = (
            document("open", "otter"),
            document("closed", "otter", labels=("staff",)),
            document("both", "otter", labels=("board", "public")),
            document("nobody's", "otter", labels=()),
        )
        index.publish(open_, closed, both, nobodys)
        everything = ids(open_, closed, both, nobodys)

        async def seen(principal: Principal) -> set[str]:
            lexical, similar = await store.search([Lexical("otter"), dense("otter")], principal=principal)
            vectors = await store.vectors(everything, principal=principal)
            assert set(lexical.ids) == set(similar.ids) == set(vectors)
            return set(vectors)

        assert await seen(NOBODY) == set()
        assert await seen(ANONYMOUS) == set(ids(open_, both))
        assert await seen(STAFF) == set(ids(open_, closed, both))
        assert await seen(Principal(grants=frozenset({"board"}))) == set(ids(both))
        assert await seen(Principal(grants=frozenset({"", "*", "PUBLIC", 'public"', "publi"}))) == set()

    async def test_another_tenant_is_neither_seen_nor_felt(self, index: Fillable, store: VectorStore) -> None:
        mine = document("a", "otter river", "badger river", "owl")
        index.publish(mine)
        before = await store.search([Lexical("river otter"), dense("river")], principal=ANONYMOUS)
        theirs = [document(f"r{number}", "otter otter river", tenant="red") for number in range(20)]
        index.publish(*theirs)
        after = await store.search([Lexical("river otter"), dense("river")], principal=ANONYMOUS)
        assert after == before
        assert set((await one(store, Lexical("river"), principal=RED)).ids) <= set(ids(*theirs))
        assert await store.vectors(ids(mine), principal=RED) == {}

    async def test_tenant_and_label_are_not_confused(self, index: Fillable, store: VectorStore) -> None:
        index.publish(document("a", "otter", tenant="x", labels=("y/z", '"y", "z"')))
        for tenant, label in [("x/y", "z"), ('x", "y', "z"), ("x", "y"), ("", "x"), ("y/z", "x")]:
            asking = Principal(tenant, frozenset({label}))
            assert await one(store, Lexical("otter"), principal=asking) == Hits()
        assert len(await one(store, dense("otter"), principal=Principal("x", frozenset({"y/z"})))) == 1

    async def test_filters(self, index: Fillable, store: VectorStore) -> None:
        rows = [
            document("a", "otter", metadata={"year": 2020, "kind": "note", "draft": True}),
            document("b", "otter", metadata={"year": 2021, "kind": "note", "a.b": "dotted"}),
            document("c", "otter", metadata={"year": "2020", "kind": ["report", "note"], "draft": False}),
            document("d", "otter"),
        ]
        index.publish(*rows)

        async def matching(*filters: Filter) -> str:
            found = await store.search(
                [Lexical("otter"), dense("otter")], principal=ANONYMOUS, filters=filters
            )
            assert set(found[0].ids) == set(found[1].ids)
            return "".join(row.document for row in rows if ids(row)[0] in found[0].ids)

        assert await matching(Filter("year", (2020,))) == "a"
        assert await matching(Filter("year", (2020, 2021))) == "ab"
        assert await matching(Filter("year", (2021, "2020"))) == "bc"
        assert await matching(Filter("draft", (True,))) == "a"
        assert await matching(Filter("draft", (True, False))) == "ac"
        assert await matching(Filter("kind", ("note",))) == "abc"
        assert await matching(Filter("kind", ("note",)), Filter("year", (2021,))) == "b"
        assert await matching(Filter("a.b", ("dotted",))) == "b"
        assert await matching(Filter("nothing", ("note",))) == ""
        assert await matching(Filter("kind", ())) == ""
        assert await matching() == "abcd"

    async def test_a_new_version_is_what_searches_see(self, index: Fillable, store: VectorStore) -> None:
        a, b = document("a", "otter", "otter river"), document("b", "otter night")
        index.publish(a, b)
        first = store.version
        assert set((await one(store, Lexical("otter"))).ids) == set(ids(a, b))
        changed = document("a", "badger")
        index.publish(changed)
        assert store.version != first
        assert (await one(store, Lexical("otter"))).ids == tuple(ids(b))
        assert (await one(store, Lexical("badger"))).ids == tuple(ids(changed))
        index.publish(a, removed=(b,))
        assert set((await one(store, dense("otter"))).ids) == set(ids(a))
        assert set(await store.vectors(ids(a, b, changed), principal=ANONYMOUS)) == set(ids(a))

    async def test_new_labels_replace_the_old(self, index: Fillable, store: VectorStore) -> None:
        a = document("a", "otter", labels=("public",))
        index.publish(a)
        index.publish(replace(a, labels=("staff",)))
        assert await one(store, Lexical("otter")) == await one(store, dense("otter")) == Hits()
        assert await store.vectors(ids(a), principal=ANONYMOUS) == {}
        assert (await one(store, Lexical("otter"), principal=STAFF)).ids == tuple(ids(a))
        index.publish(a)
        assert (await one(store, dense("otter"))).ids == tuple(ids(a))

    async def test_vectors_come_in_the_order_of_the_ids(self, index: Fillable, store: VectorStore) -> None:
        row = document("a", "otter", "badger sett", "owl")
        index.publish(row)
        wanted = [ids(row)[2], "00000000-0000-0000-0000-000000000000", "an item", ids(row)[0]]
        vectors = await store.vectors(wanted, principal=ANONYMOUS)
        assert list(vectors) == [wanted[0], wanted[-1]]
        for passage in (row.passages[0], row.passages[2]):
            assert vectors[passage.id] == pytest.approx(direction(passage.text), abs=1e-5)
        assert await store.vectors([], principal=ANONYMOUS) == {}

    @pytest.mark.parametrize("vector", [(1.0,) * (DIMENSIONS - 1), (float("nan"),) * DIMENSIONS])
    async def test_an_unusable_query_vector_is_refused(
        self, index: Fillable, store: VectorStore, vector: tuple[float, ...]
    ) -> None:
        index.publish(document("a", "otter"))
        with pytest.raises(BadInput, match="vector"):
            await store.search([Dense(vector)], principal=ANONYMOUS)


def dense(text: str) -> Dense:
    """A search for what is like `text`."""
    return Dense(direction(text))


async def one(
    store: VectorStore,
    search: Search,
    *,
    principal: Principal = ANONYMOUS,
    filters: Sequence[Filter] = (),
    limit: int = 10,
) -> Hits:
    """The ranking of a single search."""
    (hits,) = await store.search([search], principal=principal, filters=filters, limit=limit)
    return hits
