"""Sparse weights of so few bits that their products, and sums of these, are exact in single precision.

The engine adds up the terms of a query in an order that depends on which words the passages of a shard
have, also those that a reader may not read. Rounded sums would differ in their last bits; exact ones
are the same in every order.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

#: Weights of passages are multiples of 2^-9 and below 4, so they have eleven bits; a product may have 24.
_FRACTION, _MOST = 9, 4.0
_BITS = 24


def passage_weights(weights: Iterable[float]) -> list[float]:
    """The nearest multiples of 2^-9, but never none."""
    unit = 2.0**-_FRACTION
    return [unit * max(1, round(weight / unit)) if weight > 0 else weight for weight in weights]


def query_weights(weights: Mapping[int, float]) -> dict[int, float]:
    """The nearest multiples of the finest unit in which no score has more than 24 bits, but never none."""
    most = _MOST * math.fsum(map(abs, weights.values()))
    if not (0 < most < math.inf):
        return dict(weights)
    unit = 2.0 ** (math.frexp(most)[1] + 1 - _BITS + _FRACTION)
    return {
        term: unit * max(1, round(weight / unit)) if weight > 0 else weight
        for term, weight in weights.items()
    }
