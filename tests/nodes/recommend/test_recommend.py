"""The nodes of recommendation compose with those of retrieval: hits are hits."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator import ANONYMOUS, Question, fuse, workflow
from orchestrator.application.rankers import editions_of
from orchestrator.application.workflow_files import load_workflow
from orchestrator.errors import BadInput
from orchestrator.nodes import (
    ExcludeRefused,
    FindItems,
    MakeSlate,
    RecentItems,
    Recommend,
    SlateAnswer,
    UserHistory,
    rrf,
)
from orchestrator.ports import Recommender
from orchestrator.recommendation.editions.training import train
from orchestrator.recommendation.recommender import EditionRecommender
from orchestrator.testing.classic_rankers import classic_rankers
from orchestrator.testing.shop import made_up_log
from orchestrator.types import Answer, Filter, History, Principal, Slate
from tests.recommendation.stored_editions import editions_at

pytest.importorskip("scipy", reason="scipy is not installed: the extra `recommend` has it")
USER = Principal(grants=frozenset({"public"}), name="user-0003")


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> dict[type, object]:
    editions = editions_at(tmp_path_factory.mktemp("home"), classic_rankers())
    train(made_up_log(), editions, rankers=("fusion",))
    return {Recommender: EditionRecommender(editions)}


async def test_arms_and_text_search_are_fused_like_any_rankings(ports: dict[type, object]) -> None:
    both = workflow(
        "both",
        fuse(Recommend(ranker="rules") | Recommend(ranker="attributes") | FindItems(), by=rrf(60))
        >> MakeSlate(k=5),
        inputs=(Question, History),
    )
    asked = Question("comb", ANONYMOUS, filters=(Filter("brand", ("Acme", "Bolt")),))
    slate = (await both.run(asked, History(items=("soap-01", "soap-02")), ports=ports)).get(Slate)
    assert slate is not None
    assert len(slate) == 5
    assert any("+" in offer.why for offer in slate)
    assert any(offer.id.startswith("comb") for offer in slate)
    assert all(offer.title.startswith(("Acme", "Bolt")) for offer in slate)


async def test_the_shipped_workflow_recommends(ports: dict[type, object]) -> None:
    flow = load_workflow("recommend")
    slate = (await flow.run(Question("", ANONYMOUS), History("user-0003"), ports=ports)).get(Slate)
    assert slate is not None
    assert len(slate) == 10


async def test_a_history_is_who_asks_and_its_newest_items_are_hits(ports: dict[type, object]) -> None:
    newest = workflow("newest", UserHistory() >> RecentItems(last=2))
    hits = (await newest.run(Question("", USER), ports=ports)).output
    log = made_up_log()
    row = log.interactions.sequences[3]
    assert hits.ids == (log.items.ids[row[-1]], log.items.ids[row[-2]])


async def test_a_stranger_is_answered_by_the_words_alone(ports: dict[type, object]) -> None:
    flow = workflow(
        "shop",
        UserHistory()
        >> fuse(Recommend(k=50, cold=False) | FindItems(k=50), by=rrf(weights=(1.0, 2.0)))
        >> MakeSlate(k=3)
        >> SlateAnswer(),
    )
    stranger = await flow.run(Question("a Crane brush", ANONYMOUS), ports=ports)
    assert isinstance(stranger.output, Answer)
    assert stranger.output.text.startswith("1. Crane brush")
    known = await flow.run(Question("like my last order, but Crane", USER), ports=ports)
    assert "often had after" in known.output.text
    nothing = await flow.run(Question("zzz", Principal("red")), ports=ports)
    assert nothing.output.text == "Nothing was found to offer."


@pytest.mark.parametrize(
    ("said", "field", "refused"),
    [
        ("something like my last order, but not Crane", "brand", "Crane"),
        ("a comb without Acme", "brand", "Acme"),
        ("soap, not scented", "scented", "yes"),
        ("like my last order, but scented-free", "scented", "yes"),
    ],
)
async def test_what_is_refused_is_not_offered(
    ports: dict[type, object], said: str, field: str, refused: str
) -> None:
    flow = workflow(
        "shop",
        UserHistory()
        >> fuse(Recommend(k=200, cold=False) | FindItems(k=200), by=rrf(weights=(1.0, 2.0)))
        >> ExcludeRefused()
        >> MakeSlate(k=10),
    )
    slate = (await flow.run(Question(said, USER), ports=ports)).get(Slate)
    assert slate is not None
    assert len(slate) == 10
    items = {item.id: dict(item.attributes) for item in made_up_log().items.rows}
    assert refused not in {items[offer.id][field] for offer in slate}
    if "comb" in said or "soap" in said:
        assert slate.ids[0].startswith(("comb", "soap"))


async def test_what_a_wish_refuses_is_not_searched_for(ports: dict[type, object]) -> None:
    flow = workflow("found", FindItems(k=60))
    hits = (await flow.run(Question("a brush, not Crane", USER), ports=ports)).output
    plain = (await flow.run(Question("a brush", USER), ports=ports)).output
    assert hits == plain


@pytest.mark.slow
async def test_a_slate_that_explores_logs_its_propensities(ports: dict[type, object]) -> None:
    flow = workflow("explored", Recommend() >> MakeSlate(k=5, explore=0.5), inputs=(Question, History))
    runs = [
        (await flow.run(Question("", ANONYMOUS), History("user-0003"), ports=ports)).get(Slate)
        for _ in range(8)
    ]
    assert len({slate.ids for slate in runs if slate}) > 1
    assert all(0 < offer.propensity <= 1 for slate in runs if slate for offer in slate)
    capped = workflow(
        "both", Recommend() >> MakeSlate(explore=0.5, diversity=0.5), inputs=(Question, History)
    )
    with pytest.raises(BadInput, match="propensities would be wrong"):
        await capped.run(Question("", ANONYMOUS), History("user-0003"), ports=ports)


@pytest.mark.slow
async def test_the_shop_is_a_chat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestrator import Application
    from orchestrator.application.exposure import exposed
    from orchestrator.settings import Settings

    monkeypatch.chdir(tmp_path)
    async with Application(Settings(home=tmp_path, embedder="light")) as app:
        train(made_up_log(), editions_of(app.container), rankers=("fusion",))
        flow = exposed(app.workflow("shop")).answering
        result = await app.run(flow, Question("something like my last order, but Crane", USER))
        refused = await app.run(flow, Question("something like my last order, but not Crane", USER))
    assert "Crane" in result.output.text.splitlines()[0]
    offered = [line.partition("—")[0] for line in refused.output.text.splitlines()]
    assert len(offered) == 10
    assert not any("Crane" in one for one in offered)
