"""Experiments on a set that is made on the spot: scores, cost, failures, resumption."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator import ANONYMOUS, Answer, Budget, Hits, Question, Run, Workflow, node, workflow
from orchestrator.errors import BadInput, NodeError, WorkflowError
from orchestrator.evaluation import Dataset, SavedRun, beir, experiment, read_run
from orchestrator.evaluation.plot import plot
from orchestrator.graph.run_context import Run as RunView
from orchestrator.ports import Cache, Generation, GenerationRequest, LanguageModel, Runs
from orchestrator.types import Citation, Hit, Message, Usage
from tests.evaluation import sets as s


@pytest.fixture(autouse=True)
def _nothing_ran() -> None:
    s.RAN.clear()


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    return beir(s.write_beir(tmp_path / "pets"))


plain = workflow("plain", s.overlap >> s.Top(3))
backwards = workflow("backwards", s.overlap >> s.Top(3) >> s.turned)


async def test_arms_are_scored_and_compared(data: Dataset) -> None:
    report = await experiment([plain, backwards], data=data, metrics=["ndcg@10", "recall@1"], ports={})
    # "cat on a mat": d1 shares cat, on, mat; d2 a, cat. "morning birds": d3 both. "sleeping dog": d2 and d4.
    assert report.arms["plain"].scores["recall@1"] == {"q1": 0.5, "q2": 1.0, "q3": 0.0}
    assert report.arms["plain"].metrics["recall@1"].mean == pytest.approx(0.5)
    assert report.arms["backwards"].scores["recall@1"]["q2"] == 0.0
    assert {(each.arm, each.baseline, each.metric) for each in report.comparisons} == {
        ("backwards", "plain", "ndcg@10"),
        ("backwards", "plain", "recall@1"),
    }
    assert report.baseline == "plain"
    assert report.queries == 3


async def test_a_common_beginning_runs_once_a_query(data: Dataset) -> None:
    await experiment([plain, backwards], data=data, ports={})
    assert s.RAN.count("overlap") == s.RAN.count("top3") == s.RAN.count("turned") == 3


@node
async def slow(question: Question) -> Hits:
    """Takes its time."""
    await asyncio.sleep(0.02)
    return Hits((Hit("d1", 1.0),))


async def test_sharing_makes_no_arm_look_faster(data: Dataset) -> None:
    arms = [workflow("first", slow), workflow("second", slow >> s.Top(1))]
    report = await experiment(arms, data=data, ports={})
    for arm in report.arms.values():
        assert arm.latency is not None
        assert arm.latency.p50 >= 20.0
    # Three queries, once each.
    assert 0.06 <= report.node_seconds <= report.seconds


class CountingModel:
    """Ten tokens and two a call."""

    name, available = "counting", True

    async def generate(self, request: GenerationRequest, **_: object) -> Generation[None]:
        return Generation("", usage=Usage(1, 10, 2))


@node
async def thinks(question: Question, model: LanguageModel) -> Hits:
    """Two model calls."""
    for _ in range(2):
        await model.generate(GenerationRequest([Message("user", question.text)]))
    return Hits((Hit("d1", 1.0),))


async def test_calls_and_tokens_are_counted_a_query(data: Dataset) -> None:
    arms = [workflow("thinks", thinks), workflow("also", thinks >> s.Top(1)), plain]
    report = await experiment(arms, data=data, ports={LanguageModel: CountingModel()})
    assert [(arm.calls, arm.tokens) for arm in report.arms.values()] == [(2, 24), (2, 24), (0, 0)]


async def test_a_query_that_fails_is_reported_and_counts_as_zero(data: Dataset) -> None:
    arms = [plain, workflow("fragile", s.overlap >> s.Top(3) >> s.fails_on_birds)]
    report = await experiment(arms, data=data, metrics=["recall@1"], ports={})
    fragile = report.arms["fragile"]
    assert set(fragile.failures) == {"q2"}
    assert "birds" in fragile.failures["q2"]
    assert fragile.scores["recall@1"]["q2"] == 0.0
    assert fragile.scores["recall@1"]["q1"] == report.arms["plain"].scores["recall@1"]["q1"]
    assert any("fragile failed on 1 queries, which count as 0" in note for note in report.notes)


async def test_if_every_run_fails_the_error_is_the_result(tmp_path: Path) -> None:
    queries = [{"_id": name, "text": "birds"} for name in s.QUERIES]
    data = beir(s.write_beir(tmp_path, queries=queries))
    with pytest.raises(NodeError, match=r"All 3 runs failed. The first error: NodeError: .*birds"):
        await experiment([workflow("fragile", s.overlap >> s.fails_on_birds)], data=data, ports={})


async def test_doing_less_is_reported(data: Dataset) -> None:
    report = await experiment([workflow("hurried", s.overlap >> s.hurried)], data=data, ports={})
    assert report.arms["hurried"].degraded == 3
    assert "hurried did less than it could on 3 queries: There was no time." in report.notes


async def test_remarks_on_the_data_and_shallow_rankings_are_notes(tmp_path: Path) -> None:
    folder = s.write_beir(tmp_path, qrels=["q1\td1\t1", "q1\tnowhere\t1"])
    report = await experiment([plain], data=beir(folder), metrics=["recall@100"], ports={})
    assert report.notes[0].startswith("2 × a query has no judgement")
    assert any("not in the corpus" in note for note in report.notes)
    assert "plain ranks at most 2 documents, so that recall@100 looks no deeper." in report.notes
    # The unknown document counts as missed, as in the judgements.
    assert report.arms["plain"].scores["recall@100"] == {"q1": 0.5}


async def test_an_empty_query_is_not_run_and_counts_as_zero(tmp_path: Path) -> None:
    queries = [{"_id": "q1", "text": "cat on a mat"}, {"_id": "q2", "text": " "}]
    report = await experiment([plain], data=beir(s.write_beir(tmp_path, queries=queries)), ports={})
    assert s.RAN.count("overlap") == 1
    assert report.arms["plain"].scores["ndcg@10"]["q2"] == 0.0


async def test_a_query_of_a_hundred_thousand_words_is_run_as_it_is(tmp_path: Path) -> None:
    queries = [{"_id": "q1", "text": "cat " * 100_000}]
    report = await experiment([plain], data=beir(s.write_beir(tmp_path, queries=queries)), ports={})
    assert report.arms["plain"].metrics["ndcg@10"].mean > 0
    assert any("longer than" in note for note in report.notes)


# -- what can be an arm ------------------------------------------------------------------------


@node
async def cites(hits: Hits) -> Answer:
    """Cites the first two, the second twice."""
    chosen = [*hits.ids[:2], hits.ids[1]]
    return Answer("", tuple(Citation(n, name, "", "", "") for n, name in enumerate(chosen, 1)))


@node
async def asks_hits(question: Question) -> Answer:
    """An answer that shows no hits."""
    return Answer("", (Citation(1, "d1", "", "", ""), Citation(2, "d2", "", "", "")))


async def test_an_answer_is_scored_by_the_hits_before_it_or_by_its_citations(data: Dataset) -> None:
    arms = [plain, workflow("answers", s.overlap >> s.Top(3) >> cites), workflow("only", asks_hits)]
    report = await experiment(arms, data=data, ports={})
    assert report.arms["answers"].rankings == report.arms["plain"].rankings
    assert report.arms["only"].rankings["q1"].ids == ("d1", "d2")


async def test_a_saved_run_is_an_arm_without_cost(data: Dataset) -> None:
    saved = SavedRun("theirs", {"q1": Hits((Hit("d1", 1.0),)), "elsewhere": Hits((Hit("d1", 1.0),))})
    report = await experiment([plain, saved], data=data, metrics=["recall@1"], ports={})
    theirs = report.arms["theirs"]
    assert theirs.scores["recall@1"] == {"q1": 0.5, "q2": 0.0, "q3": 0.0}
    assert (theirs.latency, theirs.calls, theirs.tokens) == (None, None, None)
    assert "theirs has no ranking for 2 queries, which count as 0." in report.notes


@node
async def says(question: Question) -> str:
    """Ranks nothing."""
    return question.text


@node
async def starts_elsewhere(text: str) -> Hits:
    """Reads no question."""
    return Hits()


async def test_what_cannot_be_scored_is_refused_before_anything_runs(data: Dataset) -> None:
    with pytest.raises(BadInput, match="no arms"):
        await experiment([], data=data, ports={})
    with pytest.raises(BadInput, match="Two arms are called 'plain'"):
        await experiment([plain, workflow("plain", s.overlap)], data=data, ports={})
    with pytest.raises(BadInput, match="ends in str, which ranks nothing"):
        await experiment([plain, workflow("says", says)], data=data, ports={})
    with pytest.raises(BadInput, match="starts from str"):
        await experiment([workflow("elsewhere", starts_elsewhere, inputs=(str,))], data=data, ports={})
    with pytest.raises(WorkflowError, match="LanguageModel"):
        await experiment([plain, workflow("thinks", thinks)], data=data, ports={})
    with pytest.raises(BadInput, match="no metric 'bleu'"):
        await experiment([plain], data=data, metrics=["bleu"], ports={})
    assert s.RAN == []


# -- measuring ---------------------------------------------------------------------------------


class Refusing:
    """A cache or record of runs that must not be touched."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"{name} was used")


