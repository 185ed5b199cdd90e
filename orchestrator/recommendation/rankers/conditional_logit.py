"""Weights of a linear score under which the chosen candidate of each row is likely: conditional logit.

Source: McFadden, "Conditional logit analysis of qualitative choice behavior", 1974; as a ranking loss
ListNet's top-one cross-entropy (Cao et al., ICML 2007). Convex: there is one answer, and no seed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestrator.recommendation.libraries import library

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: On weights of standardised signals.
RIDGE = 1e-3


def conditional_logit(
    row: NDArray[np.int64],
    signals: NDArray[np.float32],
    chosen: NDArray[np.bool_],
    *,
    ridge: float = RIDGE,
    steps: int = 100,
) -> NDArray[np.float64]:
    """A weight for each column of `signals`; rows without a chosen candidate teach nothing.

    `row` ascends. All weights are 0 when there is nothing to learn from.
    """
    import numpy as np

    optimize = library("scipy.optimize")

    width = int(signals.shape[1])
    teaches = np.zeros(int(row[-1]) + 1 if len(row) else 0, dtype=np.bool_)
    teaches[row[chosen]] = True
    kept = teaches[row]
    if not kept.any():
        return np.zeros(width)
    group: NDArray[np.int64] = np.unique(row[kept], return_inverse=True)[1]
    starts = np.searchsorted(group, np.arange(int(group[-1]) + 1))
    mean = signals[kept].mean(axis=0, dtype=np.float64)
    spread = signals[kept].std(axis=0, dtype=np.float64)
    scale = np.where(spread > 1e-9, spread, np.inf)
    z = ((signals[kept] - mean) / scale).astype(np.float32)
    y = chosen[kept].astype(np.float32)
    count = len(starts)

    def loss(weights: Any) -> tuple[float, Any]:
        scores = (z @ weights.astype(np.float32)).astype(np.float64)
        highest = np.maximum.reduceat(scores, starts)
        raised = np.exp(scores - highest[group])
        total = np.add.reduceat(raised, starts)
        value = (np.log(total) + highest).sum() - scores[y > 0].sum()
        slope: Any = z.T @ (raised / total[group] - y).astype(np.float32)
        penalty = float(ridge * (weights @ weights) / 2)
        return float(value) / count + penalty, slope / count + ridge * weights

    found: Any = optimize.minimize(
        loss, np.zeros(width), jac=True, method="L-BFGS-B", options={"maxiter": steps}
    )
    return np.asarray(found.x, dtype=np.float64) / scale
