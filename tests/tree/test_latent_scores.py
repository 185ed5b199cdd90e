"""Separate calls are brought to one scale, also where they share nothing."""

from __future__ import annotations

import numpy as np
import pytest

from orchestrator.tree.latent_scores import latent_scores


def slates(shift: float, seed: int = 0) -> tuple[np.ndarray, list[dict[int, float]]]:
    """Twelve slates of six entries, each beside four that another slate shows, too."""
    rng = np.random.default_rng(seed)
    truth = rng.random(72)
    calls = []
    for call in range(12):
        own = list(range(6 * call, 6 * call + 6))
        anchors = [(6 * call + 6 + at) % 72 for at in range(4)]
        by = rng.normal(0, shift)
        calls.append({at: float(truth[at] + by + rng.normal(0, 0.03)) for at in (*own, *anchors)})
    return truth, calls


def likeness(found: np.ndarray, truth: np.ndarray) -> float:
    return float(np.corrcoef(found, truth)[0, 1])


@pytest.mark.parametrize("solver", ["effects", "least_squares", "adam"])
def test_a_shift_of_a_slate_is_found(solver: str) -> None:
    truth, calls = slates(0.3)
    found = latent_scores(calls, 72, solver)  # type: ignore[arg-type]
    assert likeness(found, truth) > likeness(latent_scores(calls, 72, "none"), truth) + 0.05


def test_least_squares_is_the_solution_of_its_equations() -> None:
    _, calls = slates(0.3, seed=1)
    found = latent_scores(calls, 72, "least_squares")
    rows = [(at, entry, score) for at, call in enumerate(calls) for entry, score in call.items()]
    design = np.zeros((len(rows), 72 + 12))
    for row, (at, entry, _) in enumerate(rows):
        design[row, entry] = design[row, 72 + at] = 1.0
    given = np.array([score for _, _, score in rows])
    solved = np.linalg.lstsq(design, given, rcond=None)[0]
    # Both are up to a common shift.
    difference = found - solved[:72]
    assert float(difference.std()) < 1e-8


def test_a_slate_that_stands_alone_stays_where_it_is() -> None:
    calls = [{0: 0.9, 1: 0.8}, {2: 0.2, 3: 0.1}]
    assert latent_scores(calls, 4, "least_squares").tolist() == pytest.approx([0.9, 0.8, 0.2, 0.1])
    effects = latent_scores(calls, 4, "effects", [0.9, 0.9, 0.2, 0.2])
    assert effects[1] > effects[2] + 0.4


def test_the_last_score_and_the_mean() -> None:
    calls = [{0: 0.2}, {0: 0.6, 1: 0.5}]
    assert latent_scores(calls, 3, "last")[:2].tolist() == [0.6, 0.5]
    assert latent_scores(calls, 3, "none")[:2].tolist() == pytest.approx([0.4, 0.5])
    assert np.isnan(latent_scores(calls, 3, "none")[2])


@pytest.mark.parametrize("solver", ["effects", "least_squares", "adam", "none", "last"])
def test_nothing_scored_gives_nothing(solver: str) -> None:
    assert np.isnan(latent_scores([], 2, solver)).all()  # type: ignore[arg-type]
    assert np.isnan(latent_scores([{}], 2, solver)).all()  # type: ignore[arg-type]
