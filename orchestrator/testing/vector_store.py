"""Conformance tests of the `VectorStore` port, above all of access control."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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


@pytest.mark.asyncio
class StoreFixtures:
    """Subclasses have fixtures `index`, which fills an empty index, and `store`, which searches it.

    `makers` are the searches that the store can do, each made of a text.
    """

    makers: Sequence[Callable[[str], Search]] = (Lexical, dense)

    @pytest.fixture
    def index(self) -> Fillable:
        """What fills the store."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, index: Fillable) -> VectorStore:
        """The store under test."""
        raise NotImplementedError

    def searches(self, text: str) -> list[Search]:
        """A search of each kind that the store can do."""
        return [make(text) for make in self.makers]


class VersionConformance(StoreFixtures):
    """What every store must find, whatever its searches are: what the current version holds."""

    async def test_an_empty_index_answers_nothing(self, store: VectorStore) -> None:
        searches = self.searches("otter")
        assert await store.search(searches, principal=ANONYMOUS) == [Hits() for _ in searches]
        assert await store.vectors(["00000000-0000-0000-0000-000000000000"], principal=ANONYMOUS) == {}

    async def test_equal_scores_are_ordered_by_id(self, index: Fillable, store: VectorStore) -> None:
        rows = [document(f"d{number}", "otter river") for number in range(7)]
        for row in rows:
            index.publish(row)
        for hits in await store.search(self.searches("otter"), principal=ANONYMOUS):
            assert hits.ids == tuple(sorted(ids(*rows)))

    async def test_limits(self, index: Fillable, store: VectorStore) -> None:
        row = document("a", *(f"otter n{number}" for number in range(12)))
        index.publish(row)
        for search in self.searches("otter"):
            full = await one(store, search, limit=100)
            assert sorted(full.ids) == sorted(ids(row))
            assert (await one(store, search, limit=5)) == full.top(5)
            assert (await one(store, search, limit=0)) == Hits()

    async def test_a_new_version_is_what_searches_see(self, index: Fillable, store: VectorStore) -> None:
        a, b = document("a", "otter", "otter river"), document("b", "otter night")
        index.publish(a, b)
        first = store.version
        for hits in await store.search(self.searches("otter"), principal=ANONYMOUS):
            assert set(hits.ids) == set(ids(a, b))
        changed = document("a", "badger")
        index.publish(changed)
        assert store.version != first
        for hits in await store.search(self.searches("badger"), principal=ANONYMOUS):
            assert hits.ids[0] == ids(changed)[0]
            assert set(hits.ids) <= set(ids(changed, b))
        index.publish(a, removed=(b,))
        for hits in await store.search(self.searches("otter"), principal=ANONYMOUS):
            assert set(hits.ids) == set(ids(a))
        assert set(await store.vectors(ids(a, b, changed), principal=ANONYMOUS)) == set(ids(a))


class AccessConformance(StoreFixtures):
    """What nobody may see: access and filters are part of every search."""

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
            vectors = set(await store.vectors(everything, principal=principal))
            for hits in await store.search(self.searches("otter"), principal=principal):
                assert set(hits.ids) == vectors
            return vectors

        assert await seen(NOBODY) == set()
        assert await seen(ANONYMOUS) == set(ids(open_, both))
        assert await seen(STAFF) == set(ids(open_, closed, both))
        assert await seen(Principal(grants=frozenset({"board"}))) == set(ids(both))
        assert await seen(Principal(grants=frozenset({"", "*", "PUBLIC", 'public"', "publi"}))) == set()

    async def test_another_tenant_is_neither_seen_nor_felt(self, index: Fillable, store: VectorStore) -> None:
        mine = document("a", "otter river", "badger river", "owl")
        index.publish(mine)
        before = await store.search(self.searches("river otter"), principal=ANONYMOUS)
        theirs = [document(f"r{number}", "otter otter river", tenant="red") for number in range(20)]
        index.publish(*theirs)
        after = await store.search(self.searches("river otter"), principal=ANONYMOUS)
        assert after == before
        for hits in await store.search(self.searches("river"), principal=RED):
            assert set(hits.ids) <= set(ids(*theirs))
        assert await store.vectors(ids(mine), principal=RED) == {}

    async def test_tenant_and_label_are_not_confused(self, index: Fillable, store: VectorStore) -> None:
        index.publish(document("a", "otter", tenant="x", labels=("y/z", '"y", "z"')))
        for tenant, label in [("x/y", "z"), ('x", "y', "z"), ("x", "y"), ("", "x"), ("y/z", "x")]:
            asking = Principal(tenant, frozenset({label}))
            for search in self.searches("otter"):
                assert await one(store, search, principal=asking) == Hits()
        for search in self.searches("otter"):
            assert len(await one(store, search, principal=Principal("x", frozenset({"y/z"})))) == 1

    async def test_filters(self, index: Fillable, store: VectorStore) -> None:
        rows = [
            document("a", "otter", metadata={"year": 2020, "kind": "note", "draft": True}),
            document("b", "otter", metadata={"year": 2021, "kind": "note", "a.b": "dotted"}),
            document("c", "otter", metadata={"year": "2020", "kind": ["report", "note"], "draft": False}),
            document("d", "otter"),
        ]
        index.publish(*rows)

        async def matching(*filters: Filter) -> str:
            found = await store.search(self.searches("otter"), principal=ANONYMOUS, filters=filters)
            assert all(set(hits.ids) == set(found[0].ids) for hits in found)
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

    async def test_new_labels_replace_the_old(self, index: Fillable, store: VectorStore) -> None:
        a = document("a", "otter", labels=("public",))
        index.publish(a)
        index.publish(replace(a, labels=("staff",)))
        for search in self.searches("otter"):
            assert await one(store, search) == Hits()
            assert (await one(store, search, principal=STAFF)).ids == tuple(ids(a))
        assert await store.vectors(ids(a), principal=ANONYMOUS) == {}
        index.publish(a)
        for search in self.searches("otter"):
            assert (await one(store, search)).ids == tuple(ids(a))


class LexicalConformance(StoreFixtures):
    """How a store ranks by terms."""

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
        assert scores[otter.ids[0]] == pytest.approx(3 * otter.hits[0].score, rel=1e-3)
        assert scores[badger.ids[0]] == pytest.approx(badger.hits[0].score, rel=1e-3)
        halved = {hit.id: hit.score for hit in weighted}
        assert halved[otter.ids[0]] == pytest.approx(3 * otter.hits[0].score, rel=1e-3)
        assert halved[badger.ids[0]] == pytest.approx(0.5 * badger.hits[0].score, rel=1e-3)


class DenseConformance(StoreFixtures):
    """How a store ranks by vectors, and gives them back."""

    async def test_dense_ranks_by_cosine(self, index: Fillable, store: VectorStore) -> None:
        row = document("a", "otter river", "otter", "badger sett", "owl")
        index.publish(row)
        hits = await one(store, dense("otter"), limit=3)
        expected = {p.id: float(direction(p.text) @ direction("otter")) for p in row.passages}
        assert hits.ids == tuple(sorted(expected, key=lambda one: -expected[one])[:3])
        assert [hit.score for hit in hits] == pytest.approx([expected[one] for one in hits.ids], abs=1e-5)

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


class VectorStoreConformance(VersionConformance, AccessConformance, LexicalConformance, DenseConformance):
    """All that a store needs for hybrid search. Late interaction has a class of its own."""

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
