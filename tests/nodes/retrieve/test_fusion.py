"""Fusion is the textbook formula, whatever the order of the rankings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import fuse, workflow
from orchestrator.errors import BadInput
from orchestrator.nodes import Retrieve, convex, dbsf, rrf
from orchestrator.nodes.retrieve.fusion import convex_combination, distribution_based, reciprocal_rank
from orchestrator.types import Hit, Hits, ranked

_SCORES = st.dictionaries(
    st.sampled_from("abcdefghij"), st.floats(-50, 50, allow_nan=False).map(lambda x: round(x, 3)), max_size=10
)
_RANKING = _SCORES.map(lambda scores: ranked([Hit(i, s, "leg") for i, s in scores.items()]))
_RANKINGS = st.lists(_RANKING, min_size=1, max_size=4)
_FUSERS = [reciprocal_rank, convex_combination, distribution_based]


def ranking(*ids: str, why: str = "") -> Hits:
    return Hits(tuple(Hit(one, 10.0 - place, why) for place, one in enumerate(ids)))


@given(_RANKINGS, st.integers(1, 100))
def test_reciprocal_rank_is_the_sum_over_rankings(rankings: list[Hits], k: int) -> None:
    expected: dict[str, float] = {}
    for hits in rankings:
        for rank, hit in enumerate(hits, 1):
            expected[hit.id] = expected.get(hit.id, 0.0) + 1 / (k + rank)
    fused = reciprocal_rank(rankings, k=k)
    assert {hit.id: hit.score for hit in fused} == pytest.approx(expected)


@given(_RANKINGS)
def test_a_convex_combination_is_the_mean_of_scaled_scores(rankings: list[Hits]) -> None:
    expected: dict[str, float] = {}
    for hits in rankings:
        scores = [hit.score for hit in hits]
        for hit in hits:
            low, high = min(scores), max(scores)
            scaled = (hit.score - low) / (high - low) if high > low else 1.0
            expected[hit.id] = expected.get(hit.id, 0.0) + scaled / len(rankings)
    assert {hit.id: hit.score for hit in convex_combination(rankings)} == pytest.approx(expected)


@pytest.mark.parametrize("fuser", _FUSERS)
@given(rankings=_RANKINGS, data=st.data())
def test_the_order_of_the_rankings_changes_nothing(fuser, rankings: list[Hits], data: st.DataObject) -> None:
    weights = data.draw(
        st.lists(st.sampled_from([0.0, 0.1, 0.3, 1.0]), min_size=len(rankings), max_size=len(rankings))
    )
    order = data.draw(st.permutations(range(len(rankings))))
    shuffled = fuser([rankings[i] for i in order], [weights[i] for i in order])
    assert fuser(rankings, weights) == shuffled


@pytest.mark.parametrize("fuser", _FUSERS)
@given(rankings=_RANKINGS)
def test_every_passage_is_kept_once_and_ranked(fuser, rankings: list[Hits]) -> None:
    fused = fuser(rankings)
    assert sorted(fused.ids) == sorted({hit.id for hits in rankings for hit in hits})
    assert list(fused) == sorted(fused, key=lambda hit: (-hit.score, hit.id))


@pytest.mark.parametrize("fuser", _FUSERS)
@given(rankings=st.lists(_RANKING.filter(lambda hits: len(hits) > 2), min_size=1, max_size=3))
def test_a_better_place_in_every_ranking_is_a_better_place_in_the_fusion(fuser, rankings: list[Hits]) -> None:
    places = [{hit.id: hit.score for hit in hits} for hits in rankings]
    everywhere = set.intersection(*(set(place) for place in places))
    fused = {hit.id: hit.score for hit in fuser(rankings)}
    for a in everywhere:
        for b in everywhere:
            if all(place[a] > place[b] for place in places):
                assert fused[a] >= fused[b] - 1e-12


@pytest.mark.parametrize("fuser", _FUSERS)
def test_a_ranking_of_weight_zero_was_not_asked(fuser) -> None:
    assert fuser([ranking("a", "b"), ranking("c")], [1.0, 0.0]).ids == ("a", "b")


def test_weights_decide_between_rankings() -> None:
    rankings = [ranking("a", "b"), ranking("b", "a")]
    assert reciprocal_rank(rankings, [2.0, 1.0]).ids == ("a", "b")
    assert reciprocal_rank(rankings, [1.0, 2.0]).ids == ("b", "a")
    assert reciprocal_rank(rankings).ids == ("a", "b"), "ties go by id"


def test_an_outlier_flattens_min_max_but_not_the_distribution() -> None:
    tail = [Hit(f"t{number}", 1.0 - number / 100) for number in range(20)]
    outlier = ranked([Hit("x", 100.0), *tail])
    gaps = [
        (scores["t0"] - scores["t19"]) / (scores["x"] - scores["t0"])
        for scores in (
            {h.id: h.score for h in fuser([outlier])} for fuser in (convex_combination, distribution_based)
        )
    ]
    assert gaps[0] == pytest.approx(gaps[1]), "both are linear within one ranking"
    plain = ranked([Hit("t19", 1.0), Hit("t0", 0.9), Hit("y", 0.0)])
    assert distribution_based([outlier, plain]).ids != convex_combination([outlier, plain]).ids


def test_why_names_every_retriever_once() -> None:
    fused = reciprocal_rank(
        [ranking("a", "b", why="dense"), ranking("a", why="bm25"), ranking("a", why="dense")]
    )
    assert {hit.id: hit.why for hit in fused} == {"a": "bm25+dense", "b": "dense"}


@pytest.mark.parametrize("weights", [[1.0], [1.0, -0.1], [1.0, float("nan")]])
def test_weights_that_make_no_sense_are_refused(weights: list[float]) -> None:
    with pytest.raises(BadInput, match="weights"):
        reciprocal_rank([ranking("a"), ranking("b")], weights)


def test_nothing_fuses_to_nothing() -> None:
    for fuser in _FUSERS:
        assert fuser([]) == fuser([Hits(), Hits()]) == Hits()


@pytest.mark.parametrize("by", [rrf(60), rrf(k=10, weights=(1, 2)), convex(weights=(0.7, 0.3)), dbsf, dbsf()])
def test_fusers_are_nodes_that_join_branches(by) -> None:
    branches = Retrieve(mode="bm25") | Retrieve(mode="dense")
    workflow("both", fuse(branches, by=by)).check()
