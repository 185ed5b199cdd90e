"""What every `Recommender` must do, and above all what it must not show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.interactions.items import Items
from orchestrator.interactions.log_files import Log
from orchestrator.ports import Recommender
from orchestrator.testing.shop import made_up_log
from orchestrator.types import ANONYMOUS, NOBODY, Filter, History, Hits, Principal

STAFF = Principal(grants=frozenset({"public", "staff"}), name="sam")
RED = replace(ANONYMOUS, tenant="red")
#: Items that the public may not see, and one of another tenant; users had all of them.
CLOSED, FOREIGN = ("soap-04", "comb-07"), "soap-06"
HAD = History(items=("soap-01", "soap-02"))


def shop_with_access() -> Log:
    """The catalogue and the log that the recommender under test is made of."""
    log = made_up_log()
    rows = (
        replace(item, labels=("staff",))
        if item.id in CLOSED
        else replace(item, tenant="red")
        if item.id == FOREIGN
        else item
        for item in log.items.rows
    )
    return replace(log, items=Items.of(rows))


def visible(principal: Principal) -> set[str]:
    """The items that a principal may see."""
    return {
        item.id
        for item in shop_with_access().items.rows
        if item.tenant == principal.tenant and principal.grants & set(item.labels)
    }


async def one(recommender: Recommender, history: History = HAD, **options: Any) -> Hits:
    """The ranking of a single history."""
    asked: dict[str, Any] = {"principal": ANONYMOUS, **options}
    (hits,) = await recommender.recommend([history], **asked)
    return hits


@pytest.mark.asyncio
class RecommenderConformance:
    """Subclass it with a fixture `recommender`, made of `shop_with_access`."""

    @pytest.fixture
    def recommender(self) -> Recommender:
        """The recommender under test."""
        raise NotImplementedError

    async def test_a_ranking_has_new_items_by_falling_score(self, recommender: Recommender) -> None:
        hits = await one(recommender, k=8)
        assert len(hits) == len(set(hits.ids)) == 8
        assert not {"soap-01", "soap-02"} & set(hits.ids)
        scores = [hit.score for hit in hits]
        assert scores == sorted(scores, reverse=True)
        assert await one(recommender, k=0) == Hits()

    async def test_a_batch_ranks_as_each_alone(self, recommender: Recommender) -> None:
        histories = [HAD, History("user-0001"), History(), History("nobody-knows")]
        together = await recommender.recommend(histories, principal=ANONYMOUS, k=5)
        assert together == [await one(recommender, history, k=5) for history in histories]
        assert await recommender.recommend([], principal=ANONYMOUS) == []

    async def test_who_is_unknown_gets_what_is_popular(self, recommender: Recommender) -> None:
        popular = await one(recommender, History(), k=5)
        assert len(popular) == 5
        for history in (History("nobody-knows"), History(items=("no-such-item",))):
            assert (await one(recommender, history, k=5)).ids == popular.ids

    async def test_items_of_the_history_come_back_if_they_may(self, recommender: Recommender) -> None:
        everything = await one(recommender, k=100, repeat=True, fill=True)
        assert set(everything.ids) == visible(ANONYMOUS)
        new = await one(recommender, k=100, fill=True)
        assert set(new.ids) == visible(ANONYMOUS) - {"soap-01", "soap-02"}

    async def test_filters_and_exclusions_hold_before_the_best_are_taken(
        self, recommender: Recommender
    ) -> None:
        combs = await one(recommender, k=5, fill=True, filters=[Filter("family", ("comb",))])
        assert len(combs) == 5
        assert {name.partition("-")[0] for name in combs.ids} == {"comb"}
        others = await one(recommender, k=5, fill=True, exclude=combs.ids)
        assert len(others) == 5
        assert not set(others.ids) & set(combs.ids)
        narrow = [Filter("family", ("comb", "soap")), Filter("brand", ("Acme",))]
        found = await recommender.items(
            (await one(recommender, k=20, fill=True, filters=narrow)).ids, principal=ANONYMOUS
        )
        assert found
        for item in found.values():
            assert dict(item.attributes)["brand"] == "Acme"
            assert dict(item.attributes)["family"] in ("comb", "soap")
        assert await one(recommender, filters=[Filter("family", ())]) == Hits()

    async def test_at_most_so_many_share_a_value(self, recommender: Recommender) -> None:
        hits = await one(recommender, k=6, fill=True, at_most=[("family", 2)])
        assert len(hits) == 6
        assert max(Counter(name.partition("-")[0] for name in hits.ids).values()) <= 2

    async def test_nobody_sees_anything(self, recommender: Recommender) -> None:
        for principal in (NOBODY, Principal(grants=frozenset({"", "*", "PUBLIC"}))):
            await self.sees(recommender, principal, set())

    async def test_everybody_sees_the_items_that_are_theirs(self, recommender: Recommender) -> None:
        for principal in (ANONYMOUS, STAFF, RED):
            await self.sees(recommender, principal, visible(principal))

    async def sees(self, recommender: Recommender, principal: Principal, mine: set[str]) -> None:
        """Assert that a principal is shown these items alone, whichever way it asks."""
        everything = [item.id for item in shop_with_access().items.rows]
        options: dict[str, Any] = {"principal": principal, "k": 100, "fill": True, "repeat": True}
        assert set((await one(recommender, **options)).ids) == mine
        assert set(await recommender.items(everything, principal=principal)) == mine
        assert set((await recommender.find("number", principal=principal, k=100)).ids) == mine
        known = await recommender.known(History(items=tuple(everything)), principal=principal)
        assert set(known.items) == mine
        whole = History(items=tuple(everything))
        assert set(await recommender.reasons(whole, everything, principal=principal)) <= mine
        alike = await recommender.alike(everything, principal=principal)
        assert alike.shape == (len(everything), len(everything))
        for at, name in enumerate(everything):
            if name not in mine:
                assert not alike[at].any()
                assert not alike[:, at].any()

    async def test_what_is_hidden_is_as_what_is_not_there(self, recommender: Recommender) -> None:
        for hidden in (*CLOSED, FOREIGN):
            theirs = History(items=("soap-01", hidden))
            absent = History(items=("soap-01", "no-such-item"))
            assert await one(recommender, theirs) == await one(recommender, absent)
            assert await self.notes(recommender, theirs) == [
                note.replace("no-such-item", hidden) for note in await self.notes(recommender, absent)
            ]
            found = (await one(recommender, theirs, k=5)).ids
            told = await recommender.reasons(theirs, found, principal=ANONYMOUS)
            assert told == await recommender.reasons(History(items=("soap-01",)), found, principal=ANONYMOUS)

    async def notes(self, recommender: Recommender, history: History) -> Sequence[str]:
        """What is said of a history."""
        return list((await recommender.known(history, principal=ANONYMOUS)).notes)

    async def test_what_a_history_counts_is_told(self, recommender: Recommender) -> None:
        known = await recommender.known(History(items=("soap-01", "no-such-item")), principal=ANONYMOUS)
        assert known.items == ("soap-01",)
        assert any("no-such-item" in note for note in known.notes)
        continued = await recommender.known(History("user-0001", ("soap-01",)), principal=ANONYMOUS)
        assert continued.items[-1] == "soap-01"
        assert len(continued.items) > 1

    async def test_items_are_found_by_their_words(self, recommender: Recommender) -> None:
        hits = await recommender.find("Acme comb", principal=ANONYMOUS, k=3)
        assert hits.ids
        assert all(name.startswith("comb") for name in hits.ids)
        filtered = await recommender.find(
            "Acme", principal=ANONYMOUS, k=50, filters=[Filter("family", ("soap",))]
        )
        assert {name.partition("-")[0] for name in filtered.ids} == {"soap"}
        assert await recommender.find("qwertz", principal=ANONYMOUS) == Hits()

    async def test_items_come_in_the_order_in_which_they_are_asked(self, recommender: Recommender) -> None:
        found = await recommender.items(["towel-03", "no-such-item", "comb-01"], principal=ANONYMOUS)
        assert list(found) == ["towel-03", "comb-01"]
        assert found["comb-01"].title == "Bolt comb number 1"

    async def test_an_item_is_most_like_itself(self, recommender: Recommender) -> None:
        alike = await recommender.alike(["soap-00", "soap-03", "towel-01"], principal=ANONYMOUS)
        assert alike == pytest.approx(alike.T, abs=1e-5)
        assert alike.diagonal() == pytest.approx([1.0] * 3, abs=1e-5)
        assert alike[0, 1] > alike[0, 2]

    async def test_the_version_changes_only_with_what_is_published(self, recommender: Recommender) -> None:
        before = recommender.version
        await one(recommender)
        assert before == recommender.version
