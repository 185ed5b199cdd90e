"""How near to a query the best passage below a node may lie, by the spread of the passages around their mean.

The mean of passages alone says little of a wide node: whatever lies beneath it, its cosine is middling. Of n
passages around a mean m, the highest cosine with a query q is expected at about q·m + σ √(2 ln n), where σ is
their deviation along q. Vectors have length one, so that 1 − |m|² is their whole variance; spread over as
many directions as the corpus uses, that is σ² = (1 − |m|²) / d. The expectation of a maximum is that of
normal variates (Cramér, Mathematical Methods of Statistics, 1946, 28.6); d is the participation ratio of the
covariance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Passages that the directions of a corpus are counted on.
SAMPLE = 5_000


def expected_best(
    query: NDArray[np.float32], mean: NDArray[np.float32], leaves: int, directions: float
) -> float:
    """The cosine with `query` that the best of `leaves` passages around `mean` is expected to have."""
    left = max(0.0, 1.0 - float(mean @ mean))
    wide = math.sqrt(2.0 * math.log(max(1, leaves)) * left / max(1.0, directions))
    return min(1.0, float(query @ mean) + wide)


def effective_dimensions(vectors: Sequence[NDArray[np.float32]]) -> float:
    """In how many directions vectors spread: (Σλ)² / Σλ² over the eigenvalues of their covariance."""
    import numpy as np

    if len(vectors) < 2:
        return 1.0
    step = -(-len(vectors) // SAMPLE)
    points = np.stack(vectors[::step]).astype(np.float64)
    points -= points.mean(axis=0)
    # Σλ and Σλ² are the trace and the squared norm of the covariance: no eigenvalue is needed.
    covariance = points.T @ points
    norm = float((covariance * covariance).sum())
    return max(1.0, float(np.trace(covariance)) ** 2 / norm) if norm > 0 else 1.0
