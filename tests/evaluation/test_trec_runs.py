"""Runs in TREC's format: what is written comes back, and other tools see the same order."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import BadInput
from orchestrator.evaluation import read_run, save_run
from orchestrator.types import Hit, Hits


def test_a_run_comes_back_under_its_name(tmp_path: Path) -> None:
    rankings = {"q 1": Hits((Hit("d 1", 2.5), Hit("d2", 1.0))), "q2": Hits((Hit("d1", -3.0),))}
    save_run(tmp_path / "deep" / "a.run", rankings, name="my arm")
    run = read_run(tmp_path / "deep" / "a.run")
    assert run.name == "my-arm"
    assert run.rankings == rankings
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.run"]


def test_fields_may_be_separated_by_blanks(tmp_path: Path) -> None:
    (tmp_path / "a.run").write_text("q1 Q0 d2 1 2.0 tag\nq1 Q0 d1 2 2.0 tag\nq1 Q0 d0 3 3.5 tag\n")
    run = read_run(tmp_path / "a.run", name="theirs")
    assert run.name == "theirs"
    # By score, ties by id; the column of ranks is not believed.
    assert run.rankings["q1"].ids == ("d0", "d1", "d2")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("q1 Q0 d1 1 0.5\n", "line 1: has 5 fields"),
        ("q1 Q0 d1 1 high tag\n", "has the score 'high'"),
        ("q1 Q0 d1 1 nan tag\n", "no finite number"),
        ("q1 Q0 d1 1 1 t\nq1 Q0 d1 2 0 t\n", "line 2: ranks document 'd1' of query 'q1' again"),
        ("\n", "is an empty run"),
    ],
)
def test_a_file_that_is_no_run_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.run").write_text(text)
    with pytest.raises(BadInput) as raised:
        read_run(tmp_path / "a.run")
    assert message in str(raised.value)


def test_a_run_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    save_run(tmp_path / "a.run", {"q1": Hits((Hit("d1", 1.0),))}, name="old")
    # Half of a surrogate pair has no place in UTF-8.
    with pytest.raises(UnicodeEncodeError):
        save_run(tmp_path / "a.run", {"q1": Hits((Hit("d1", 1.0), Hit("\ud800", 0.5)))}, name="new")
    assert read_run(tmp_path / "a.run").name == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.run"]


@given(st.lists(st.sampled_from([3.0, 1.0, 1.0 + 1e-12, 0.0, -1.0, 1e30, 1e-40]), max_size=60))
def test_trec_eval_sees_our_order_where_scores_tie(
    tmp_path_factory: pytest.TempPathFactory, scores: list[float]
) -> None:
    scores.sort(reverse=True)
    hits = Hits(tuple(Hit(f"d{number:02}", score) for number, score in enumerate(scores)))
    file = tmp_path_factory.mktemp("run") / "a.run"
    save_run(file, {"q": hits}, name="a")
    if not scores:
        return
    assert read_run(file).rankings["q"].ids == hits.ids
    with file.open() as lines:
        run = pytrec_eval.parse_run(lines)
    for depth, hit in enumerate(hits, 1):
        found = pytrec_eval.RelevanceEvaluator({"q": {hit.id: 1}}, {"recip_rank"}).evaluate(run)
        assert found["q"]["recip_rank"] == pytest.approx(1 / depth)
