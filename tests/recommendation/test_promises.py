"""What the recommender promises: strangers get what is popular, reasons are true, slates are full."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.errors import StoreError
from orchestrator.interactions.items import Item, Items
from orchestrator.interactions.log_files import Log, read_log
from orchestrator.interactions.protocol import leave_one_out
from orchestrator.interactions.sequences import Interactions, Sequences
from orchestrator.nodes.recommend.recommendations import recommendations
from orchestrator.ports import Ranker, Ranking, Recommender, Training
from orchestrator.recommendation.editions.refresh import refresh
from orchestrator.recommendation.editions.training import train
from orchestrator.recommendation.rankers.newcomers import learn_half_life, recent_popularity
from orchestrator.recommendation.rankers.paths import FEW, OFTEN, SHARE, Paths
from orchestrator.recommendation.rankers.registry import RANKERS, default_of
from orchestrator.recommendation.rankers.tuning import quality
from orchestrator.recommendation.rankers.validation import Validation, validate
from orchestrator.recommendation.recommender import EditionRecommender
from orchestrator.recommendation.selection import nothing
from orchestrator.testing.classic_rankers import classic_rankers
from orchestrator.testing.ranker import moved
from orchestrator.testing.shop import made_up_log, write_shop
from orchestrator.types import ANONYMOUS, Filter, History, Question, Slate
from tests.quick_selection import examples
from tests.recommendation.stored_editions import editions_at

pytest.importorskip("scipy", reason="scipy is not installed: the extra `recommend` has it")
REGISTRY = classic_rankers()
EVERY = (*RANKERS, "complements", "interests", "paths")


def skewed_log() -> Log:
    """A shop in which what everybody had first is not had again: next items are the unpopular ones."""
    log = made_up_log(400)
    random = np.random.default_rng(0)
    rows = [[int(random.integers(6)) * 10, *map(int, row)] for row in log.interactions.sequences]
    rows = [list(dict.fromkeys(row)) for row in rows]
    times = np.concatenate([np.arange(len(row)) * 60.0 + at * 10.0 for at, row in enumerate(rows)])
    sequences = Sequences.of(rows)
    timed = Sequences(sequences.offsets, sequences.items, times)
    return Log(log.items, Interactions(log.interactions.users, timed))


@pytest.fixture(scope="module")
def recommender(tmp_path_factory: pytest.TempPathFactory) -> EditionRecommender:
    editions = editions_at(tmp_path_factory.mktemp("home") / "recommendations", REGISTRY)
    train(skewed_log(), editions, rankers=EVERY)
    return EditionRecommender(editions)


async def offered(
    recommender: EditionRecommender, history: History, *, filters: tuple[Filter, ...] = (), **settings: Any
) -> Slate:
    """What `recommend top` and `POST /v1/recommendations` show."""
    asked = Question("", ANONYMOUS, filters=filters)
    done = await recommendations(**settings).run(asked, history, ports={Recommender: recommender})
    assert isinstance(done.output, Slate)
    return done.output


@pytest.mark.slow
@pytest.mark.parametrize("ranker", ["", *(name for name in EVERY if name in REGISTRY.trainers)])
@pytest.mark.parametrize("history", [History(), History("nobody"), History(items=("gone",))])
async def test_strangers_get_what_is_popular_from_every_ranker(
    recommender: EditionRecommender, ranker: str, history: History
) -> None:
    if ranker and ranker not in recommender.editions.open().rankers:
        pytest.skip(f"{ranker} is not installed")
    (hits,) = await recommender.recommend([history], principal=ANONYMOUS, k=10, ranker=ranker)
    log = skewed_log()
    edition = recommender.editions.open()
    popular = recent_popularity(log.interactions.sequences, len(log.items), edition.half_life)
    best = popular.top(Sequences.of([[]]), k=10).items[0]
    assert hits.ids == tuple(log.items.ids[number] for number in best)
    assert {hit.why for hit in hits} == {"popularity"}
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.slow
async def test_a_stranger_is_told_what_is_shown_and_somebody_known_is_not(
    recommender: EditionRecommender,
) -> None:
    stranger = await offered(recommender, History("nobody"), k=5)
    assert stranger.notes == ("The user 'nobody' is not known.", "What is popular is shown.")
    partly = await offered(recommender, History("nobody", ("soap-01",)), k=5)
    assert partly.notes == ("The user 'nobody' is not known.",)
    assert all(offer.why != "popularity" for offer in partly)


def test_what_was_had_lately_counts_more_if_validation_says_so() -> None:
    # Half a year everybody had the first items, since then the last ones.
    old, new = (
        [[at % 3, (at + 1) % 3, 3] for at in range(60)],
        [[7 + (at + turn) % 3 for turn in range(3)] for at in range(30)],
    )
    rows = Sequences.of([*old, *new])
    times = np.concatenate([np.repeat(np.arange(60.0), 3), np.repeat(np.arange(1000.0, 1030.0), 3)])
    sequences = Sequences(rows.offsets, rows.items, times)
    known, chosen = leave_one_out(sequences)
    late = chosen.take(np.arange(60, 90))
    half_life = learn_half_life(known, late, 10)
    assert half_life is not None
    assert recent_popularity(sequences, 10, half_life).top(Sequences.of([[]]), k=3).items[0][0] >= 7
    plain = recent_popularity(sequences, 10, None)
    assert plain.top(Sequences.of([[]]), k=1).items[0][0] == 3
    assert learn_half_life(rows, chosen, 10) is None, "without times there is no recency"


def test_a_user_counts_once_however_often_it_had_an_item() -> None:
    rows = Sequences.of([[0, 1, 0, 1, 0], [2], [2]])
    timed = Sequences(rows.offsets, rows.items, np.asarray([0.0, 1.0, 2.0, 3.0, 8.0, 8.0, 8.0]))
    assert recent_popularity(timed, 4, 5.0).counts.tolist() == [1.0, 0.5, 2.0, 0.0]


histories = st.lists(st.lists(st.integers(0, 7), max_size=7), min_size=1, max_size=40)
TEXTS = ("rose soap", "rose soap", "mint", "oak", "ash", "", "", "rose comb")


@settings(max_examples=examples(150))
@given(histories, st.lists(st.integers(0, 7), min_size=1, max_size=6), st.integers(1, 12))
def test_every_reason_is_what_the_log_says(rows: list[list[int]], history: list[int], times: int) -> None:
    items = Items.of(
        Item(f"{at}", text, (("kind", text.split()[0]),) if text else ()) for at, text in enumerate(TEXTS)
    )
    rows = [*rows, *[[5, 6]] * times]
    reasons = Paths.of(items, Sequences.of(rows)).to(history, range(8))
    names = {item.title or item.id: [] for item in items.rows}
    for number, item in enumerate(items.rows):
        names[item.title or item.id].append(number)

    def after(source: int, target: int) -> int:
        return sum(
            source in row and target in row[row.index(source) + 1 :] for row in rows if source != target
        )

    for target, reason in reasons.items():
        if found := re.fullmatch("often had after (.+)", reason):
            assert any(
                source in history
                and after(source, target) >= max(OFTEN, SHARE * sum(source in row for row in rows))
                and after(source, target) > after(target, source)
                for source in names[found[1]]
            )
        elif found := re.fullmatch(r"had by (\d+) who had (.+)", reason):
            assert any(
                source in history
                and sum(source in row and target in row for row in rows) == int(found[1]) >= FEW
                for source in names[found[2]]
                if source != target
            )
        else:
            found = re.fullmatch("kind (.+), as (.+)", reason)
            assert found
            assert ("kind", found[1]) in items[target].attributes
            assert any(source in history and source != target for source in names[found[2]])


async def test_a_reason_that_rests_on_one_user_or_points_back_is_not_told(tmp_path: Path) -> None:
    rows = Sequences.of([[0, 1]] * 9 + [[2, 3]] + [[5, 4]] * 6 + [[4, 5]] * 2)
    items = Items.of(Item(f"{at}") for at in range(6))
    reasons = Paths.of(items, rows).to
    assert reasons([0], [1]) == {1: "often had after 0"}
    assert reasons([1], [0]) == {0: "had by 9 who had 1"}
    assert reasons([2], [3]) == {}
    assert reasons([4], [5]) == {5: "had by 8 who had 4"}


def many_of_one_kind() -> Log:
    """A log in which nearly all that anybody has next is of one genre."""
    items = [
        Item(f"i{at:03}", f"Book number {at}", (("genre", "crime" if at < 80 else f"g{at}"),))
        for at in range(92)
    ]
    random = np.random.default_rng(1)
    rows = [list(map(int, random.choice(80, size=6, replace=False))) for _ in range(200)]
    rows += [[at, at + 1] for at in range(80, 91)]
    return Log(
        Items.of(items), Interactions(tuple(f"u{at:03}" for at in range(len(rows))), Sequences.of(rows))
    )


@pytest.fixture(scope="module")
def crime(tmp_path_factory: pytest.TempPathFactory) -> EditionRecommender:
    editions = editions_at(tmp_path_factory.mktemp("home") / "recommendations", REGISTRY)
    train(many_of_one_kind(), editions, rankers=("fusion",))
    return EditionRecommender(editions)


@pytest.mark.parametrize("ranker", ["", "rules", "attributes"])
async def test_a_capped_slate_is_filled_as_far_as_there_are_items(
    crime: EditionRecommender, ranker: str
) -> None:
    history = History(items=("i001", "i002"))

    async def slate(k: int, **options: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
        made = await offered(crime, history, k=k, ranker=ranker, at_most=[("genre", 1)], **options)
        return made.ids, made.notes

    ids, notes = await slate(10)
    assert len(ids) == 10
    assert not any("are filled" in note for note in notes)
    ids, notes = await slate(20)
    assert len(ids) == 13, "there are thirteen genres"
    assert any(note.startswith("13 of 20 places are filled: no more") and "genre" in note for note in notes)
    ids, _ = await slate(10, diversity=0.5)
    assert len(ids) == 10
    ids, notes = await slate(10, filters=(Filter("genre", ("g80", "g81")),))
    assert (len(ids), notes[-1][:30]) == (2, "2 of 10 places are filled: no ")


async def test_a_short_ranking_is_filled_with_what_is_popular_and_says_so(crime: EditionRecommender) -> None:
    history = History(items=("i080",))
    (bare,) = await crime.recommend([history], principal=ANONYMOUS, k=10, ranker="rules")
    assert 0 < len(bare) < 10
    (whole,) = await crime.recommend([history], principal=ANONYMOUS, k=10, ranker="rules", fill=True)
    assert len(whole) == 10
    assert whole.top(len(bare)) == bare
    assert {hit.why for hit in whole.hits[len(bare) :]} == {"popularity"}
    assert "i080" not in whole.ids
    scores = [hit.score for hit in whole]
    assert scores == sorted(scores, reverse=True)
    slate = await offered(crime, history, k=10, ranker="rules")
    assert slate.notes == (
        f"{10 - len(bare)} of 10 places hold what is popular: the ranker has no more to say.",
    )


@pytest.mark.slow
async def test_the_default_is_what_validation_says_is_best_and_the_edition_records_it(tmp_path: Path) -> None:
    editions = editions_at(tmp_path, REGISTRY)
    train(made_up_log(), editions, rankers=("popularity", "attributes", "rules", "fusion"))
    edition = editions.open()
    figures = {name: each.ndcg for name, each in edition.validation.items()}
    assert set(figures) == set(edition.rankers)
    assert all(each.users == 240 for each in edition.validation.values())
    assert edition.default == max(figures, key=figures.__getitem__)
    assert figures["popularity"] < figures["rules"]
    _, manifest = editions.catalogue()
    assert manifest["default"] == edition.default
    (hits,) = await EditionRecommender(editions).recommend(
        [History(items=("soap-01",))], principal=ANONYMOUS, k=1
    )
    assert hits.hits[0].why == edition.default


def test_of_equal_rankers_the_simplest_answers_and_unmeasured_ones_are_not_compared() -> None:
    good, better = Validation(0.2, 0.3, 50), Validation(0.25, 0.3, 50)
    assert default_of(("pipeline", "rules"), {"pipeline": good, "rules": better}) == "rules"
    assert (
        default_of(("pipeline", "rules", "zzz"), dict.fromkeys(("pipeline", "rules", "zzz"), good)) == "rules"
    )
    assert default_of(("rules", "pipeline"), {"rules": better}) == "pipeline"
    assert default_of((), {}) is None


def test_what_learns_from_validation_is_judged_on_users_it_did_not_learn_from(tmp_path: Path) -> None:
    """Weights of pure noise fit the users they are learned from; judged apart they are worth nothing."""
    random = np.random.default_rng(5)
    rows = [random.permutation(40)[:4].astype(np.int32) for _ in range(60)]
    log = Log(
        Items.of(Item(f"i{at:02}") for at in range(40)),
        Interactions(tuple(map(str, range(60))), Sequences.of(rows)),
    )
    train_part, chosen = leave_one_out(log.interactions.sequences)
    asked: list[int] = []

    class Memory:
        """Learns the users that it is given by heart."""

        name, parts = "memory", ("popularity",)

        def fit(self, training: Training) -> Ranker:
            known = {
                tuple(row.tolist()): int(target)
                for row, target in zip(training.chosen.histories, training.chosen.targets, strict=True)
            }
            asked.append(len(known))
            return Memorised(known)

    class Memorised:
        name = "memory"

        def __init__(self, known: dict[tuple[int, ...], int]) -> None:
            self.known = known

        def top(
            self, histories: Sequences, *, k: int, allowed: object = None, removed: object = None
        ) -> Ranking:
            found = nothing(len(histories), k)
            for row, history in enumerate(histories):
                found.items[row, 0] = self.known.get(tuple(history.tolist()), -1)
            return found

    training = Training(log.items, train_part, chosen, tmp_path)
    whole = Memory().fit(training)
    assert quality(whole, chosen) == 1.0
    judged = validate(Memory(), whole, training)  # type: ignore[arg-type]
    assert judged == Validation(0.0, 0.0, 60)
    assert asked[1:] == [40, 40, 40]
    assert list(tmp_path.iterdir()) == []


async def test_what_is_withdrawn_stays_so_through_training_and_refreshing(tmp_path: Path) -> None:
    editions = editions_at(tmp_path, REGISTRY)
    log = made_up_log()
    train(log, editions, rankers=("rules",))
    editions.withdraw(["soap-02"])
    done = train(log, editions, rankers=("rules",))
    assert any(note.startswith("1 item of the table withdrawn, such as soap-02") for note in done.notes)
    refresh(log, editions)
    (hits,) = await EditionRecommender(editions).recommend(
        [History(items=("soap-01",))], principal=ANONYMOUS, k=60, fill=True
    )
    assert "soap-02" not in hits.ids
    assert len(hits) == 58
    editions.withdraw(["soap-02"], back=True)
    assert train(log, editions, rankers=("rules",)).notes == ()
    assert editions.withdrawn() == frozenset()


@pytest.mark.slow
def test_training_a_ranker_by_name_leaves_the_others_in_use_unchanged(tmp_path: Path) -> None:
    editions = editions_at(tmp_path, REGISTRY)
    log = made_up_log()
    train(log, editions, rankers=("fusion", "complements"))
    before = {
        each.relative_to(tmp_path / "version-1"): each.read_bytes()
        for each in (tmp_path / "version-1").rglob("*")
        if each.is_file() and each.parent.name in ("fusion", "complements", "attributes")
    }
    judged = editions.open().validation
    done = train(log, editions, rankers=("ease",))
    assert done.left_out == {}
    assert set(done.rankers) == {
        "popularity",
        "itemknn",
        "rules",
        "attributes",
        "fusion",
        "complements",
        "ease",
    }
    assert {name: (tmp_path / "version-2" / name).read_bytes() for name in before} == before
    edition = editions.open()
    assert {name: edition.validation[name] for name in judged} == judged
    assert edition.default == max(edition.validation, key=lambda name: edition.validation[name].ndcg)
    assert set(train(log, editions, rankers=("ease",), only=True).rankers) == {"ease"}


def test_a_ranker_is_carried_over_to_the_log_that_another_is_trained_on(tmp_path: Path) -> None:
    editions = editions_at(tmp_path, REGISTRY)
    log = made_up_log()
    train(log, editions, rankers=("rules",))
    more = Items.of([*log.items.rows, Item("aaa-new", "Acme soap")])
    train(
        Log(more, Interactions(log.interactions.users, moved(log.interactions.sequences, log.items, more))),
        editions,
        rankers=("popularity",),
    )
    assert set(editions.open().rankers) == {"rules", "popularity"}
    other = Log(
        Items.of(Item(f"x-{at}") for at in range(4)),
        Interactions(("u", "v"), Sequences.of([[0, 1, 2], [1, 2, 3]])),
    )
    assert train(other, editions, rankers=("popularity",)).rankers == ("popularity",), "another catalogue"


def test_what_an_earlier_release_kept_in_files_is_read_once(tmp_path: Path) -> None:
    editions = editions_at(tmp_path / "first", REGISTRY)
    train(made_up_log(), editions, rankers=("popularity",))
    (tmp_path / "second").mkdir()
    (tmp_path / "first" / "version-1").rename(tmp_path / "second" / "version-1")
    (tmp_path / "second" / "current").write_text("version-1\n")
    (tmp_path / "second" / "withdrawn.json").write_text('["soap-01", "soap-02"]')
    taken_over = editions_at(tmp_path / "second", REGISTRY)
    assert taken_over.current() == "version-1"
    assert taken_over.withdraw(["soap-01"], back=True) == {"soap-02"}
    assert not list((tmp_path / "second").glob("*current*"))
    assert set(taken_over.open().rankers) == {"popularity"}
    (tmp_path / "third").mkdir()
    (tmp_path / "third" / "current").write_text("../elsewhere")
    with pytest.raises(StoreError, match="names no version"):
        editions_at(tmp_path / "third", REGISTRY).current()


def test_an_edition_that_was_overtaken_is_not_published_and_what_a_killed_one_left_is_deleted(
    tmp_path: Path,
) -> None:
    editions = editions_at(tmp_path, REGISTRY)
    log = made_up_log()
    train(log, editions, rankers=("popularity",))
    (tmp_path / "version-7").mkdir()
    assert train(log, editions, rankers=("popularity",)).edition == "version-8"
    with editions.next() as folder, pytest.raises(StoreError, match="Another process put version-8 into use"):
        editions.publish(folder, log.items, log.interactions, {}, after="version-1")
    assert {each.name for each in tmp_path.glob("version-*")} == {"version-1", "version-8"}
    assert editions.current() == "version-8"


@pytest.mark.slow
async def test_the_order_of_a_logs_lines_changes_no_ranking(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "other"]
    for folder in folders:
        write_shop(folder, made_up_log(80))
    lines = (folders[1] / "sequences.txt").read_text().splitlines(keepends=True)
    (folders[1] / "sequences.txt").write_text("".join(Random(1).sample(lines, len(lines))))
    found = []
    for folder in folders:
        editions = editions_at(folder / "recommendations", REGISTRY)
        train(read_log(folder), editions, rankers=("fusion", "ease"))
        edition = editions.open()
        histories = Sequences.of([[at, at + 1] for at in range(50)])
        rankings = [ranker.top(histories, k=10) for ranker in edition.rankers.values()]
        found.append((edition.validation, edition.default, [each.items.tolist() for each in rankings]))
    assert found[0] == found[1]
