"""Conformance tests of the `Features` port, above all of access control."""

from __future__ import annotations

import pytest

from orchestrator.ports import Features
from orchestrator.testing.publisher import Publisher
from orchestrator.testing.rows import document, ids
from orchestrator.types import ANONYMOUS, NOBODY, Principal

STAFF = Principal(grants=frozenset({"staff", "public"}), name="sam")


@pytest.mark.asyncio
class FeaturesConformance:
    """Subclass it with fixtures `index`, a Publisher of an empty index `default`, and its `features`."""

    @pytest.fixture
    def index(self) -> Publisher:
        """What fills the index."""
        raise NotImplementedError

    @pytest.fixture
    def features(self, index: Publisher) -> Features:
        """The store under test."""
        raise NotImplementedError

    async def test_what_was_kept_is_read_in_the_order_of_the_ids(
        self, index: Publisher, features: Features
    ) -> None:
        a, b = document("a", "one", "two"), document("b", "three")
        index.publish(a, b)
        first, second, third = *ids(a), *ids(b)
        assert await features.keep("keyphrases", {first: "1", third: "3"}) == 2
        assert await features.keep("entities", {first: "one, O'Neil"}) == 1
        found = await features.read(
            [third, "missing", second, first, third], "keyphrases", principal=ANONYMOUS
        )
        assert list(found.items()) == [(third, "3"), (first, "1")]
        assert await features.read([first], "entities", principal=ANONYMOUS) == {first: "one, O'Neil"}
        assert await features.read([first], "summary", principal=ANONYMOUS) == {}
        assert await features.read([], "entities", principal=ANONYMOUS) == {}

    async def test_a_feature_that_is_made_again_replaces_the_old_one(
        self, index: Publisher, features: Features
    ) -> None:
        a = document("a", "one")
        index.publish(a)
        for text in ("old", "new"):
            assert await features.keep("summary", {ids(a)[0]: text}) == 1
        assert await features.read(ids(a), "summary", principal=ANONYMOUS) == {ids(a)[0]: "new"}

    async def test_missing_are_those_without_the_kind_by_rising_id(
        self, index: Publisher, features: Features
    ) -> None:
        a = document("a", "one", "two", "three")
        index.publish(a)
        wanted = sorted(ids(a))
        assert [each.id for each in await features.missing("keyphrases")] == wanted
        by_id = {each.id: each for each in await features.missing("keyphrases")}
        assert {by_id[one].text for one in wanted} == {"one", "two", "three"}
        assert {each.title for each in by_id.values()} == {"About a"}
        assert {each.tenant for each in by_id.values()} == {ANONYMOUS.tenant}
        await features.keep("keyphrases", {wanted[1]: ""})
        assert [each.id for each in await features.missing("keyphrases")] == [wanted[0], wanted[2]]
        assert [each.id for each in await features.missing("keyphrases", after=wanted[0])] == [wanted[2]]
        assert [each.id for each in await features.missing("keyphrases", limit=1)] == [wanted[0]]
        assert len(await features.missing("summary")) == 3

    async def test_who_may_not_read_a_passage_reads_none_of_its_features(
        self, index: Publisher, features: Features
    ) -> None:
        a = document("a", "one", labels=("staff",))
        index.publish(a)
        await features.keep("summary", {ids(a)[0]: "secret"})
        assert await features.read(ids(a), "summary", principal=STAFF) == {ids(a)[0]: "secret"}
        for other in (ANONYMOUS, NOBODY, Principal("another", frozenset({"staff"}))):
            assert await features.read(ids(a), "summary", principal=other) == {}

    async def test_features_of_passages_that_are_gone_are_not_kept(
        self, index: Publisher, features: Features
    ) -> None:
        a = document("a", "one")
        index.publish(a)
        assert await features.keep("summary", {"no-such-passage": "x", ids(a)[0]: "y"}) == 1
        changed = document("a", "another")
        index.publish(changed)
        assert await features.read(ids(changed), "summary", principal=ANONYMOUS) == {}
        assert [each.id for each in await features.missing("summary")] == list(ids(changed))
