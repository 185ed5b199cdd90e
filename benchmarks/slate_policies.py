"""Value slates from simulated logs whose truth is known: does off-policy evaluation find it?

A world of 30 items, each taken with a chance of its own. The log is of Thompson-sampled single places
with their propensities; two other policies are valued from it and then really run.
"""

from __future__ import annotations

import numpy as np

from benchmarks import harness
from orchestrator.recommendation.evaluation.off_policy import (
    Logged,
    doubly_robust,
    inverse_propensity,
    self_normalised,
)
from orchestrator.recommendation.slate.exploration import belief, thompson
from orchestrator.types import Hit, Hits

ITEMS, LOGS = 30, 20_000


def compare(seed: int = 0) -> None:
    """Print the table."""
    random = np.random.default_rng(seed)
    taken = random.beta(2, 12, size=ITEMS)
    hits = Hits(tuple(Hit(f"{at:02}", 1.0 - at / ITEMS) for at in range(ITEMS)))
    # The chance of each item of the first place, from many draws of the same beliefs.
    draws = random.beta(*belief(hits, strength=2.0, taken={}), size=(200_000, ITEMS))
    logging = np.bincount(draws.argmax(axis=1), minlength=ITEMS) / len(draws)
    shown = random.choice(ITEMS, size=LOGS, p=logging)
    reward = (random.random(LOGS) < taken[shown]).astype(float)
    policies = {
        "uniform over the first ten": np.where(np.arange(ITEMS) < 10, 0.1, 0.0),
        "the three best, a tenth at random": _greedy(taken),
    }
    model = np.bincount(shown, weights=reward, minlength=ITEMS)
    model = (model + 1.0) / (np.bincount(shown, minlength=ITEMS) + 8.0)
    headings = ["policy", "truth", "estimator", "value", "95 % interval", "effective logs"]
    print(harness.table(headings, ()))
    for name, policy in {"the log's own": logging, **policies}.items():
        truth = float(policy @ taken)
        logged = Logged(logging[shown], policy[shown], reward)
        expected = np.full(LOGS, float(policy @ model))
        for estimator, value in (
            ("IPS", inverse_propensity(logged)),
            ("SNIPS", self_normalised(logged)),
            ("DR", doubly_robust(logged, model[shown], expected)),
        ):
            print(
                f"| {name} | {truth:.4f} | {estimator} | {value.mean:.4f} | "
                f"{value.low:.4f} to {value.high:.4f} | {value.effective:,.0f} |"
            )
    example = thompson(hits, k=3, strength=2.0, seed=seed)
    print("\nA slate:", ", ".join(f"{each.hit.id} ({each.propensity:.3f})" for each in example))


def _greedy(taken: np.ndarray) -> np.ndarray:
    policy = np.full(ITEMS, 0.1 / ITEMS)
    policy[np.argsort(-taken)[:3]] += 0.9 / 3
    return policy