async def test_neither_the_cache_nor_the_record_of_runs_is_touched(data: Dataset) -> None:
    cached = workflow("cached", s.overlap.within(cache=60.0))
    report = await experiment([cached], data=data, ports={Cache: Refusing(), Runs: Refusing()})
    assert report.arms["cached"].failures == {}
    assert s.RAN.count("overlap") == 3


TOGETHER = [0, 0]


@node
async def crowded(question: Question) -> Hits:
    """Counts how many are at work."""
    TOGETHER[0] += 1
    TOGETHER[1] = max(TOGETHER)
    await asyncio.sleep(0.005)
    TOGETHER[0] -= 1
    return Hits((Hit("d1", 1.0),))


@pytest.mark.parametrize(("concurrency", "most"), [(None, 1), (2, 2), (50, 3)])
async def test_no_more_queries_run_together_than_allowed(
    data: Dataset, concurrency: int | None, most: int
) -> None:
    TOGETHER[:] = [0, 0]
    await experiment([workflow("crowded", crowded)], data=data, ports={}, concurrency=concurrency)
    assert [0, most] == TOGETHER


@node
async def counts_down(question: Question, run: Run) -> Hits:
    """Shows that it runs under the budget."""
    assert isinstance(run, RunView)
    s.RAN.append("counts_down")
    return Hits((Hit("d1" if run.remaining is not None else "d2", 1.0),))


