"""Bringing calls to one scale."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.nodes.rerank.groupwise import Groupwise
from orchestrator.ranking.calibration import calibrated


def calls_of(truth, *, groups, size, shift, scale, noise, seed=0):
    """Two repeats of groups, each seen through its own shift and scale."""
    rng = np.random.default_rng(seed)
    calls = []
    for _ in range(2):
        order = rng.permutation(len(truth))
        for start in range(0, len(truth), size):
            a, b = np.exp(rng.normal(0, scale)), rng.normal(0, shift)
            calls.append(
                {int(i): float(a * truth[i] + b + rng.normal(0, noise)) for i in order[start : start + size]}
            )
    assert len(calls) == groups
    return calls


def correlation(found, truth):
    ranks = lambda values: np.argsort(np.argsort(values))  # noqa: E731
    return float(np.corrcoef(ranks(found), ranks(truth))[0, 1])


def averaged(calls, size):
    return np.array([np.mean([call[i] for call in calls if i in call]) for i in range(size)])


def test_shifts_between_calls_are_taken_out():
    truth = np.linspace(0, 10, 100)
    calls = calls_of(truth, groups=20, size=10, shift=3.0, scale=0.0, noise=0.1)
    found = calibrated(calls, 100).values
    assert correlation(found, truth) > 0.97
    assert correlation(found, truth) > correlation(averaged(calls, 100), truth) + 0.05


def test_what_is_known_before_tells_the_calls_apart_where_they_share_nothing():
    truth = np.linspace(0, 10, 100)
    calls = calls_of(truth, groups=20, size=10, shift=3.0, scale=0.0, noise=0.1)[:10]
    plain = correlation(averaged(calls, 100), truth)
    blind = correlation(calibrated(calls, 100).values, truth)
    told = correlation(
        calibrated(calls, 100, truth + np.random.default_rng(1).normal(0, 1, 100)).values, truth
    )
    assert plain < blind < told
    assert told > 0.97


@pytest.mark.parametrize("seed", range(5))
def test_noise_of_each_judgement_alone_turns_the_correction_off(seed):
    truth = np.linspace(0, 10, 100)
    calls = calls_of(truth, groups=20, size=10, shift=0.0, scale=0.0, noise=2.0, seed=seed)
    found = calibrated(calls, 100)
    assert np.abs(found.shifts).max() < 0.6
    assert correlation(found.values, truth) > correlation(averaged(calls, 100), truth) - 0.01


def test_the_variances_are_those_that_the_scores_were_made_with():
    rng = np.random.default_rng(0)
    truth = rng.normal(5, 3, 2000)
    calls = calls_of(truth, groups=400, size=10, shift=2.0, scale=0.0, noise=1.0)
    found = calibrated(calls, 2000)
    assert (found.items, found.calls, found.errors) == pytest.approx((9, 4, 1), rel=0.2)


def test_the_shifts_are_those_that_the_scores_were_made_with():
    rng = np.random.default_rng(0)
    truth, shifts = rng.normal(5, 3, 400), rng.normal(0, 2, 80)
    orders = [rng.permutation(400) for _ in range(2)]
    groups = [order[at : at + 10] for order in orders for at in range(0, 400, 10)]
    calls = [
        {int(one): truth[one] + shift + rng.normal(0, 0.5) for one in group}
        for group, shift in zip(groups, shifts, strict=True)
    ]
    assert np.corrcoef(calibrated(calls, 400).shifts, shifts)[0, 1] > 0.97


def test_an_item_that_stands_out_keeps_its_height():
    rng = np.random.default_rng(0)
    truth = np.zeros(100)
    truth[17] = 9.0
    calls = []
    for _ in range(4):
        order = rng.permutation(100)
        for start in range(0, 100, 10):
            calls.append({int(i): truth[i] + abs(rng.normal(0, 0.5)) for i in order[start : start + 10]})
    assert calibrated(calls, 100).values[17] > 8.0


def test_what_no_call_scored_is_not_a_number():
    found = calibrated([{0: 1.0, 2: 3.0}], 4).values
    assert np.isnan(found[[1, 3]]).all()
    assert found[2] > found[0]


@pytest.mark.parametrize("calls", [[], [{}], [{}, {}]])
def test_nothing_scored_is_nothing_calibrated(calls):
    assert np.isnan(calibrated(calls, 3).values).all()


@given(
    st.lists(st.dictionaries(st.integers(0, 9), st.floats(0, 10)), max_size=8),
    st.one_of(st.none(), st.lists(st.floats(0, 1), min_size=10, max_size=10)),
)
def test_any_scores_give_finite_values_for_what_was_scored(calls, prior):
    found = calibrated(calls, 10, prior).values
    scored = {item for call in calls for item in call}
    assert all(np.isfinite(found[item]) == (item in scored) for item in range(10))


@given(st.integers(0, 60), st.integers(2, 12), st.integers(0, 4))
def test_every_candidate_is_in_a_group_of_the_size_asked_for(size, group, anchors):
    groups = Groupwise(group, anchors=anchors).groups(list(range(size)))
    assert {one for mine in groups for one in mine} == set(range(size))
    assert all(len(mine) == len(set(mine)) <= group for mine in groups)
    shared = set.intersection(*map(set, groups)) if groups else set()
    assert len(shared) >= min(anchors, group - 1, size) or len(groups) < 2
