"""Local personalised PageRank by forward push: the time depends on the accuracy, not on the graph's size.

Source: Andersen, Chung and Lang, "Local Graph Partitioning using PageRank Vectors", FOCS 2006.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Adjacency:
    """A weighted graph in compressed rows: the neighbours of node i are `targets[starts[i]:starts[i + 1]]`.

    `starts` is int64 of shape (nodes + 1,), `targets` int32 and `weights` float32 of shape (edges,).
    """

    starts: NDArray[np.int64]
    targets: NDArray[np.int32]
    weights: NDArray[np.float32]

    @property
    def nodes(self) -> int:
        """How many nodes."""
        return len(self.starts) - 1

    @property
    def edges(self) -> int:
        """How many directed edges."""
        return len(self.targets)

    @classmethod
    def of(
        cls,
        nodes: int,
        sources: NDArray[np.int32],
        targets: NDArray[np.int32],
        weights: NDArray[np.float32] | None = None,
        *,
        undirected: bool = True,
    ) -> Adjacency:
        """From lists of edges; `undirected` adds each the other way round. Self loops are left out."""
        given = np.ones(len(sources), np.float32) if weights is None else weights
        apart = sources != targets
        sources, targets, given = sources[apart], targets[apart], given[apart]
        if undirected:
            sources, targets = np.concatenate([sources, targets]), np.concatenate([targets, sources])
            given = np.concatenate([given, given])
        order = np.argsort(sources, kind="stable")
        starts = np.zeros(nodes + 1, np.int64)
        np.cumsum(np.bincount(sources, minlength=nodes), out=starts[1:])
        return cls(starts, targets[order].astype(np.int32), given[order].astype(np.float32))


def local_pagerank(
    graph: Adjacency,
    restart: Mapping[int, float],
    *,
    damping: float = 0.5,
    tolerance: float = 1e-4,
    pushes: int = 20_000,
) -> dict[int, float]:
    """Approximate personalised PageRank from the nodes of `restart`, whose weights are taken as shares.

    `damping` is the share that goes on along edges. A node is pushed while what waits at it is more than
    `tolerance` times its degree, so that every rank is right to within that; at most `pushes` edges are
    walked: a hub whose edges are more than what is left stays where it is. Deterministic.
    """
    total = sum(weight for weight in restart.values() if weight > 0)
    if total <= 0:
        return {}
    waiting = {node: weight / total for node, weight in sorted(restart.items()) if weight > 0}
    queue = deque(waiting)
    queued = set(waiting)
    rank: dict[int, float] = {}
    starts, targets, weights = graph.starts, graph.targets, graph.weights
    while queue:
        node = queue.popleft()
        queued.discard(node)
        amount = waiting.get(node, 0.0)
        begin, end = int(starts[node]), int(starts[node + 1])
        degree = end - begin
        if amount <= tolerance * max(degree, 1):
            continue
        waiting[node] = 0.0
        if not degree or degree > pushes:
            rank[node] = rank.get(node, 0.0) + amount
            continue
        pushes -= degree
        rank[node] = rank.get(node, 0.0) + (1.0 - damping) * amount
        shares = weights[begin:end]
        sent = shares * (damping * amount / float(shares.sum()))
        for other, more in zip(targets[begin:end].tolist(), sent.tolist(), strict=True):
            left = waiting.get(other, 0.0) + more
            waiting[other] = left
            if other not in queued and left > tolerance:
                queued.add(other)
                queue.append(other)
    for node, amount in waiting.items():
        if amount:
            rank[node] = rank.get(node, 0.0) + amount
    return rank