async def test_under_a_deadline_nothing_is_shared(data: Dataset) -> None:
    arms = [workflow("one", counts_down), workflow("two", counts_down >> s.Top(1))]
    report = await experiment(arms, data=data, ports={}, budget=Budget(seconds=60))
    assert s.RAN.count("counts_down") == 6
    assert report.arms["two"].rankings["q1"].ids == ("d1",)


async def test_every_question_is_asked_by_the_principal(data: Dataset) -> None:
    seen: list[object] = []

    @node
    async def looks(question: Question) -> Hits:
        """Who asks."""
        seen.append(question.principal)
        return Hits()

    await experiment([workflow("looks", looks)], data=data, ports={})
    assert seen == [ANONYMOUS] * 3


# -- stopping and going on -----------------------------------------------------------------------

#: Where to stop, by the text of the query, and whom to tell.
STOP_AT: dict[str, asyncio.Event] = {}


@node
async def stoppable(hits: Hits, question: Question) -> Hits:
    """Does not return from some queries."""
    if question.text in STOP_AT:
        STOP_AT[question.text].set()
        await asyncio.sleep(3600)
    return hits


async def stopped(arms: list[Workflow], data: Dataset, work: Path) -> None:
    """Run an experiment until its third query, and interrupt it there."""
    reached = STOP_AT[s.QUERIES["q3"]] = asyncio.Event()
    task = asyncio.create_task(experiment(arms, data=data, ports={}, work=work))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    STOP_AT.clear()


async def test_a_stopped_experiment_goes_on_where_it_was(data: Dataset, tmp_path: Path) -> None:
    arms = [plain, workflow("stoppable", s.overlap >> s.Top(3) >> stoppable)]
    await stopped(arms, data, tmp_path / "work")
    assert len(list((tmp_path / "work").glob("*.jsonl"))) == 2
    assert s.RAN.count("overlap") == 3
    s.RAN.clear()
    moved: list[tuple[int, int, str]] = []
    report = await experiment(
        arms, data=data, ports={}, work=tmp_path / "work", progress=lambda *done: moved.append(done)
    )
    # Only the run that was under way is made again.
    assert s.RAN == ["overlap", "top3"]
    assert moved == [(6, 6, "")]
    at_once = await experiment(arms, data=data, ports={})
    for name, arm in report.arms.items():
        assert arm.scores == at_once.arms[name].scores
        assert arm.rankings == at_once.arms[name].rankings
    # The journals have served; the runs stay.
    assert sorted(path.name for path in (tmp_path / "work").iterdir()) == ["plain.run", "stoppable.run"]
    assert (
        read_run(tmp_path / "work" / "plain.run").rankings["q1"].ids
        == report.arms["plain"].rankings["q1"].ids
    )


