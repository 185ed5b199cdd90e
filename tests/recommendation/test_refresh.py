"""A changed catalogue is taken into use without training, and whatever happens the old one stays."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from orchestrator.errors import BadInput
from orchestrator.interactions.items import Item, Items
from orchestrator.interactions.log_files import Log, read_log
from orchestrator.recommendation.editions.editions import Editions
from orchestrator.recommendation.editions.refresh import refresh
from orchestrator.recommendation.editions.training import train
from orchestrator.recommendation.recommender import EditionRecommender
from orchestrator.testing.classic_rankers import classic_rankers
from orchestrator.testing.ranker import moved
from orchestrator.testing.shop import made_up_log, write_shop
from orchestrator.types import ANONYMOUS, History
from tests.recommendation.stored_editions import editions_at

pytestmark = pytest.mark.slow

pytest.importorskip("scipy", reason="scipy is not installed: the extra `recommend` has it")
REGISTRY = classic_rankers()
NEW = Item("soap-10", "Acme soap number 10", (("brand", "Acme"), ("family", "soap"), ("scented", "yes")))


def changed(log: Log, *, without: Iterable[str] = (), new: Iterable[Item] = ()) -> Log:
    """The log with another item table; whoever had a deleted item did not."""
    gone = set(without)
    items = Items.of([*(item for item in log.items.rows if item.id not in gone), *new])
    had = type(log.interactions)(log.interactions.users, moved(log.interactions.sequences, log.items, items))
    return Log(items, had)


async def recommended(
    editions: Editions, history: History, *, ranker: str = "", k: int = 100
) -> tuple[str, ...]:
    recommender = EditionRecommender(editions)
    (hits,) = await recommender.recommend([history], principal=ANONYMOUS, k=k, ranker=ranker)
    return hits.ids


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home") / "recommendations"
    train(made_up_log(), editions_at(folder, REGISTRY), rankers=("fusion", "ease", "complements"))
    return folder


@pytest.fixture
def editions(tmp_path: Path, trained: Path) -> Editions:
    return editions_at(Path(shutil.copytree(trained, tmp_path / "recommendations")), REGISTRY)


async def test_new_items_are_offered_at_once_and_deleted_ones_never(editions: Editions) -> None:
    done = refresh(changed(made_up_log(), without=["soap-03", "comb-00"], new=[NEW]), editions)
    assert (done.trained.edition, done.new, done.gone) == ("version-2", 1, 2)
    assert done.trained.rankers == (
        "popularity",
        "itemknn",
        "rules",
        "attributes",
        "ease",
        "fusion",
        "complements",
    )
    assert done.trained.left_out == {}
    history = History(items=("soap-00", "soap-06", "soap-09"))
    assert "soap-10" in (await recommended(editions, history, ranker="attributes", k=5))
    assert "soap-10" in (await recommended(editions, history))
    for ranker in done.trained.rankers:
        assert not {"soap-03", "comb-00"} & set(await recommended(editions, history, ranker=ranker))
        assert await recommended(editions, History("user-0003"), ranker=ranker)


async def test_what_is_borrowed_is_no_reason(editions: Editions) -> None:
    refresh(changed(made_up_log(), new=[NEW]), editions)
    recommender = EditionRecommender(editions)
    assert "soap-10" in await recommended(editions, History(items=("soap-02",)), ranker="rules")
    to_new = await recommender.reasons(History(items=("soap-02",)), ["soap-10"], principal=ANONYMOUS)
    from_new = await recommender.reasons(History(items=("soap-10",)), ["soap-02"], principal=ANONYMOUS)
    assert to_new == {"soap-10": "family soap, as Crane soap number 2"}
    assert from_new == {"soap-02": "family soap, as Acme soap number 10"}


async def test_what_was_had_since_is_counted_and_is_history(editions: Editions) -> None:
    log = changed(made_up_log(), new=[NEW])
    number = log.items.numbers
    rows = [list(map(int, row)) for row in log.interactions.sequences]
    rows[3].append(number["soap-10"])
    rows += [[number["brush-03"], number["soap-10"]]] * 20
    users = (*log.interactions.users, *(f"later-{at}" for at in range(20)))
    interactions = type(log.interactions)(users, type(log.interactions.sequences).of(rows))
    refresh(Log(log.items, interactions), editions)
    assert (await recommended(editions, History(items=("brush-03",)), ranker="rules"))[0] == "soap-10"
    known = await EditionRecommender(editions).known(History("user-0003"), principal=ANONYMOUS)
    assert known.items[-1] == "soap-10"
    assert await recommended(editions, History("later-7"))


def test_a_log_cut_short_is_said(editions: Editions) -> None:
    log = made_up_log()
    first = type(log.interactions)(log.interactions.users[:50], log.interactions.sequences.take(slice(0, 50)))
    done = refresh(Log(log.items, first), editions)
    assert any("give it the whole log" in note for note in done.trained.notes)
    assert refresh(log, editions).trained.notes == ()


def test_the_same_catalogue_changes_no_constant_and_no_weight(editions: Editions) -> None:
    before = editions.folder / "version-1"
    refresh(made_up_log(), editions)
    after = editions.folder / "version-2"
    files = [each.relative_to(before) for each in before.rglob("*") if each.name != "manifest.json"]
    assert {each.name for each in files} >= {"constants.json", "fusion.json", "matrix.npz"}
    for each in files:
        assert (before / each).is_dir() or (before / each).read_bytes() == (after / each).read_bytes(), each


async def test_an_item_that_left_the_table_is_not_offered_though_the_log_names_it(tmp_path: Path) -> None:
    shop, editions = tmp_path / "shop", editions_at(tmp_path / "recommendations", REGISTRY)
    write_shop(shop)
    table = (shop / "items.jsonl").read_text().splitlines(keepends=True)
    train(read_log(shop), editions, rankers=("fusion",))

    def write(*without: str) -> None:
        kept = [line for line in table if not any(f'"{one}"' in line for one in without)]
        (shop / "items.jsonl").write_text("".join(kept))

    history = History(items=("soap-02", "soap-03"))
    write("soap-04")
    done = refresh(read_log(shop), editions)
    assert (done.new, done.gone) == (0, 1)
    assert any("1 item left the item table, such as soap-04" in note for note in done.trained.notes)
    assert "soap-04" not in await recommended(editions, history)
    # Nor does it come back by another refresh or by a training that finds it in the log alone.
    refresh(read_log(shop), editions)
    assert "soap-04" not in await recommended(editions, history)
    train(read_log(shop), editions, rankers=("rules",))
    assert "soap-04" not in await recommended(editions, history)
    # In the table again, it is offered again; what was withdrawn by hand is not.
    editions.withdraw(["soap-05"])
    write()
    done = refresh(read_log(shop), editions)
    assert any("1 item of the table withdrawn, such as soap-05" in note for note in done.trained.notes)
    found = await recommended(editions, history)
    assert "soap-04" in found
    assert "soap-05" not in found


def test_an_arm_that_cannot_be_carried_over_is_left_out_with_what_is_made_of_it(editions: Editions) -> None:
    (editions.folder / "version-1" / "rules" / "constants.json").unlink()
    done = refresh(changed(made_up_log(), new=[NEW]), editions).trained
    assert "rules" not in done.rankers
    assert "kept no constants" in done.left_out["rules"]
    assert done.left_out["fusion"] == "The ranker fusion is made of rules, which was left out."
    assert set(editions.open().rankers) == set(done.rankers)
    less = editions_at(editions.folder, REGISTRY.without(["ease"]))
    assert less.rankers.missing("ease") in refresh(made_up_log(), less).trained.left_out.values()


def test_another_catalogue_and_a_lost_table_are_refused(editions: Editions) -> None:
    other = made_up_log()
    named = Items.of(Item(f"x-{item.id}", item.title) for item in other.items.rows)
    with pytest.raises(BadInput, match="none of the 60 items that are in use"):
        refresh(Log(named, other.interactions), editions)
    bare = Items.of(Item(item.id) for item in other.items.rows)
    with pytest.raises(BadInput, match="nothing can be read") as caught:
        refresh(Log(bare, other.interactions), editions)
    assert "items.jsonl" in caught.value.hint
    assert editions.current() == "version-1"
    with pytest.raises(BadInput, match="Nothing was trained yet"):
        refresh(other, editions_at(editions.folder / "nowhere", REGISTRY))


@pytest.mark.parametrize("ranker", ["popularity", "itemknn"])
def test_killed_in_the_middle_it_leaves_what_is_in_use(tmp_path: Path, ranker: str) -> None:
    shop, home = tmp_path / "shop", tmp_path / "recommendations"
    write_shop(shop)
    editions = editions_at(home, REGISTRY)
    train(read_log(shop), editions, rankers=("popularity", "itemknn"))
    code = f"""
