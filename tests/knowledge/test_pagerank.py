"""Local PageRank is PageRank to within its tolerance, whatever the graph looks like."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from orchestrator.knowledge.pagerank import Adjacency, local_pagerank


def graph(nodes: int, edges: list[tuple[int, int]]) -> Adjacency:
    ends = np.array(edges, np.int32).reshape(-1, 2)
    return Adjacency.of(nodes, ends[:, 0], ends[:, 1])


def exact(given: Adjacency, restart: NDArray[np.float64], damping: float) -> NDArray[np.float64]:
    """By power iteration; what is at a node without edges stays there."""
    rank = restart.copy()
    for _ in range(400):
        new = (1 - damping) * restart
        for node in range(given.nodes):
            begin, end = given.starts[node], given.starts[node + 1]
            if begin == end:
                new[node] += damping * rank[node]
            else:
                np.add.at(new, given.targets[begin:end], damping * rank[node] / (end - begin))
        rank = new
    return rank


@given(
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=40),
    st.dictionaries(st.integers(0, 11), st.floats(0.1, 3.0), min_size=1, max_size=4),
    st.sampled_from([0.2, 0.5, 0.85]),
)
def test_it_is_pagerank_to_within_the_tolerance(
    edges: list[tuple[int, int]], restart: dict[int, float], damping: float
) -> None:
    made = graph(12, edges)
    shares = np.zeros(12)
    for node, weight in restart.items():
        shares[node] = weight / sum(restart.values())
    found = local_pagerank(made, restart, damping=damping, tolerance=1e-7, pushes=10**9)
    wanted = exact(made, shares, damping)
    assert sum(found.values()) == pytest.approx(1.0)
    for node in range(12):
        assert found.get(node, 0.0) == pytest.approx(wanted[node], abs=1e-4)


def test_self_loops_cycles_and_hubs_come_to_an_end() -> None:
    star = graph(1_001, [(0, leaf) for leaf in range(1, 1_001)] + [(0, 0), (1, 2), (2, 3), (3, 1)])
    assert star.edges == 2 * 1_003
    found = local_pagerank(star, {1: 1.0}, pushes=500)
    assert sum(found.values()) == pytest.approx(1.0)
    assert max(found, key=found.__getitem__) == 1


def test_without_a_start_there_is_no_rank() -> None:
    assert local_pagerank(graph(3, [(0, 1)]), {}) == {}
    assert local_pagerank(graph(3, [(0, 1)]), {0: 0.0}) == {}
    assert local_pagerank(graph(3, []), {2: 5.0}) == {2: 1.0}


def test_weights_say_how_much_goes_along_an_edge() -> None:
    ends = np.array([[0, 1], [0, 2]], np.int32)
    made = Adjacency.of(3, ends[:, 0], ends[:, 1], np.array([3.0, 1.0], np.float32))
    found = local_pagerank(made, {0: 1.0}, tolerance=1e-8)
    assert found[1] == pytest.approx(3 * found[2], rel=1e-3)