async def test_a_finished_experiment_is_run_anew(data: Dataset, tmp_path: Path) -> None:
    for _ in range(2):
        await experiment([plain], data=data, ports={}, work=tmp_path / "work")
    assert s.RAN.count("overlap") == 6


async def test_other_data_does_not_go_on(data: Dataset, tmp_path: Path) -> None:
    arm = workflow("stoppable", s.overlap >> stoppable)
    await stopped([arm], data, tmp_path / "work")
    s.RAN.clear()
    other = replace(data, queries={**data.queries, "q1": "another text"})
    await experiment([arm], data=other, ports={}, work=tmp_path / "work")
    assert s.RAN.count("overlap") == 3


# -- the report ----------------------------------------------------------------------------------


async def test_the_report_as_json(data: Dataset) -> None:
    saved = SavedRun("theirs", {"q1": Hits((Hit("d1", 1.0),))})
    report = await experiment([plain, backwards, saved], data=data, metrics=["ndcg@10", "map"], ports={})
    written = json.loads(json.dumps(report.json()))
    assert written["data"] == data.source
    assert list(written["arms"]) == ["plain", "backwards", "theirs"]
    arm = written["arms"]["plain"]
    assert set(arm["metrics"]) == {"ndcg@10", "map"}
    assert set(arm["metrics"]["map"]) == {"mean", "low", "high"}
    assert arm["metrics"]["map"]["low"] <= arm["metrics"]["map"]["mean"] <= arm["metrics"]["map"]["high"]
    assert set(arm["latency_ms"]) == {"p50", "p99"}
    assert (arm["calls"], arm["tokens"], arm["failed"]) == (0, 0, 0)
    assert written["arms"]["theirs"]["latency_ms"] == {"p50": None, "p99": None}
    assert {"orchestrator", "python", "ir-measures"} <= set(written["versions"])


async def test_the_table_shows_means_intervals_marks_and_notes(tmp_path: Path) -> None:
    # Twelve queries on which the order matters, so that the difference is no chance.
    queries = [{"_id": f"q{n}", "text": f"cat on a mat {n}"} for n in range(12)]
    qrels = [f"q{n}\td1\t1" for n in range(12)]
    data = beir(s.write_beir(tmp_path, queries=queries, qrels=qrels))
    report = await experiment([plain, backwards], data=data, metrics=["mrr"], ports={})
    text = str(report)
    assert "1.0000 [1.000, 1.000]" in text
    assert "0.5000 [0.500, 0.500] -" in text
    assert "p50 ms" in text
    assert "- differ from plain" in text
    [comparison] = report.comparisons
    assert comparison.significant
    assert comparison.difference == pytest.approx(-1 / 2)
    assert report.compare("backwards", "plain", "mrr").p == comparison.p
    with pytest.raises(BadInput, match="No arm is called 'x'"):
        report.compare("x", "plain", "mrr")
    with pytest.raises(BadInput, match="'map' was not measured"):
        report.compare("plain", "backwards", "map")


async def test_a_name_that_is_no_file_name_is_saved_all_the_same(data: Dataset, tmp_path: Path) -> None:
    report = await experiment([workflow("../a b", s.overlap)], data=data, ports={})
    assert [file.parent for file in report.save_runs(tmp_path / "runs")] == [tmp_path / "runs"]


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".png", ".svg"])
async def test_quality_is_drawn_against_cost(data: Dataset, tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    saved = SavedRun("theirs", {"q1": Hits((Hit("d1", 1.0),))})
    report = await experiment([plain, backwards, saved], data=data, ports={})
    plot(report, tmp_path / "plots" / f"a{suffix}")
    assert (tmp_path / "plots" / f"a{suffix}").stat().st_size > 1000


async def test_a_plot_that_cannot_be_drawn_says_what_to_do(
    data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = await experiment([plain], data=data, ports={})
    with pytest.raises(BadInput, match=r"\.png, \.svg, \.pdf"):
        plot(report, tmp_path / "a.txt")
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(Exception, match=r"pip install 'orchestrator-rag\[plot\]'"):
        plot(report, tmp_path / "a.png")
