"""Exploration with its propensities, and what they are good for: valuing a policy that was not run."""

from __future__ import annotations

import numpy as np
import pytest

from orchestrator.errors import BadInput
from orchestrator.interactions.items import Item
from orchestrator.recommendation.evaluation.off_policy import (
    Logged,
    doubly_robust,
    inverse_propensity,
    self_normalised,
)
from orchestrator.recommendation.slate.diversity import relevant_and_unlike, within_caps
from orchestrator.recommendation.slate.exploration import belief, thompson
from orchestrator.types import Hit, Hits

HITS = Hits(tuple(Hit(f"i{at}", 1.0 - at / 10) for at in range(8)))


@pytest.mark.slow
def test_a_propensity_is_how_often_the_item_comes_first() -> None:
    slates = [thompson(HITS, k=1, strength=5.0, seed=seed)[0] for seed in range(400)]
    for one in ("i0", "i1", "i2"):
        share = np.mean([each.hit.id == one for each in slates])
        claimed = {round(each.propensity, 9) for each in slates if each.hit.id == one}
        assert max(claimed) - min(claimed) < 0.04, "the same chance whatever was drawn"
        assert np.mean(list(claimed)) == pytest.approx(share, abs=0.08)


def test_a_slate_has_no_item_twice_and_every_chance_is_one() -> None:
    for seed in range(20):
        slate = thompson(HITS, k=8, strength=3.0, seed=seed)
        assert len({each.hit.id for each in slate}) == 8
        assert all(0 < each.propensity <= 1 for each in slate)
        assert slate[-1].propensity == pytest.approx(1.0)
    assert thompson(HITS, k=3, seed=4) == thompson(HITS, k=3, seed=4)
    assert thompson(Hits(), k=3) == ()


def test_belief_follows_the_evidence_and_strength_ends_exploration() -> None:
    first, second = belief(HITS, strength=10.0, taken={"i7": (1_000, 900)})
    means = first / (first + second)
    assert means.argmax() == 7
    assert thompson(HITS, k=1, strength=10.0, taken={"i7": (1_000, 900)})[0].hit.id == "i7"
    certain = thompson(HITS, k=3, strength=1e6)
    assert [each.hit.id for each in certain] == ["i0", "i1", "i2"]
    assert certain[0].propensity == pytest.approx(1.0)


def world(logs: int = 20_000) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(7)
    taken = np.asarray([0.05, 0.1, 0.3, 0.6])
    logging = np.asarray([0.4, 0.3, 0.2, 0.1])
    shown = random.choice(4, size=logs, p=logging)
    return taken, logging, shown, (random.random(logs) < taken[shown]).astype(float)


@pytest.mark.slow
@pytest.mark.parametrize("policy", [[0.1, 0.2, 0.3, 0.4], [0.0, 0.0, 0.0, 1.0], [0.4, 0.3, 0.2, 0.1]])
def test_the_truth_is_within_the_interval(policy: list[float]) -> None:
    taken, logging, shown, reward = world()
    new = np.asarray(policy)
    logged = Logged(logging[shown], new[shown], reward)
    wrong = np.full(4, 0.25)
    expected = np.full(len(shown), float(new @ wrong))
    for value in (
        inverse_propensity(logged),
        self_normalised(logged),
        doubly_robust(logged, wrong[shown], expected),
    ):
        assert value.low - 0.01 <= float(new @ taken) <= value.high + 0.01
        assert 0 < value.effective <= len(shown) + 1e-6


def test_a_right_model_makes_wrong_propensities_harmless() -> None:
    taken, _, shown, reward = world()
    new = np.asarray([0.1, 0.2, 0.3, 0.4])
    wrong = Logged(np.full(len(shown), 0.25), new[shown], reward)
    truth = float(new @ taken)
    assert abs(inverse_propensity(wrong).mean - truth) > 0.05
    robust = doubly_robust(wrong, taken[shown], np.full(len(shown), truth))
    assert robust.mean == pytest.approx(truth, abs=0.02)


@pytest.mark.parametrize(
    ("propensity", "target", "reward", "said"),
    [
        ([], [], [], "The log is empty"),
        ([0.0], [0.5], [1.0], "not above 0"),
        ([0.5], [1.5], [1.0], "not between 0 and 1"),
        ([0.5], [0.5], [float("nan")], "not finite"),
        ([0.5, 0.5], [0.5], [1.0], "differ in number"),
    ],
)
def test_a_log_that_can_say_nothing_is_refused(
    propensity: list[float], target: list[float], reward: list[float], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        Logged(*(np.asarray(each, dtype=np.float64) for each in (propensity, target, reward)))
    unseen = Logged(np.asarray([0.5]), np.asarray([0.0]), np.asarray([1.0]))
    with pytest.raises(BadInput, match="nothing of what was logged"):
        self_normalised(unseen)


def test_caps_hold_for_every_value_and_likeness_is_paid_for() -> None:
    items = [Item(f"i{at}", attributes=(("brand", "AB"[at % 2]),)) for at in range(6)] + [Item("bare")]
    assert within_caps(range(7), items, k=10, at_most={"brand": 2}) == [0, 1, 2, 3, 6]
    assert within_caps(range(7), items, k=3, at_most={}) == [0, 1, 2]
    alike = np.eye(8, dtype=np.float32)
    alike[0, 1] = alike[1, 0] = 1.0
    assert relevant_and_unlike(HITS.hits, alike, k=3, diversity=0.0) == [0, 1, 2]
    assert relevant_and_unlike(HITS.hits, alike, k=3, diversity=0.5) == [0, 2, 3]
