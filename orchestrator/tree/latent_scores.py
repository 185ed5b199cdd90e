"""Latent relevance of what slates show: one scale for scores of separate calls.

Slate i scores entry v as s ≈ x_v + b_i. The paper fits x and b by least squares, which leaves a slate free
that shares no entry with others; its released code fits a scale as well, by AdamW, with more weight on high
scores. `effects` takes shifts as random, with a variance that the scores themselves tell
(`orchestrator.ranking.calibration`): a slate that stands alone is held to the common level, and where judges
do not vary by slate, nothing is corrected. Sources: LATTICE (arXiv 2510.13217), section 3.2, and its released
code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from orchestrator.ranking.calibration import calibrated

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Solver = Literal["effects", "least_squares", "adam", "none", "last"]
#: The calibration expects whole numbers from 0 to 10.
SCALE = 10.0
_STEPS, _RATE, _DECAY, _CLIP, _TAU, _LEAST_WEIGHT = 200, 1e-2, 1e-4, 1.0, 5.0, 0.1


def latent_scores(
    slates: Sequence[Mapping[int, float]], size: int, solver: Solver, prior: Sequence[float] | None = None
) -> NDArray[np.float64]:
    """The latent score of each of `size` entries, shape (size,), NaN where no slate scored one.

    `slates` map entries to scores in [0, 1]. `none` gives the mean of an entry's scores, `last` its last one.
    `prior`, which `effects` uses, is what was expected of the entries before.
    """
    import numpy as np

    if solver == "last":
        values = np.full(size, np.nan)
        for slate in slates:
            for entry, score in slate.items():
                values[entry] = score
        return values
    if solver == "effects":
        scaled = [{entry: SCALE * score for entry, score in slate.items()} for slate in slates]
        expected = None if prior is None else [SCALE * each for each in prior]
        return calibrated(scaled, size, expected).values / SCALE
    rows = [(at, entry, score) for at, slate in enumerate(slates) for entry, score in slate.items()]
    if not rows:
        return np.full(size, np.nan)
    slate = np.array([row[0] for row in rows])
    entry = np.array([row[1] for row in rows])
    score = np.array([row[2] for row in rows], dtype=np.float64)
    seen = np.bincount(entry, minlength=size) > 0
    if solver == "adam":
        return np.where(seen, _adam(slate, entry, score, len(slates), size), np.nan)
    shifts = _shifts(slate, entry, score, len(slates), size) if solver == "least_squares" else None
    left = score if shifts is None else score - shifts[slate]
    means = np.bincount(entry, left, minlength=size) / np.maximum(np.bincount(entry, minlength=size), 1)
    return np.where(seen, means, np.nan)


def _shifts(
    slate: NDArray[np.int64], entry: NDArray[np.int64], score: NDArray[np.float64], slates: int, size: int
) -> NDArray[np.float64]:
    """The shifts of least squares, of those with the least norm: a slate that stands alone has none."""
    import numpy as np

    counts = np.zeros((slates, size))
    np.add.at(counts, (slate, entry), 1.0)
    per_entry = np.maximum(counts.sum(axis=0), 1.0)
    # Entries are eliminated, so that what is solved is as large as there are slates.
    normal = np.diag(counts.sum(axis=1)) - (counts / per_entry) @ counts.T
    means = np.bincount(entry, score, minlength=size) / per_entry
    right = np.bincount(slate, score - means[entry], minlength=slates)
    inverse = np.asarray(np.linalg.pinv(normal, rcond=1e-9, hermitian=True), dtype=np.float64)
    return np.asarray(inverse @ right, dtype=np.float64)


def _adam(
    slate: NDArray[np.int64], entry: NDArray[np.int64], score: NDArray[np.float64], slates: int, size: int
) -> NDArray[np.float64]:
    """As the released code fits: entries times τ, one scale, a shift a slate, and all over the maximum."""
    import numpy as np

    weight = np.maximum(_LEAST_WEIGHT, 1.0 / (1.0 + np.exp(-(score - 0.5))))
    weight = weight / weight.sum()
    counts = np.maximum(np.bincount(entry, minlength=size), 1)
    values = [np.bincount(entry, score, minlength=size) / counts / _TAU, np.ones(1), np.zeros(slates)]
    first = [np.zeros_like(each) for each in values]
    second = [np.zeros_like(each) for each in values]
    for step in range(1, _STEPS + 1):
        latent, scale, shift = values
        rest = _TAU * scale[0] * latent[entry] + shift[slate] - score
        pull = 2.0 * weight * rest
        slopes = [
            np.bincount(entry, pull * _TAU * scale[0], minlength=size),
            np.array([float((pull * _TAU * latent[entry]).sum())]),
            np.bincount(slate, pull, minlength=slates),
        ]
        norm = float(np.sqrt(sum(float((each * each).sum()) for each in slopes)))
        clip = min(1.0, _CLIP / max(norm, 1e-12))
        for at, slope in enumerate(slopes):
            first[at] = 0.9 * first[at] + 0.1 * clip * slope
            second[at] = 0.999 * second[at] + 0.001 * (clip * slope) ** 2
            moved = (first[at] / (1 - 0.9**step)) / (np.sqrt(second[at] / (1 - 0.999**step)) + 1e-8)
            values[at] = values[at] * (1 - _RATE * _DECAY) - _RATE * moved
    found = _TAU * values[1][0] * values[0]
    highest = float(found.max())
    return found / highest if highest > 0 else found