import os, signal
from pathlib import Path
from orchestrator.testing.classic_rankers import classic_rankers
from tests.recommendation.stored_editions import editions_at
from orchestrator.interactions.log_files import read_log
from orchestrator.recommendation.editions.refresh import refresh
def kill(name):
    if name == {ranker!r}:
        os.kill(os.getpid(), signal.SIGKILL)
editions = editions_at(Path({str(home)!r}), classic_rankers())
refresh(read_log({str(shop)!r}), editions, finished=kill)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert editions.current() == "version-1"
    assert set(editions.open().rankers) == {"popularity", "itemknn"}
    assert refresh(read_log(shop), editions).trained.edition == "version-2"
    assert {each.name for each in home.iterdir() if each.is_dir()} - {".unfinished"} == {
        "version-1",
        "version-2",
    }


async def test_the_trees_of_a_pipeline_go_on_over_what_is_carried_over(tmp_path: Path) -> None:
    pytest.importorskip("lightgbm", reason="lightgbm is not installed: the extra `recommend` has it")
    editions = editions_at(tmp_path, REGISTRY)
    train(made_up_log(), editions, rankers=("pipeline",))
    refresh(changed(made_up_log(), without=["soap-03"], new=[NEW]), editions)
    before, after = (tmp_path / name / "pipeline" for name in ("version-1", "version-2"))
    kept = [name for name in ("trees.txt", "fusion.json") if (before / name).exists()]
    assert kept
    assert [(after / name).read_bytes() for name in kept] == [(before / name).read_bytes() for name in kept]
    found = await recommended(editions, History("user-0003"))
    assert "soap-03" not in found
    assert "soap-10" in found
