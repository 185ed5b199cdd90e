"""One scale for scores that were given in separate calls, by least squares over the items they share.

Each call i sees item v as s = a_i·x_v + b_i plus noise: a model that is strict in one call and lenient
in the next. Items that occur in several calls tie the calls together. LATTICE (arXiv 2510.13217)
fits a shift a call; a scale a call is fitted as well, held towards 1 by a ridge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Weight of the belief that all calls have one shift, in observations.
SHIFT_RIDGE = 1.0
#: Weight of the belief that all calls have one scale, in units of the scores' variance. Items have no
#: such belief: where only one item of a call stands out, its height and the call's scale can be traded
#: for one another, and any pull on the item would shrink it and blow up the scale.
SCALE_RIDGE = 4.0
ROUNDS = 50


def calibrated(calls: Sequence[Mapping[int, float]], size: int, *, scale: bool = True) -> NDArray[np.float64]:
    """A score for each of `size` items on one scale, of shape (size,); NaN where no call scored it.

    `calls` maps items to scores. Alternating least squares: items given the calls, then each call's
    scale and shift given the items. With `scale=False` only shifts are fitted.
    """
    import numpy as np

    rows = [(number, item, score) for number, call in enumerate(calls) for item, score in call.items()]
    found = np.full(size, np.nan)
    if not rows:
        return found
    call = np.array([row[0] for row in rows])
    item = np.array([row[1] for row in rows])
    score = np.array([row[2] for row in rows], dtype=np.float64)
    counts = np.bincount(item, minlength=size).astype(np.float64)
    seen = counts > 0
    in_call = np.bincount(call, minlength=len(calls)).astype(np.float64)
    scales, shifts = np.ones(len(calls)), np.zeros(len(calls))
    middle = float(score.mean())
    belief = SCALE_RIDGE * float(score.var()) + 1e-12
    values = np.zeros(size)
    for _ in range(ROUNDS):
        before = values
        values = _items(call, item, score, scales, shifts, size, middle)
        centred = values - middle
        residual = score - scales[call] * centred[item] - middle
        shifts = np.bincount(call, residual, minlength=len(calls)) / (in_call + SHIFT_RIDGE)
        # Only differences between calls can be told; the items carry the common level.
        shifts -= float(np.average(shifts, weights=in_call))
        if scale:
            scales = _scales(call, centred[item], score - middle - shifts[call], len(calls), belief)
        if float(np.abs(values - before).max()) < 1e-9:
            break
    found[seen] = values[seen]
    return found


def _items(
    call: NDArray[np.int64],
    item: NDArray[np.int64],
    score: NDArray[np.float64],
    scales: NDArray[np.float64],
    shifts: NDArray[np.float64],
    size: int,
    middle: float,
) -> NDArray[np.float64]:
    """Items given the calls, as distances from the middle."""
    import numpy as np

    weight = scales[call]
    above = np.bincount(item, weight * (score - middle - shifts[call]), minlength=size)
    mass = np.bincount(item, weight * weight, minlength=size)
    return middle + above / np.maximum(mass, 1e-12)


def _scales(
    call: NDArray[np.int64],
    value: NDArray[np.float64],
    score: NDArray[np.float64],
    calls: int,
    belief: float,
) -> NDArray[np.float64]:
    """A call's scale given its items, held to 1 by the belief; their geometric mean is 1."""
    import numpy as np

    above = np.bincount(call, value * score, minlength=calls) + belief
    mass = np.bincount(call, value * value, minlength=calls) + belief
    scales = np.clip(above / mass, 0.1, 10.0)
    return scales / np.exp(np.log(scales).mean())
