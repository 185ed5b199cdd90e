"""Off-policy evaluation: estimate the reward of another policy from logs with propensities.

Written here because obp 0.4.1, the library of the Open Bandit Project, is of 2021, calls `numpy.int`, which
numpy took away in 1.24, and brings torch, pandas and seaborn for three formulas.

Sources: inverse propensity scoring, Horvitz and Thompson 1952; self-normalised, Swaminathan and Joachims,
NeurIPS 2015; doubly robust, Dudík, Langford and Li, ICML 2011.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Value:
    """An estimated mean reward, its 95 % interval, and the effective sample size.

    `effective` is Kish's effective sample size: far below the number of logs, the policies are too
    different for the estimate to mean much.
    """

    mean: float
    low: float
    high: float
    effective: float


@dataclass(frozen=True, eq=False)
class Logged:
    """Logged impressions: propensity, probability under the new policy, and reward of each."""

    propensity: NDArray[np.float64]
    target: NDArray[np.float64]
    reward: NDArray[np.float64]

    def __post_init__(self) -> None:
        import numpy as np

        shapes = {each.shape for each in (self.propensity, self.target, self.reward)}
        if len(shapes) != 1 or len(self.propensity.shape) != 1:
            raise BadInput("Propensities, target chances and rewards differ in number.")
        if not len(self.propensity):
            raise BadInput("The log is empty.", hint="Log what is shown, with its propensity.")
        if not ((self.propensity > 0) & (self.propensity <= 1)).all():
            raise BadInput(
                "A logged propensity is not above 0 and at most 1.",
                hint="Log the chance that the shown item had; without exploration nothing can be said.",
            )
        if not (((self.target >= 0) & (self.target <= 1)).all() and np.isfinite(self.reward).all()):
            raise BadInput("A target chance is not between 0 and 1, or a reward is not finite.")

    @property
    def weights(self) -> NDArray[np.float64]:
        """Importance weights: probability under the new policy divided by the propensity."""
        return self.target / self.propensity


def inverse_propensity(logged: Logged, *, clip: float = float("inf"), seed: int = 0) -> Value:
    """Inverse propensity scoring (IPS): mean of weight · reward; unbiased without `clip`, high variance."""
    import numpy as np

    weights = np.minimum(logged.weights, clip)
    return _value(weights * logged.reward, np.ones(len(weights)), weights, seed)


def self_normalised(logged: Logged, *, clip: float = float("inf"), seed: int = 0) -> Value:
    """Self-normalised IPS: Σ weight · reward / Σ weight; slightly biased, of far lower variance."""
    import numpy as np

    weights = np.minimum(logged.weights, clip)
    return _value(weights * logged.reward, weights, weights, seed)


def doubly_robust(
    logged: Logged,
    predicted: NDArray[np.float64],
    expected: NDArray[np.float64],
    *,
    clip: float = float("inf"),
    seed: int = 0,
) -> Value:
    """Doubly robust estimate: a reward model's prediction, corrected by its weighted errors on the log.

    `predicted` is the model's reward for what was shown, `expected` its mean reward over what the new
    policy would show. Unbiased if either the propensities or the model are right.
    """
    import numpy as np

    weights = np.minimum(logged.weights, clip)
    return _value(expected + weights * (logged.reward - predicted), np.ones(len(weights)), weights, seed)


def _value(
    top: NDArray[np.float64], bottom: NDArray[np.float64], weights: NDArray[np.float64], seed: int
) -> Value:
    """A ratio of means, with the interval of a bootstrap over rows."""
    import numpy as np

    total = float(bottom.sum())
    if total <= 0:
        raise BadInput("The new policy shows nothing of what was logged.", hint="Log with more exploration.")
    random = np.random.default_rng(seed)
    drawn: list[float] = []
    for _ in range(1_000):
        rows = random.integers(0, len(top), len(top))
        below = float(bottom[rows].sum())
        drawn.append(float(top[rows].sum()) / below if below > 0 else 0.0)
    low, high = np.quantile(drawn, [0.025, 0.975])
    squared = float((weights**2).sum())
    effective = float(weights.sum()) ** 2 / squared if squared else 0.0
    return Value(float(top.sum()) / total, float(low), float(high), effective)
