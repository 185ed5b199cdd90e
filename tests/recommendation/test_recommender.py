"""The recommender of published editions: access, filters, oddities of histories, versions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import BadInput, StoreError
from orchestrator.interactions.items import Item, Items
from orchestrator.interactions.log_files import Log
from orchestrator.interactions.sequences import Interactions, Sequences
from orchestrator.nodes.recommend.recommendations import recommendations
from orchestrator.ports import Recommender
from orchestrator.recommendation.editions.editions import Editions
from orchestrator.recommendation.editions.training import train
from orchestrator.recommendation.item_documents import WithItems
from orchestrator.recommendation.recommender import EditionRecommender
from orchestrator.testing.classic_rankers import classic_rankers
from orchestrator.testing.shop import made_up_log
from orchestrator.types import ANONYMOUS, NOBODY, Filter, History, Hits, Principal, Question, Slate
from tests.recommendation.stored_editions import editions_at

pytest.importorskip("scipy", reason="scipy is not installed: the extra `recommend` has it")
REGISTRY = classic_rankers()
STAFF = Principal(grants=frozenset({"staff"}), name="sam")


@pytest.fixture(scope="module")
def editions(tmp_path_factory: pytest.TempPathFactory) -> Editions:
    editions = editions_at(tmp_path_factory.mktemp("home") / "recommendations", REGISTRY)
    train(made_up_log(), editions, rankers=("fusion", "rules"))
    return editions


@pytest.fixture(scope="module")
def recommender(editions: Editions) -> EditionRecommender:
    return EditionRecommender(editions)


async def one(recommender: EditionRecommender, history: History, **options: object) -> Hits:
    options = {"principal": ANONYMOUS, **options}
    (hits,) = await recommender.recommend([history], **options)  # type: ignore[arg-type]
    return hits


async def slate_for(
    recommender: Recommender, history: History, *, principal: Principal, **bounds: Any
) -> Slate:
    """The slate of a run."""
    question = Question("", principal)
    result = await recommendations(**bounds).run(question, history, ports={Recommender: recommender})
    return result.output


@pytest.mark.slow
async def test_a_known_user_is_offered_what_comes_next(recommender: EditionRecommender) -> None:
    log = made_up_log()
    slate = await slate_for(recommender, History("user-0003"), principal=ANONYMOUS, k=5)
    had = {log.items.ids[number] for number in log.interactions.sequences[3]}
    assert len(slate) == 5
    assert not had & set(slate.ids)
    assert slate.notes == ()
    assert all(offer.title for offer in slate)
    assert any(offer.reason.startswith("often had after") for offer in slate)


async def test_a_batch_ranks_as_each_alone(recommender: EditionRecommender) -> None:
    histories = [History("user-0001"), History(items=("soap-01", "soap-02")), History()]
    together = await recommender.recommend(histories, principal=ANONYMOUS, k=5)
    assert together == [await one(recommender, history, k=5) for history in histories]


async def test_a_session_continues_a_users_history(recommender: EditionRecommender) -> None:
    known = await recommender.known(History("user-0001", ("soap-01",)), principal=ANONYMOUS)
    assert known.items[-1] == "soap-01"
    assert len(known.items) > 1


@pytest.mark.parametrize(
    ("history", "said"),
    [
        (History("nobody-knows"), "The user 'nobody-knows' is not known"),
        (History(items=("gone", "soap-01")), "Not in the catalogue, and passed over: gone."),
        (History(), "The history is empty"),
    ],
)
async def test_what_is_not_known_is_said_and_something_is_offered(
    recommender: EditionRecommender, history: History, said: str
) -> None:
    slate = await slate_for(recommender, history, principal=ANONYMOUS, k=5)
    known = await recommender.known(history, principal=ANONYMOUS)
    assert len(slate) == 5
    assert any(note.startswith(said) for note in known.notes)


async def test_one_item_five_hundred_times_is_one_item(recommender: EditionRecommender) -> None:
    hits = await one(recommender, History(items=("soap-01",) * 500), k=3)
    assert len(hits) == 3
    assert "soap-01" not in hits.ids
    history = History(items=("soap-01",) * 500)
    repeated = await one(recommender, history, k=60, repeat=True, ranker="fusion")
    assert "soap-01" in repeated.ids


async def test_filters_and_exclusions_are_part_of_the_ranking(recommender: EditionRecommender) -> None:
    history = History(items=("soap-01", "soap-02"))
    combs = await one(recommender, history, k=60, filters=[Filter("family", ("comb",))])
    assert {one.split("-")[0] for one in combs.ids} == {"comb"}
    without = await one(recommender, history, k=60, exclude=combs.ids)
    assert not set(combs.ids) & set(without.ids)
    everything = made_up_log().items.ids
    slate = await slate_for(recommender, history, principal=ANONYMOUS, exclude=everything)
    assert slate.ids == ()
    assert "Nothing is left to offer" in slate.notes[-1]
    with pytest.raises(BadInput, match="No item has a field 'colour'") as caught:
        await one(recommender, history, filters=[Filter("colour", ("red",))])
    assert "brand, family, scented" in caught.value.hint


async def test_an_arm_that_was_not_trained_is_named(recommender: EditionRecommender) -> None:
    with pytest.raises(BadInput, match="'sasrec' is not trained"):
        await one(recommender, History("user-0001"), ranker="sasrec")


async def test_any_arm_answers_if_it_is_the_only_one(tmp_path: Path) -> None:
    editions = editions_at(tmp_path, REGISTRY)
    assert train(made_up_log(), editions, rankers=("attributes",)).rankers == ("attributes",)
    assert len(await one(EditionRecommender(editions), History(items=("soap-01",)), k=3)) == 3


async def test_text_finds_items(recommender: EditionRecommender) -> None:
    hits = await recommender.find("something like a Bolt comb please", principal=ANONYMOUS, k=3)
    items = await recommender.items(hits.ids, principal=ANONYMOUS)
    assert {("brand", "Bolt"), ("family", "comb")} <= set(items[hits.ids[0]].attributes)
    assert await recommender.find("zzz the of", principal=ANONYMOUS) == Hits()


async def test_diversity_and_caps(recommender: EditionRecommender) -> None:
    history = History(items=("soap-01", "soap-02", "soap-03"))
    capped = await slate_for(recommender, history, principal=ANONYMOUS, k=6, at_most=[("family", 1)])
    families = [one.split("-")[0] for one in capped.ids]
    assert len(families) == len(set(families)) == 6
    plain = await slate_for(recommender, history, principal=ANONYMOUS, k=6)
    varied = await slate_for(recommender, history, principal=ANONYMOUS, k=6, diversity=0.7)
    assert varied.ids[0] == plain.ids[0]
    assert len({one.split("-")[0] for one in varied.ids}) > len({one.split("-")[0] for one in plain.ids})


def folders(path: Path) -> set[str]:
    return {each.name for each in path.glob("[!.]*") if each.is_dir()}


def restricted() -> Log:
    log = made_up_log()
    rows = [
        Item(
            item.id,
            item.title,
            item.attributes,
            tenant="red" if item.id.startswith("towel") else "default",
            labels=("staff",) if item.id.startswith("comb") else ("public",),
        )
        for item in log.items.rows
    ]
    return Log(Items.of(rows), log.interactions)


@pytest.mark.slow
async def test_an_item_that_may_not_be_seen_is_in_no_answer_and_no_reason(tmp_path: Path) -> None:
    editions = editions_at(tmp_path, REGISTRY)
    train(restricted(), editions, rankers=("fusion",))
    recommender = EditionRecommender(editions)
    history = History(items=("comb-01", "comb-02", "towel-01", "soap-01"))

    async def seen(principal: Principal) -> set[str]:
        (hits,) = await recommender.recommend([history], principal=principal, k=100, repeat=True)
        found = await recommender.find("number comb soap towel", principal=principal, k=100)
        items = await recommender.items(restricted().items.ids, principal=principal)
        reasons = await recommender.reasons(history, restricted().items.ids, principal=principal)
        known = await recommender.known(history, principal=principal)
        assert set(hits.ids) | set(found.ids) | set(reasons) | set(known.items) <= set(items)
        for reason in reasons.values():
            assert not any(
                item.title and item.title in reason
                for item in restricted().items.rows
                if item.id not in items
            )
        return {one.split("-")[0] for one in items}

    assert await seen(NOBODY) == set()
    assert await seen(ANONYMOUS) == {"soap", "cream", "brush", "scent"}
    assert await seen(STAFF) == {"comb"}
    assert await seen(Principal("red", frozenset({"public"}))) == {"towel"}
    hidden = await recommender.known(History(items=("comb-01",)), principal=ANONYMOUS)
    absent = await recommender.known(History(items=("nothing",)), principal=ANONYMOUS)
    assert hidden.notes == (absent.notes[0].replace("nothing", "comb-01"),)


async def test_a_withdrawn_item_leaves_at_once_and_a_new_edition_is_taken_up(tmp_path: Path) -> None:
    editions = editions_at(tmp_path, REGISTRY)
    log = made_up_log()
    train(log, editions, rankers=("popularity",))
    recommender = EditionRecommender(editions)
    before = recommender.version
    best = (await one(recommender, History(), k=1)).ids[0]
    editions.withdraw([best])
    assert recommender.version != before
    assert best not in (await one(recommender, History(), k=60)).ids
    assert await recommender.items([best], principal=ANONYMOUS) == {}
    name = train(log, editions, rankers=("rules",)).edition
    assert name == "version-2"
    assert (await one(recommender, History(items=("soap-01",)), k=1)).hits[0].why == "rules"
    for _ in range(3):
        train(log, editions, rankers=("rules",))
    assert folders(tmp_path) == {"version-4", "version-5"}


async def test_a_withdrawal_reads_no_item_again(tmp_path: Path) -> None:
    editions = editions_at(tmp_path, REGISTRY)
    train(made_up_log(), editions, rankers=("rules",))
    recommender = EditionRecommender(editions)
    history = History(items=("soap-01",))
    assert await recommender.reasons(history, ["soap-02"], principal=ANONYMOUS)
    before = recommender._open().read.paths
    editions.withdraw(["soap-02"])
    assert await recommender.reasons(history, ["soap-02"], principal=ANONYMOUS) == {}
    assert recommender._open().read.paths is before


async def test_nothing_trained_and_a_broken_edition_are_one_sentence(tmp_path: Path) -> None:
    editions = editions_at(tmp_path, REGISTRY)
    with pytest.raises(BadInput, match="Nothing was trained yet"):
        await one(EditionRecommender(editions), History())
    train(made_up_log(), editions, rankers=("popularity",))
    folder = tmp_path / "version-1"
    items = (folder / "items.jsonl").read_text()
    (folder / "items.jsonl").write_text(items.replace("soap-01", "soap-99"))
    with pytest.raises(BadInput, match="another catalogue"):
        editions.open()
    (folder / "items.jsonl").write_text("{")
    with pytest.raises(StoreError, match="cannot be read"):
        editions.open()
    (folder / "manifest.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(BadInput, match="format 99"):
        editions.open()


async def test_an_edition_of_an_earlier_release_says_how_to_train_anew(tmp_path: Path) -> None:
    editions = editions_at(tmp_path, REGISTRY)
    train(made_up_log(), editions, rankers=("popularity",))
    folder = tmp_path / "version-1"
    (folder / "popularity" / "ranker.json").rename(folder / "popularity" / "arm.json")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest = {**manifest, "format": 1, "arms": manifest.pop("rankers")}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BadInput, match="format 1, and this release reads 2") as refused:
        await one(EditionRecommender(editions), History())
    assert "orchestrator recommend train" in refused.value.hint
    train(made_up_log(), editions, rankers=("popularity",))
    assert (await one(EditionRecommender(editions), History())).hits


@pytest.mark.slow
async def test_an_interrupted_training_leaves_what_is_in_use(tmp_path: Path) -> None:
    editions = editions_at(tmp_path, REGISTRY)
    log = made_up_log()
    train(log, editions, rankers=("popularity",))

    class Killed(Exception):
        pass

    def kill(name: str) -> None:
        if name == "rules":
            raise Killed

    with pytest.raises(Killed):
        train(log, editions, rankers=("rules", "fusion"), finished=kill)
    assert editions.current() == "version-1"
    assert set(editions.open().rankers) == {"popularity"}
    assert train(log, editions, rankers=("rules", "fusion")).edition == "version-2"
    assert folders(tmp_path) == {"version-1", "version-2"}


async def test_rerankers_read_items_as_they_read_passages(recommender: EditionRecommender) -> None:
    class Nothing:
        async def passages(self, ids: object, *, principal: Principal) -> dict[str, object]:
            return {}

    documents = WithItems(Nothing(), lambda: recommender)  # type: ignore[arg-type]
    found = await documents.passages(["soap-01", "nothing", "comb-02"], principal=ANONYMOUS)
    assert list(found) == ["soap-01", "comb-02"]
    assert found["soap-01"].title == "Bolt soap number 1"
    assert "Bolt" in found["soap-01"].text
    assert await documents.passages(["soap-01"], principal=NOBODY) == {}


@pytest.mark.slow
async def test_a_catalogue_without_text_is_recommended_by_interactions(tmp_path: Path) -> None:
    log = made_up_log()
    bare = Log(Items.of(Item(one) for one in log.items.ids), log.interactions)
    editions = editions_at(tmp_path, REGISTRY)
    train(bare, editions, rankers=("fusion",))
    slate = await slate_for(EditionRecommender(editions), History("user-0003"), principal=ANONYMOUS, k=5)
    assert len(slate) == 5


async def test_a_log_of_very_few_still_trains(tmp_path: Path) -> None:
    log = Log(Items.of([Item("a"), Item("b")]), Interactions(("u", "v"), Sequences.of([[0, 1], []])))
    editions = editions_at(tmp_path, REGISTRY)
    train(log, editions)
    hits = await one(EditionRecommender(editions), History("v"), k=5)
    assert set(hits.ids) == {"a", "b"}
