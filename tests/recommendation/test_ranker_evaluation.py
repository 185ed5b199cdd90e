"""An evaluation: the protocol, what is cached, what is left out, and how it is told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from orchestrator.errors import BadInput
from orchestrator.interactions.items import Item, Items
from orchestrator.interactions.log_files import Log
from orchestrator.interactions.protocol import leave_two_out
from orchestrator.interactions.sequences import Interactions, Sequences
from orchestrator.recommendation.evaluation.evaluation_report import as_json, as_text
from orchestrator.recommendation.evaluation.ranker_evaluation import CachedRankings, evaluate, limits
from orchestrator.recommendation.hit_metrics import figures
from orchestrator.recommendation.rankers.popularity import Popularity
from orchestrator.testing.classic_rankers import classic_rankers
from orchestrator.testing.shop import made_up_log

pytestmark = pytest.mark.slow

pytest.importorskip("scipy", reason="scipy is not installed: the extra `recommend` has it")
REGISTRY = classic_rankers()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("evaluation")
    return as_json(evaluate(made_up_log(), REGISTRY, folder, seeds=2))


def test_every_arm_has_both_views_and_those_that_cannot_run_say_why(report: dict[str, object]) -> None:
    rankers = report["rankers"]
    assert isinstance(rankers, dict)
    assert list(rankers) == ["popularity", "itemknn", "rules", "attributes", "ease", "fusion", "pipeline"]
    for result in rankers.values():
        for view in ("removed", "kept"):
            assert {"hr@10", "ndcg@10", "hr@5", "coverage@10", "invalid@10"} <= set(result[view])
            low, high = result["intervals"][view]["ndcg@10"]
            assert low <= result[view]["ndcg@10"] <= high
            assert result[view]["invalid@10"] == 0.0
    assert rankers["fusion"]["removed"]["ndcg@10"] > rankers["popularity"]["removed"]["ndcg@10"] + 0.2
    assert set(report["left_out"]) == {"sasrec", "generative", "atomic"}  # type: ignore[call-overload]
    json.dumps(report)


def test_figures_are_those_of_the_arm_on_the_last_item(tmp_path: Path) -> None:
    log = made_up_log()
    split = leave_two_out(log.interactions.sequences)
    found = evaluate(log, REGISTRY, tmp_path, rankers=("popularity",)).rankers["popularity"].figures
    counts = np.bincount(split.train.items, minlength=len(log.items))
    histories = split.test.histories
    ranking = Popularity(counts).top(histories, k=20, removed=histories)
    for metric, value in figures(ranking, split.test.targets, len(log.items)).items():
        assert found["removed"][metric] == pytest.approx(value)


def test_a_second_evaluation_trains_nothing_and_says_the_same(tmp_path: Path) -> None:
    log = made_up_log()
    first = as_json(evaluate(log, REGISTRY, tmp_path, rankers=("rules", "fusion")))
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")}
    second = as_json(evaluate(log, REGISTRY, tmp_path, rankers=("rules", "fusion")))
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")} == stamps
    for name in ("rules", "fusion"):
        assert first["rankers"][name]["removed"] == second["rankers"][name]["removed"]


def test_what_is_remembered_is_what_the_arm_says() -> None:
    ranker = Popularity(np.asarray([5, 4, 3, 2, 1]))
    cached = CachedRankings(ranker)
    histories = Sequences.of([[0], [1, 2]])
    for k in (2, 3, 2):
        for removed in (None, histories, Sequences.of([[4], [0]])):
            allowed = None if k == 2 else np.asarray([True, False, True, True, True])
            mine = cached.top(histories, k=k, removed=removed, allowed=allowed)
            theirs = ranker.top(histories, k=k, removed=removed, allowed=allowed)
            np.testing.assert_array_equal(mine.items, theirs.items)


def test_a_log_with_nobody_to_ask_is_refused(tmp_path: Path) -> None:
    log = Log(Items.of([Item("a"), Item("b")]), Interactions(("u", "v"), Sequences.of([[0, 1], [1]])))
    with pytest.raises(BadInput, match="None of the 2 users has 3 items"):
        evaluate(log, REGISTRY, tmp_path, rankers=("popularity",))


def test_numbers_in_no_order_of_time_raise_no_doubt() -> None:
    random = np.random.default_rng(0)
    items = Items.of(Item(f"{number:02}") for number in range(50))
    rows = [random.permutation(50)[:6].astype(np.int32) for _ in range(60)]
    users = tuple(f"u{at}" for at in range(60))
    log = Log(items, Interactions(users, Sequences.of(rows)))
    assert not any("ascend" in each for each in limits(log, leave_two_out(log.interactions.sequences)))
    climbing = Log(items, Interactions(users, Sequences.of([np.sort(row) for row in rows])))
    assert any("100%" in each for each in limits(climbing, leave_two_out(climbing.interactions.sequences)))


def test_the_table_says_what_it_does_not_say(tmp_path: Path) -> None:
    log = made_up_log()
    ids = {one: str(at) for at, one in enumerate(log.items.ids)}
    items = Items.of(Item(ids[item.id], item.title) for item in log.items.rows)
    numbers = np.asarray([items.numbers[ids[one]] for one in log.items.ids], dtype=np.int32)
    rows = [numbers[row] for row in log.interactions.sequences]
    rows[0] = np.asarray([1, 2, 3, 1], dtype=np.int32)
    rows.append(np.asarray([1, 2], dtype=np.int32))
    users = (*log.interactions.users, "short")
    numbered = Log(items, Interactions(users, Sequences.of(rows)), ("An oddity.",))
    text = as_text(evaluate(numbered, REGISTRY, tmp_path, rankers=("popularity", "rules", "atomic")))
    assert "ascend by item number" in text
    assert "of test items are in the history" in text
    assert "1 user of fewer than three items" in text
    assert "Note: An oddity." in text
    assert "Left out: The ranker atomic" in text
    assert "TIGER" not in text, "published figures are of another log"
