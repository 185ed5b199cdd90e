"""Conformance tests of the `Documents` port, above all of access control."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.ports import Documents
from orchestrator.testing.clock import ManualClock
from orchestrator.testing.publisher import Publisher
from orchestrator.testing.rows import document, ids
from orchestrator.types import ANONYMOUS, NOBODY, Principal

STAFF = Principal(grants=frozenset({"staff", "public"}), name="sam")


@pytest.mark.asyncio
class DocumentsConformance:
    """Subclass it with fixtures `index`, a Publisher of an empty index `default`, and its `documents`."""

    @pytest.fixture
    def clock(self) -> ManualClock:
        """The time that the store goes by."""
        return ManualClock()

    @pytest.fixture
    def index(self, clock: ManualClock) -> Publisher:
        """What fills the store."""
        raise NotImplementedError

    @pytest.fixture
    def documents(self, index: Publisher) -> Documents:
        """The store under test."""
        raise NotImplementedError

    async def test_passages_come_in_the_order_of_the_ids(
        self, index: Publisher, documents: Documents
    ) -> None:
        a, b = document("a", "one", "two"), document("b", "three")
        index.publish(a, b)
        wanted = [ids(b)[0], "missing", ids(a)[1], ids(a)[0], ids(b)[0]]
        found = await documents.passages(wanted, principal=ANONYMOUS)
        assert [passage.text for passage in found.values()] == ["three", "two", "one"]
        assert list(found) == [ids(b)[0], ids(a)[1], ids(a)[0]]
        assert await documents.passages([], principal=ANONYMOUS) == {}

    async def test_a_passage_has_all_that_was_stored(self, index: Publisher, documents: Documents) -> None:
        metadata = {"year": 2020, "draft": False, "score": 0.5, "who's": "O'Neil", "nested": {"not": "shown"}}
        a = document("a", "zero", "the text", labels=("public", "staff"), metadata=metadata)
        index.publish(a)
        (passage,) = (await documents.passages(ids(a)[1:], principal=ANONYMOUS)).values()
        assert (passage.id, passage.document, passage.text) == (ids(a)[1], "a", "the text")
        assert (passage.title, passage.source, passage.position) == ("About a", "/library/a.txt", 1)
        assert passage.hash == a.passages[1].hash
        assert passage.labels == ("public", "staff")
        assert dict(passage.metadata) == {"year": 2020, "draft": False, "score": 0.5, "who's": "O'Neil"}

    async def test_a_label_that_was_not_granted_closes_a_passage(
        self, index: Publisher, documents: Documents
    ) -> None:
        rows = [
            document("open", "w1"),
            document("closed", "w1", labels=("staff",)),
            document("both", "w1", labels=("board", "public")),
            document("nobody's", "w1", labels=()),
        ]
        index.publish(*rows)

        async def names(principal: Principal) -> set[str]:
            found = await documents.passages(ids(*rows), principal=principal)
            return {passage.document for passage in found.values()}

        assert await names(NOBODY) == set()
        assert await names(ANONYMOUS) == {"open", "both"}
        assert await names(STAFF) == {"open", "closed", "both"}
        assert await names(Principal(grants=frozenset({"board"}))) == {"both"}
        assert await names(Principal(grants=frozenset({"", "%", "PUBLIC", "public "}))) == set()

    async def test_another_tenant_reads_nothing(self, index: Publisher, documents: Documents) -> None:
        a = document("a", "w1", tenant="red")
        index.publish(a)
        assert await documents.passages(ids(a), principal=ANONYMOUS) == {}
        red = replace(ANONYMOUS, tenant="red")
        assert list(await documents.passages(ids(a), principal=red)) == ids(a)

    async def test_a_name_grants_nothing(self, index: Publisher, documents: Documents) -> None:
        a = document("a", "w1", labels=("staff",))
        index.publish(a)
        stranger = Principal(grants=frozenset({"public"}), name="staff")
        assert await documents.passages(ids(a), principal=stranger) == {}

    async def test_many_ids_and_many_grants_are_read_at_once(
        self, index: Publisher, documents: Documents
    ) -> None:
        a, b = document("a", *(f"w{number}" for number in range(50))), document("b", "w1", labels=("g39999",))
        index.publish(a, b)
        grants = frozenset({"public", *(f"g{number}" for number in range(40_000))})
        wanted = [*(f"missing-{number}" for number in range(40_000)), *ids(a, b)]
        found = await documents.passages(wanted, principal=Principal(grants=grants))
        assert list(found) == ids(a, b)

    async def test_ids_are_data(self, index: Publisher, documents: Documents) -> None:
        index.publish(document("a", "w1"))
        for hostile in ("' OR 1=1 --", "%", '"; DROP TABLE passages; --', "x" * 100_000):
            assert await documents.passages([hostile], principal=ANONYMOUS) == {}

    async def test_a_replaced_passage_can_be_cited_until_it_is_collected(
        self, index: Publisher, documents: Documents, clock: ManualClock
    ) -> None:
        old = document("a", "as it was")
        index.publish(old)
        index.publish(document("a", "as it is"))
        (passage,) = (await documents.passages(ids(old), principal=ANONYMOUS)).values()
        assert passage.text == "as it was"
        clock.advance(11)
        index.registry.collect(grace_seconds=10)
        assert await documents.passages(ids(old), principal=ANONYMOUS) == {}

    async def test_a_removed_passage_can_be_cited_until_it_is_collected(
        self, index: Publisher, documents: Documents, clock: ManualClock
    ) -> None:
        a = document("a", "w1")
        index.publish(a)
        index.publish(removed=(a,))
        assert list(await documents.passages(ids(a), principal=ANONYMOUS)) == ids(a)
        clock.advance(11)
        index.registry.collect(grace_seconds=10)
        assert await documents.passages(ids(a), principal=ANONYMOUS) == {}

    async def test_withdrawn_labels_close_what_was_replaced(
        self, index: Publisher, documents: Documents
    ) -> None:
        old, new = document("a", "as it was"), document("a", "as it is", labels=("staff",))
        index.publish(old)
        index.publish(new)
        assert await documents.passages(ids(old, new), principal=ANONYMOUS) == {}
        assert list(await documents.passages(ids(old, new), principal=STAFF)) == ids(old, new)

    async def test_withdrawn_labels_close_what_was_removed(
        self, index: Publisher, documents: Documents
    ) -> None:
        a, b = document("a", "w1"), document("b", "w1")
        index.publish(a, b)
        index.registry.relabel("default", "/library", ["staff"])
        index.publish(removed=(a,))
        assert await documents.passages(ids(a), principal=ANONYMOUS) == {}
        index.registry.relabel("default", "/library", [])
        assert await documents.passages(ids(a, b), principal=STAFF) == {}

    async def test_relabelling_holds_at_once(self, index: Publisher, documents: Documents) -> None:
        a = document("a", "w1")
        index.publish(a)
        index.registry.relabel("default", "/library", ["staff"])
        assert await documents.passages(ids(a), principal=ANONYMOUS) == {}
        (passage,) = (await documents.passages(ids(a), principal=STAFF)).values()
        assert passage.labels == ("staff",)

    async def test_a_dropped_index_has_no_passages(self, index: Publisher, documents: Documents) -> None:
        a = document("a", "w1")
        index.publish(a)
        index.registry.drop("default")
        assert await documents.passages(ids(a), principal=ANONYMOUS) == {}
