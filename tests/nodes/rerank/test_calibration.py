"""Bringing calls to one scale."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.nodes.rerank.calibration import calibrated


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
    assert correlation(calibrated(calls, 100), truth) > 0.97
    assert correlation(calibrated(calls, 100), truth) > correlation(averaged(calls, 100), truth) + 0.05


def test_scales_are_taken_out_as_well():
    truth = np.linspace(-5, 5, 100)
    wins = 0
    for seed in range(10):
        calls = calls_of(truth, groups=20, size=10, shift=1.0, scale=0.5, noise=0.3, seed=seed)
        shifted = correlation(calibrated(calls, 100, scale=False), truth)
        wins += correlation(calibrated(calls, 100), truth) >= shifted
    assert wins >= 7


def test_without_differences_between_calls_nothing_is_lost():
    truth = np.linspace(0, 10, 100)
    calls = calls_of(truth, groups=20, size=10, shift=0.0, scale=0.0, noise=1.0)
    assert correlation(calibrated(calls, 100), truth) > correlation(averaged(calls, 100), truth) - 0.02


def test_an_item_that_stands_out_keeps_its_height():
    rng = np.random.default_rng(0)
    truth = np.zeros(100)
    truth[17] = 9.0
    calls = []
    for _ in range(4):
        order = rng.permutation(100)
        for start in range(0, 100, 10):
            calls.append({int(i): truth[i] + abs(rng.normal(0, 0.5)) for i in order[start : start + 10]})
    assert calibrated(calls, 100)[17] > 8.0


def test_what_no_call_scored_is_not_a_number():
    found = calibrated([{0: 1.0, 2: 3.0}], 4)
    assert np.isnan(found[[1, 3]]).all()
    assert found[2] > found[0]


@pytest.mark.parametrize("calls", [[], [{}], [{}, {}]])
def test_nothing_scored_is_nothing_calibrated(calls):
    assert np.isnan(calibrated(calls, 3)).all()


@given(st.lists(st.dictionaries(st.integers(0, 9), st.floats(0, 10)), max_size=8))
def test_any_scores_give_finite_values_for_what_was_scored(calls):
    found = calibrated(calls, 10)
    scored = {item for call in calls for item in call}
    assert all(np.isfinite(found[item]) == (item in scored) for item in range(10))
