"""LexRank: the centrality of each sentence in the similarity graph of sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def lexrank(
    similarity: NDArray[np.float32],
    *,
    threshold: float = 0.1,
    damping: float = 0.85,
    tolerance: float = 1e-6,
    rounds: int = 100,
) -> NDArray[np.float32]:
    """Centrality of each sentence, shape (n,), summing to 1.

    `similarity` is symmetric, shape (n, n), between 0 and 1. Sentences more similar than `threshold`
    are neighbours; a random walk follows an edge with probability `damping` and else starts again
    anywhere. A sentence without neighbours keeps what it is given.
    Source: Erkan and Radev, JAIR 22 (2004), where `damping` is written as 1 - d.
    """
    import numpy as np

    n = len(similarity)
    if n == 0:
        return np.zeros(0, dtype=np.float32)
    # Every sentence is its own neighbour, as in the paper: no row is empty, so no mass is lost.
    edges = (similarity > threshold) | np.eye(n, dtype=bool)
    walk = (edges / edges.sum(axis=1, keepdims=True)).T.astype(np.float32)
    ranks = np.full(n, 1.0 / n, dtype=np.float32)
    for _ in range(rounds):
        following = (1.0 - damping) / n + damping * (walk @ ranks)
        moved = float(np.abs(following - ranks).sum())
        ranks = following
        if moved < tolerance:
            break
    return ranks / ranks.sum()
