"""Metrics: equal to the reference implementations, and to their definitions, to 1e-6."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.errors import BadInput, SettingsError
from orchestrator.evaluation import Dataset, beir
from orchestrator.evaluation.datasets import Corpus
from orchestrator.evaluation.metrics import metric, metrics_for, score
from orchestrator.types import Hit, Hits
from tests.evaluation.sets import write_beir
from tests.quick_selection import examples

#: Ours → trec_eval's.
REFERENCE = {
    "ndcg@10": "ndcg_cut_10",
    "ndcg@3": "ndcg_cut_3",
    "ndcg": "ndcg",
    "map": "map",
    "map@5": "map_cut_5",
    "mrr": "recip_rank",
    "recall@5": "recall_5",
    "recall@100": "recall_100",
    "precision@5": "P_5",
    "success@1": "success_1",
}
DOCUMENTS = [f"d{number}" for number in range(12)]


def dataset(
    qrels: Mapping[str, Mapping[str, int]],
    aspects: Mapping[str, Mapping[str, Mapping[str, int]]] | None = None,
) -> Dataset:
    """A data set of judgements only."""
    corpus = Corpus(frozenset(DOCUMENTS), "", lambda: iter(()))
    return Dataset("made", "made", corpus, dict.fromkeys(qrels, "text"), qrels, aspects or {})


def hits(ids: list[str], *, tied: bool = False) -> Hits:
    """A ranking of ids."""
    return Hits(tuple(Hit(name, 1.0 if tied else 1.0 - rank / 100) for rank, name in enumerate(ids)))


rankings = st.lists(st.sampled_from(DOCUMENTS), unique=True, max_size=12)
judged = st.dictionaries(st.sampled_from(DOCUMENTS), st.integers(-1, 3), min_size=1)


@settings(deadline=None, max_examples=examples(60))
@given(st.dictionaries(st.sampled_from(["q1", "q2", "q3"]), st.tuples(rankings, judged), min_size=1))
def test_metrics_equal_trec_eval(cases: dict[str, tuple[list[str], dict[str, int]]]) -> None:
    qrels = {query: grades for query, (_, grades) in cases.items()}
    run = {query: hits(ids) for query, (ids, _) in cases.items()}
    ours = score(run, dataset(qrels), [metric(name) for name in REFERENCE])
    # The reference never ends where all grades are negative, which count as 0.
    counted = {
        query: {name: max(0, grade) for name, grade in grades.items()} for query, grades in qrels.items()
    }
    theirs = pytrec_eval.RelevanceEvaluator(counted, set(REFERENCE.values())).evaluate(
        {query: {hit.id: hit.score for hit in ranking} for query, ranking in run.items() if ranking}
    )
    for name, reference in REFERENCE.items():
        values = ours[metric(name)]
        assert set(values) == set(qrels)
        for query, value in values.items():
            assert value == pytest.approx(theirs.get(query, {}).get(reference, 0.0), abs=1e-6)


def test_queries_of_negative_grades_alone_end() -> None:
    qrels = {"q2": {"d6": -1}, "q3": {"d6": -1}}
    scored = score({query: hits(["d7"]) for query in qrels}, dataset(qrels), [metric("ndcg@10")])
    assert scored[metric("ndcg@10")] == {"q2": 0.0, "q3": 0.0}


def ndcg(ids: list[str], grades: Mapping[str, int], k: int) -> float:
    """nDCG by its definition."""
    gain = [max(0, grades.get(name, 0)) / math.log2(rank + 2) for rank, name in enumerate(ids[:k])]
    best = sorted((max(0, grade) for grade in grades.values()), reverse=True)[:k]
    ideal = sum(grade / math.log2(rank + 2) for rank, grade in enumerate(best))
    return sum(gain) / ideal if ideal else 0.0


@given(rankings, judged)
def test_ndcg_follows_its_definition(ids: list[str], grades: dict[str, int]) -> None:
    found = score({"q": hits(ids)}, dataset({"q": grades}), [metric("ndcg@5")])
    assert found[metric("ndcg@5")]["q"] == pytest.approx(ndcg(ids, grades, 5), abs=1e-6)


def alpha_dcg(ids: list[str], aspects: Mapping[str, Mapping[str, int]], k: int, alpha: float = 0.5) -> float:
    """α-DCG by its definition: an aspect is worth less each time that it was covered."""
    covered = dict.fromkeys(aspects, 0)
    total = 0.0
    for rank, name in enumerate(ids[:k]):
        mine = [aspect for aspect, grades in aspects.items() if grades.get(name, 0) > 0]
        total += sum((1 - alpha) ** covered[aspect] for aspect in mine) / math.log2(rank + 2)
        for aspect in mine:
            covered[aspect] += 1
    return total


def greedy(aspects: Mapping[str, Mapping[str, int]], alpha: float = 0.5) -> list[str]:
    """The ideal ranking, as is usual: greedily by gain."""
    left = sorted({name for grades in aspects.values() for name, grade in grades.items() if grade > 0})
    covered = dict.fromkeys(aspects, 0)
    order: list[str] = []
    while left:

        def gain(name: str) -> float:
            return sum(
                (1 - alpha) ** covered[aspect]
                for aspect, grades in aspects.items()
                if grades.get(name, 0) > 0
            )

        best = max(left, key=gain)
        left.remove(best)
        order.append(best)
        for aspect, grades in aspects.items():
            covered[aspect] += grades.get(best, 0) > 0
    return order


# A greedy ideal is one number only where equal gains do not lead to different sums later: with
# disjoint aspects, or documents of one aspect and documents of all.
ASPECTS = {
    "a": {"d0": 1, "d1": 1, "d2": 1, "d9": 1},
    "b": {"d3": 1, "d4": 1, "d9": 1},
    "c": {"d5": 1, "d9": 1, "d11": 0},
}


@given(rankings)
def test_alpha_ndcg_and_aspect_recall_follow_their_definitions(ids: list[str]) -> None:
    names = [metric("alpha_ndcg@6"), metric("aspect_recall@4")]
    data = dataset({"q": {"d0": 1}, "other": {"d1": 1}}, {"q": ASPECTS})
    found = score({"q": hits(ids)}, data, names)
    ideal = alpha_dcg(greedy(ASPECTS), ASPECTS, 6)
    assert found[names[0]] == {"q": pytest.approx(alpha_dcg(ids, ASPECTS, 6) / ideal, abs=1e-6)}
    seen = [aspect for aspect, grades in ASPECTS.items() if any(grades.get(name, 0) > 0 for name in ids[:4])]
    assert found[names[1]] == {"q": pytest.approx(len(seen) / 3, abs=1e-6)}


@given(rankings)
def test_completeness_asks_for_all_relevant_documents(ids: list[str]) -> None:
    grades = {"d1": 1, "d2": 2, "d3": 0}
    found = score({"q": hits(ids)}, dataset({"q": grades}), [metric("comp@5"), metric("recall@5")])
    assert found[metric("completeness@5")]["q"] == float({"d1", "d2"} <= set(ids[:5]))
    assert found[metric("recall@5")]["q"] == pytest.approx(len({"d1", "d2"} & set(ids[:5])) / 2)


@pytest.mark.parametrize("name", ["ndcg@1", "map", "mrr", "mrr@10", "recall@1", "precision@1"])
def test_every_metric_takes_ties_in_the_order_of_the_ranking(name: str) -> None:
    for first, value in (("d1", 1.0), ("d0", None)):
        ids = [first, *(other for other in ("d0", "d1") if other != first)]
        found = score({"q": hits(ids, tied=True)}, dataset({"q": {"d1": 1}}), [metric(name)])[metric(name)]
        assert (found["q"] == 1.0) == (value == 1.0)


def test_a_query_without_a_ranking_counts_as_zero() -> None:
    found = score({}, dataset({"q1": {"d1": 1}, "q2": {"d2": 1}}), [metric("ndcg@10"), metric("mrr@10")])
    assert [list(values.values()) for values in found.values()] == [[0.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("nDCG@10", "ndcg@10"),
        ("R@5", "recall@5"),
        ("P@1", "precision@1"),
        ("RR@10", "mrr@10"),
        ("AP", "map"),
        (" map ", "map"),
        ("alpha-nDCG@5", "alpha_ndcg@5"),
        ("α-nDCG@5", "alpha_ndcg@5"),
    ],
)
def test_usual_spellings_are_understood(text: str, name: str) -> None:
    assert str(metric(text)) == name


@pytest.mark.parametrize("text", ["", "recall", "ndcg@0", "ndcg@", "bleu", "ndcg@ten", "p@-1"])
def test_what_is_no_metric_is_refused_with_those_that_are(text: str) -> None:
    with pytest.raises(BadInput, match=r"ndcg\[@k\], map\[@k\]"):
        metric(text)


def test_metrics_of_aspects_need_aspects(tmp_path: Path) -> None:
    data = beir(write_beir(tmp_path))
    with pytest.raises(BadInput, match="needs judgements of aspects"):
        metrics_for(["alpha_ndcg@10"], data)
    only_one = replace(data, aspects={"q1": {"a": {"d1": 1}}})
    with pytest.raises(BadInput, match="none for two aspects of a query"):
        metrics_for(["aspect_recall@10"], only_one)


@pytest.mark.parametrize(("name", "library"), [("map", "ir_measures"), ("alpha_ndcg@5", "pyndeval")])
def test_without_the_library_the_next_step_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, library: str
) -> None:
    data = beir(write_beir(tmp_path))
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(SettingsError, match=rf"by {library}, .* pip install 'orchestrator-rag\[evaluate\]'"):
        metrics_for([name], data)


def test_a_metric_that_is_named_twice_is_measured_once(tmp_path: Path) -> None:
    data = beir(write_beir(tmp_path))
    assert list(map(str, metrics_for(["ndcg@10", "nDCG@10", "map"], data))) == ["ndcg@10", "map"]
    with pytest.raises(BadInput, match="No metric was named"):
        metrics_for([], data)
