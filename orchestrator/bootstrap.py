"""How sure a mean is: percentile bootstrap intervals (Efron and Tibshirani, 1993).

Everything is seeded: the same scores give the same figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RESAMPLES = 10_000
#: Above this many rows it is drawn how often each *distinct* row occurs, which is the same distribution: a
#: resample of a hundred thousand hits and misses costs as little as one of two values.
MANY = 5_000
#: How many numbers are drawn at once, to bound memory.
_AT_ONCE = 2_000_000


class Interval(NamedTuple):
    """A mean, and the bounds of its 95 % confidence interval."""

    mean: float
    low: float
    high: float

    @property
    def certain(self) -> bool:
        """Whether the interval lies on one side of nothing: of a difference, whether there is one."""
        return self.low > 0 or self.high < 0


def intervals(
    columns: Sequence[Sequence[float] | NDArray[np.float64]],
    *,
    seed: int = 0,
    level: float = 0.95,
    resamples: int = RESAMPLES,
) -> list[Interval]:
    """The mean of each column of one score a row, with its percentile bootstrap interval over rows.

    All columns are of the same rows (queries, users), and are resampled alike.
    """
    import numpy as np

    scores = np.asarray(columns, dtype=np.float64).T
    if scores.size == 0:
        return [Interval(float("nan"), float("nan"), float("nan")) for _ in columns]
    drawn = _by_value if len(scores) > MANY else _by_row
    means = drawn(scores, resamples, np.random.default_rng(seed))
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2], axis=0)
    mean = scores.mean(axis=0)
    return [Interval(float(mean[at]), float(low[at]), float(high[at])) for at in range(scores.shape[1])]


def interval(
    scores: Sequence[float] | NDArray[np.float64],
    *,
    seed: int = 0,
    level: float = 0.95,
    resamples: int = RESAMPLES,
) -> Interval:
    """The mean of one score a row, with its interval."""
    return intervals([scores], seed=seed, level=level, resamples=resamples)[0]


def _by_row(scores: NDArray[np.float64], resamples: int, random: np.random.Generator) -> NDArray[np.float64]:
    """The means (resamples, columns) of rows drawn with replacement."""
    import numpy as np

    count = len(scores)
    means = np.empty((resamples, scores.shape[1]))
    rows = max(1, _AT_ONCE // count)
    for begin in range(0, resamples, rows):
        size = min(rows, resamples - begin)
        drawn = random.integers(0, count, size=(size, count)) + count * np.arange(size)[:, None]
        # How often each row was drawn: then the means of all columns are one product.
        counts = np.bincount(drawn.ravel(), minlength=size * count).reshape(size, count)
        means[begin : begin + size] = counts @ scores / count
    return means


def _by_value(
    scores: NDArray[np.float64], resamples: int, random: np.random.Generator
) -> NDArray[np.float64]:
    """The means (resamples, columns) by how often each distinct row is drawn."""
    import numpy as np

    values, counts = np.unique(scores, axis=0, return_counts=True)
    share, size = counts / len(scores), max(1, _AT_ONCE // len(values))
    means = np.empty((resamples, scores.shape[1]))
    for begin in range(0, resamples, size):
        stop = min(begin + size, resamples)
        means[begin:stop] = random.multinomial(len(scores), share, size=stop - begin) @ values / len(scores)
    return means
