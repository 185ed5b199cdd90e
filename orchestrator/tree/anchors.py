"""Anchors: what a slate shows beside its own, so that its scores can be compared with those of others."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import Literal

#: How leaves are drawn: with a chance that rises with path relevance (the paper), or, as in the released
#: code, from the better part of a mixture of two normal distributions.
LeafAnchors = Literal["softmax", "mixture"]
_ROUNDS = 50
#: The released code's weights above and below its threshold.
_BASE, _BELOW = 4.0, 1e-4


def leaf_anchors(
    relevance: Mapping[str, float], number: int, seed: str, how: LeafAnchors = "softmax"
) -> tuple[str, ...]:
    """At most `number` leaves, drawn without replacement; by their id where all are taken."""
    names = sorted(relevance)
    if len(names) <= number:
        return tuple(names)
    values = [relevance[name] for name in names]
    if how == "softmax":
        weights = [math.exp(value) for value in values]
    else:
        bar = threshold(values)
        weights = [_BASE ** (2 * value) if value >= bar else _BELOW for value in values]
    rng = random.Random(seed)  # noqa: S311
    # The smallest of exponential variates with these rates are a draw without replacement.
    keys = [-math.log(1.0 - rng.random()) / weight for weight in weights]
    order = sorted(range(len(names)), key=lambda at: (keys[at], names[at]))
    return tuple(names[at] for at in order[:number])


def threshold(values: Sequence[float]) -> float:
    """Between the means of a mixture of two normal distributions, where it is least dense."""
    import numpy as np

    points = np.asarray(values, dtype=np.float64)
    low, high = float(points.min()), float(points.max())
    if high - low < 1e-9:
        return low
    means = np.array([low + 0.25 * (high - low), low + 0.75 * (high - low)])
    spread = np.full(2, max(float(points.var()), 1e-6))
    share = np.full(2, 0.5)

    def densities(at: np.ndarray) -> np.ndarray:
        return share * np.exp(-((at[:, None] - means) ** 2) / (2 * spread)) / np.sqrt(2 * np.pi * spread)

    for _ in range(_ROUNDS):
        dense = densities(points) + 1e-300
        belongs = dense / dense.sum(axis=1, keepdims=True)
        held = belongs.sum(axis=0) + 1e-12
        means = (belongs * points[:, None]).sum(axis=0) / held
        spread = np.maximum((belongs * (points[:, None] - means) ** 2).sum(axis=0) / held, 1e-6)
        share = held / held.sum()
    between = np.linspace(float(means.min()), float(means.max()), 101)
    return float(between[int(np.argmin(densities(between).sum(axis=1)))])
