"""Fitting a relevance map: monotone fits, thresholds, and a map that refuses what it should."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import BadInput
from orchestrator.evaluation.monotone import isotonic, logistic
from orchestrator.evaluation.relevance_fitting import Sighting, best_threshold, filtering, fit_sightings
from orchestrator.types import Hit, Hits, ranked


def sighting(
    number: int, random: np.random.Generator, *, answer: bool = True, level: float = 0.5
) -> Sighting:
    """A query whose one relevant passage stands out of thirty, on a background of its own height."""
    height = level + 0.2 * random.random()
    scores = height + 0.03 * random.standard_normal(30)
    names = [f"q{number}-p{n:02}" for n in range(30)]
    if answer:
        scores[0] = height + 0.2
    cosine = ranked([Hit(name, float(score)) for name, score in zip(names, scores, strict=True)])
    bm25 = Hits(tuple(Hit(hit.id, 10 * hit.score) for hit in cosine))
    return Sighting(
        f"q{number}",
        cosine.ids[:10],
        cosine,
        bm25,
        5,
        frozenset(names[:1]) if answer else frozenset(),
        int(answer),
    )


@pytest.mark.slow
def test_a_map_tells_what_stands_out_from_its_own_background() -> None:
    random = np.random.default_rng(1)
    fitted = fit_sightings([sighting(n, random) for n in range(60)], "e", "s", pool=100, unanswerable=0.5)
    fresh = [sighting(100 + n, random) for n in range(60)]
    kept = [
        [
            p
            for p, value in zip(one.found, fitted.probabilities(one.features(fitted.spread)), strict=True)
            if value >= fitted.threshold
        ]
        for one in fresh
    ]
    refused = [
        bool((fitted.probabilities(twin.features(fitted.spread)) < fitted.threshold).all())
        for twin in (one.unanswerable() for one in fresh)
    ]
    found = filtering(kept, fresh, refused)
    # A fixed threshold cannot: the backgrounds differ by as much as an answer stands out.
    cosines = [one.features(fitted.spread)[:, 0] for one in fresh]
    _, plain = best_threshold(
        fresh, cosines, [one.unanswerable().features(fitted.spread)[:, 0] for one in fresh]
    )
    assert found.f1 > 0.85 > plain.f1
    assert found.refused > 0.85
    assert dict(fitted.expected)["f1"] == pytest.approx(found.f1, abs=0.1)


@pytest.mark.slow
def test_questions_on_another_subject_are_refused() -> None:
    random = np.random.default_rng(2)
    fitted = fit_sightings(
        [sighting(n, random) for n in range(60)], "e", "s", pool=100, max_false_refusals=0.05
    )
    strangers = [sighting(n, random, level=0.1) for n in range(40)]
    assert not any(fitted.familiar(one.features(fitted.spread)) for one in strangers)
    own = [sighting(200 + n, random) for n in range(100)]
    assert sum(fitted.familiar(one.features(fitted.spread)) for one in own) >= 85


@pytest.mark.slow
def test_a_precision_can_be_asked_for() -> None:
    random = np.random.default_rng(3)
    seen = [sighting(n, random) for n in range(40)]
    strict = fit_sightings(seen, "e", "s", pool=100, precision=0.9)
    assert dict(strict.expected)["precision"] >= 0.9
    hopeless = [
        Sighting(one.query, one.found, one.cosine, one.bm25, 5, frozenset([random.choice(one.found)]), 1)
        for one in (sighting(n, random, answer=False) for n in range(40))
    ]
    with pytest.raises(BadInput, match=r"No threshold reaches a precision of 0\.99"):
        fit_sightings(hopeless, "e", "s", pool=100, precision=0.99)


def test_few_judgements_are_refused() -> None:
    random = np.random.default_rng(4)
    with pytest.raises(BadInput, match=r"at least 20 queries .* there are 5"):
        fit_sightings([sighting(n, random) for n in range(5)], "e", "s", pool=100)


def test_a_query_counts_by_what_was_kept_of_it() -> None:
    one = Sighting("q", ("a", "b"), Hits(), Hits(), 1, frozenset("ax"), 2)
    found = filtering([["a", "b"]], [one], [True, False])
    assert (found.precision, found.recall, found.f1) == (0.5, 0.5, 0.5)
    assert (found.refused, found.lost) == (0.5, 0.0)
    assert filtering([[]], [one]).lost == 1.0


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 1)), min_size=1, max_size=60))
def test_isotonic_regression_rises_and_is_nearest(points: list[tuple[int, int]]) -> None:
    x, y = (np.array(column, dtype=float) for column in zip(*points, strict=True))
    knots = isotonic(x, y)
    at, values = zip(*knots, strict=True)
    assert list(at) == sorted(set(at))
    assert list(values) == sorted(values)
    # The minimax form: the highest, over where a block begins, of the lowest mean over where it ends.
    expected = [
        max(
            min(float(y[(x >= begin) & (x <= end)].mean()) for end in at if end >= here)
            for begin in at
            if begin <= here
        )
        for here in x
    ]
    assert np.interp(x, at, values) == pytest.approx(expected, abs=1e-9)


def test_logistic_weights_are_where_the_loss_is_flat_and_keep_their_signs() -> None:
    random = np.random.default_rng(5)
    rows = random.standard_normal((400, 3))
    labels = (rows @ [1.5, 0.7, -0.9] + 0.3 + random.logistic(size=400) > 0).astype(float)

    def slope(rows: np.ndarray, bias: float, weights: np.ndarray) -> np.ndarray:
        wrong = 1 / (1 + np.exp(-(rows @ weights + bias))) - labels
        return np.array([wrong.sum(), *(rows.T @ wrong + weights)])

    bias, weights = logistic(rows, labels, positive=2)
    assert slope(rows, bias, weights) == pytest.approx(np.zeros(4), abs=1e-3)
    assert weights == pytest.approx([1.5, 0.7, -0.9], abs=0.4)
    bias, weights = logistic(-rows, labels, positive=2)
    assert (weights[:2] == 0).all()
    flat = slope(-rows, bias, weights)
    assert flat[[0, 3]] == pytest.approx(np.zeros(2), abs=1e-3)
    # Where a bound holds, the loss would only fall beyond it.
    assert (flat[1:3] > 0).all()
