"""Monotone fits: logistic regression with weights that may not be negative, and isotonic regression."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Strength of the belief that weights are small, in units of one observation.
RIDGE = 1.0
_STEPS, _SWEEPS, _CLOSE = 50, 200, 1e-9


def logistic(
    rows: NDArray[np.float64], labels: NDArray[np.float64], *, positive: int, ridge: float = RIDGE
) -> tuple[float, NDArray[np.float64]]:
    """Bias and weights of logistic regression on standardised rows, the first `positive` weights ≥ 0.

    Newton steps, each a quadratic that is minimised under the bounds by coordinate descent, halved
    until the loss falls. The loss is convex, so that the bounds have one solution.
    """
    import numpy as np

    design = np.hstack([np.ones((len(rows), 1)), rows])
    count = design.shape[1]
    penalty = np.full(count, ridge)
    penalty[0] = 0.0
    lower = np.full(count, -np.inf)
    lower[1 : 1 + positive] = 0.0
    share = float(np.clip(labels.mean(), 1e-6, 1 - 1e-6))
    weights = np.zeros(count)
    weights[0] = np.log(share / (1 - share))

    def loss(at: NDArray[np.float64]) -> float:
        logits = design @ at
        return float(np.sum(np.logaddexp(0.0, logits) - labels * logits) + 0.5 * penalty @ (at * at))

    value = loss(weights)
    for _ in range(_STEPS):
        likely = 1.0 / (1.0 + np.exp(-(design @ weights)))
        gradient = design.T @ (likely - labels) + penalty * weights
        curvature = (design * (likely * (1 - likely) + 1e-12)[:, None]).T @ design + np.diag(penalty + 1e-9)
        step = _bounded(curvature, gradient, lower - weights)
        size = 1.0
        while size > 1e-6 and loss(weights + size * step) > value:
            size /= 2
        weights = weights + size * step
        before, value = value, loss(weights)
        if before - value <= _CLOSE * (1 + abs(value)):
            break
    weights[1 : 1 + positive] = np.maximum(0.0, weights[1 : 1 + positive])
    return float(weights[0]), weights[1:]


def _bounded(
    curvature: NDArray[np.float64], gradient: NDArray[np.float64], lower: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The step that minimises gradient·x + x·curvature·x / 2 with x ≥ lower."""
    import numpy as np

    step = np.zeros(len(gradient))
    for _ in range(_SWEEPS):
        moved = 0.0
        for at in range(len(step)):
            wanted = step[at] - (gradient[at] + curvature[at] @ step) / curvature[at, at]
            new = max(float(lower[at]), float(wanted))
            moved = max(moved, abs(new - float(step[at])))
            step[at] = new
        if moved < 1e-12:
            break
    return step


def isotonic(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[tuple[float, float], ...]:
    """The non-decreasing function of x nearest to y, as (x, value) knots to interpolate between.

    Pool adjacent violators: neighbours whose means fall are joined until they rise. Equal x are one
    observation. Each pool has a knot at its first and last x. Source: Ayer et al., 1955.
    """
    import numpy as np

    places, first = np.unique(x, return_inverse=True)
    counts = np.bincount(first).astype(np.float64)
    means = np.bincount(first, weights=y) / counts
    pools: list[tuple[float, float, float, float]] = []
    for place, mean, weight in zip(places.tolist(), means.tolist(), counts.tolist(), strict=True):
        begin, total, mass = place, mean * weight, weight
        while pools and pools[-1][2] / pools[-1][3] >= total / mass:
            previous = pools.pop()
            begin, total, mass = previous[0], total + previous[2], mass + previous[3]
        pools.append((begin, place, total, mass))
    knots: dict[float, float] = {}
    for begin, end, total, mass in pools:
        knots[begin] = knots[end] = total / mass
    return tuple(knots.items())
