"""Significance tests: paired randomisation, Holm correction.

Sources: Fisher's randomisation test as in Smucker et al. (CIKM 2007), Holm 1979. Everything is seeded: the
same scores give the same figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PERMUTATIONS = 10_000
#: Up to this many differences, every assignment of signs is tried instead of a sample.
EXACT = 13
#: How many numbers are drawn at once, to bound memory.
_AT_ONCE = 2_000_000


def paired_p(first: Sequence[float], second: Sequence[float], *, seed: int = 0) -> float:
    """The two-sided p of the paired randomisation test that both have the same mean.

    `first[i]` and `second[i]` are of the same query. Exact for few queries, else from random signs.
    """
    import numpy as np

    if len(first) != len(second):
        raise ValueError(f"paired scores differ in number: {len(first)} and {len(second)}")
    # A query on which both score alike says nothing under either assignment of signs.
    differences = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    differences = differences[differences != 0.0]
    count = len(differences)
    if count == 0:
        return 1.0
    # Sums that are equal but for rounding are as extreme as the one observed.
    observed = abs(differences.sum()) * (1 - 1e-9)
    if count <= EXACT:
        bits = np.arange(count, dtype=np.int64)
        signs = (np.arange(2**count, dtype=np.int64)[:, None] >> bits & 1).astype(np.float64) * 2.0 - 1.0
        return float((np.abs(signs @ differences) >= observed).mean())
    random = np.random.default_rng(seed)
    rows = max(1, _AT_ONCE // count)
    extreme = 0
    for begin in range(0, PERMUTATIONS, rows):
        size = min(rows, PERMUTATIONS - begin)
        extreme += int((np.abs(_signs(random, size, count) @ differences) >= observed).sum())
    return (extreme + 1) / (PERMUTATIONS + 1)


def holm(values: Sequence[float]) -> list[float]:
    """p-values of a family of tests, adjusted so that the chance of any false finding keeps its level."""
    order = sorted(range(len(values)), key=lambda index: values[index])
    adjusted = [1.0] * len(values)
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(values) - rank) * values[index]))
        adjusted[index] = highest
    return adjusted


def _signs(random: np.random.Generator, rows: int, columns: int) -> NDArray[np.float64]:
    import numpy as np

    return random.integers(0, 2, size=(rows, columns), dtype=np.int8).astype(np.float64) * 2.0 - 1.0
