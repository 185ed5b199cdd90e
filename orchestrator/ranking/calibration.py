"""One scale for scores of separate calls, where a model is strict in one and lenient in the next.

Call i sees item v as s = x_v + b_i + noise. All parts are random, their variances estimated from the scores
themselves (empirical Bayes): x_v around a line in the retriever's score, b_i around 0. Where the noise is
each judgement's own, the variance of the calls comes out as nothing, and so does the correction: the
method turns itself off. LATTICE (arXiv 2510.13217) fits calls by least squares; Henderson, Biometrics 31
(1975), Laird and Ware, Biometrics 38 (1982) for the model and its fit by EM.

A scale a call is not fitted. Where one item of a call stands out, its height and the call's scale can be
traded for one another, so that a fitted scale takes from the item what makes it stand out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Scores are whole numbers: no error is smaller than that of rounding.
LEAST_VARIANCE = 1 / 12
ROUNDS = 60
#: A call that would be corrected by less than this, in scores, needs no further round.
ENOUGH = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """What was found: `values` of items on one scale, shape (size,), NaN where no call scored one, and
    `shifts` of calls, shape (calls,); the variances of calls, items and errors, in squared scores."""

    values: NDArray[np.float64]
    shifts: NDArray[np.float64]
    calls: float
    items: float
    errors: float


def calibrated(
    calls: Sequence[Mapping[int, float]], size: int, prior: Sequence[float] | None = None
) -> Calibration:
    """The mean of each item's scores, each less the shift of its call.

    `calls` maps items to scores; `prior` is what is known of the `size` items before, such as the
    retriever's scores. It only tells the calls apart: a call of items that promised much may give much.
    """
    import numpy as np

    rows = [(number, item, score) for number, call in enumerate(calls) for item, score in call.items()]
    shifts, values = np.zeros(len(calls)), np.full(size, np.nan)
    if not rows:
        return Calibration(values, shifts, 0.0, 0.0, 0.0)
    call = np.array([row[0] for row in rows])
    item = np.array([row[1] for row in rows])
    score = np.array([row[2] for row in rows], dtype=np.float64)
    per_item = np.bincount(item, minlength=size).astype(np.float64)
    per_call = np.bincount(call, minlength=len(calls)).astype(np.float64)
    seen = per_item > 0
    known = np.zeros(size) if prior is None else np.asarray(prior, dtype=np.float64)
    line = np.stack([np.ones(size), known], axis=1)
    fitting = np.linalg.pinv(line[seen])

    def means() -> NDArray[np.float64]:
        sums = np.bincount(item, score - shifts[call], minlength=size)
        return sums / np.maximum(per_item, 1.0)

    errors = items = between = max(LEAST_VARIANCE, float(score.var()) / 3.0)
    for _ in range(ROUNDS):
        mean = means()
        expected = line @ (fitting @ mean[seen])
        pull = errors / items
        likely = (per_item * mean + pull * expected) / (per_item + pull)
        hold = errors / between
        sums = np.bincount(call, score - likely[item], minlength=len(calls))
        before, shifts = shifts, sums / (per_call + hold)
        # Only differences between calls can be told; the items carry the common level.
        shifts = shifts - float(np.average(shifts, weights=per_call))
        # Each variance is the mean square of what is estimated, and of what the estimate leaves open.
        open_item, open_call = errors / (per_item + pull), errors / (per_call + hold)
        rest = score - likely[item] - shifts[call]
        errors = max(LEAST_VARIANCE, float((rest * rest + open_item[item] + open_call[call]).mean()))
        spread = (likely - expected)[seen]
        items = max(LEAST_VARIANCE, float((spread * spread + open_item[seen]).mean()))
        between = max(1e-6, float((shifts * shifts + open_call).mean()))
        if float(np.abs(shifts - before).max()) < ENOUGH:
            break
    values[seen] = means()[seen]
    return Calibration(values, shifts, between, items, errors)
