"""Intervals and tests: against exact results, against scipy, and the same every time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.bootstrap import interval, intervals
from orchestrator.evaluation.significance import EXACT, holm, paired_p

scores = st.lists(st.floats(0, 1), min_size=1, max_size=40)


def test_an_interval_is_that_of_the_normal_approximation_where_that_holds() -> None:
    values = np.random.default_rng(3).normal(0.5, 0.1, size=400)
    found = interval(list(values))
    half = 1.96 * values.std() / math.sqrt(len(values))
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=half / 10)
    assert found.high == pytest.approx(values.mean() + half, abs=half / 10)


@given(scores)
def test_an_interval_holds_its_mean_and_is_the_same_every_time(values: list[float]) -> None:
    found = interval(values)
    assert found.low <= found.mean + 1e-12
    assert found.mean <= found.high + 1e-12
    assert interval(values) == found


def test_columns_are_resampled_alike() -> None:
    values = list(np.random.default_rng(0).random(50))
    both = intervals([values, [value / 2 for value in values]])
    assert both[0] == pytest.approx(interval(values))
    assert both[1] == pytest.approx([bound / 2 for bound in both[0]])


def test_another_seed_draws_other_samples() -> None:
    values = list(np.random.default_rng(0).random(50))
    assert interval(values, seed=1) != interval(values, seed=2)


def test_few_differences_are_tested_exactly() -> None:
    # Three differences of one sign: two of the eight assignments of signs are as extreme.
    assert paired_p([1.0, 1.0, 1.0], [0.0, 0.0, 0.0]) == 2 / 8
    assert paired_p([1.0, 0.0], [0.0, 1.0]) == 1.0
    # Queries on which both are alike say nothing.
    assert paired_p([1.0, 1.0, 1.0, 0.5, 0.5], [0.0, 0.0, 0.0, 0.5, 0.5]) == 2 / 8


def test_equal_scores_do_not_differ() -> None:
    assert paired_p([0.1, 0.2, 0.3], [0.1, 0.2, 0.3]) == 1.0


@pytest.mark.slow
def test_many_differences_agree_with_scipy() -> None:
    from scipy import stats

    random = np.random.default_rng(5)
    first = random.random(60)
    second = np.clip(first + random.normal(0.03, 0.1, size=60), 0, 1)
    theirs = stats.permutation_test(
        (first, second),
        lambda a, b: np.mean(a - b),
        permutation_type="samples",
        n_resamples=20_000,
        rng=np.random.default_rng(1),
    )
    assert paired_p(list(first), list(second)) == pytest.approx(theirs.pvalue, abs=0.01)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=EXACT + 10))
def test_the_test_is_symmetric_and_repeatable(pairs: list[tuple[float, float]]) -> None:
    first, second = [one for one, _ in pairs], [two for _, two in pairs]
    p = paired_p(first, second)
    assert 0.0 < p <= 1.0
    assert paired_p(first, second) == p
    assert paired_p(second, first) == pytest.approx(p, abs=0.03)


def test_the_test_keeps_its_level_under_no_difference() -> None:
    random = np.random.default_rng(11)
    found = [paired_p(list(pair[0]), list(pair[1])) for pair in (random.random((2, 12)) for _ in range(400))]
    assert 0.02 <= np.mean(np.array(found) < 0.05) <= 0.08


def test_pairs_are_of_one_length() -> None:
    with pytest.raises(ValueError, match="3 and 2"):
        paired_p([1.0, 2.0, 3.0], [1.0, 2.0])


def test_holm_as_in_a_worked_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), max_size=10))
def test_holm_only_raises_and_keeps_the_order(values: list[float]) -> None:
    adjusted = holm(values)
    assert all(after >= before and after <= 1.0 for after, before in zip(adjusted, values, strict=True))
    order = sorted(range(len(values)), key=lambda index: values[index])
    assert [adjusted[index] for index in order] == sorted(adjusted)


@pytest.mark.slow
def test_of_many_rows_how_often_each_value_occurs_is_drawn() -> None:
    random = np.random.default_rng(1)
    scores = random.choice([0.0, 0.0, 0.0, 0.5, 1.0], size=6_000)
    many = interval(scores)
    drawn = scores[random.integers(0, 6_000, size=(2_000, 6_000))].mean(axis=1)
    assert (many.low, many.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.003)
    assert many.mean == pytest.approx(scores.mean())
    assert interval(scores) == many
    both = intervals([scores, 1.0 - scores])
    assert both[1].low == pytest.approx(1.0 - both[0].high)


@pytest.mark.slow
def test_a_difference_is_certain_only_when_it_is() -> None:
    random = np.random.default_rng(2)
    base = random.random(3_000)
    assert interval((base + 0.01) - base).certain
    assert not interval(random.permutation(base) - base).certain
    assert interval(base - base).mean == 0.0
