"""Clusters hold no more than they may, hold every row once, and follow what is near."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.tree.balanced_clusters import assigned, balanced_clusters


def points(n: int, seed: int, dimensions: int = 8) -> np.ndarray:
    drawn = np.random.default_rng(seed).normal(size=(n, dimensions)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 400), st.integers(1, 20), st.integers(0, 5))
def test_every_row_is_in_one_cluster_of_bounded_size(n: int, size: int, seed: int) -> None:
    groups = balanced_clusters(points(n, seed), size)
    assert sorted(row for group in groups for row in group) == list(range(n))
    assert all(0 < len(group) <= size for group in groups)


def test_identical_rows_are_parted_all_the_same() -> None:
    groups = balanced_clusters(np.tile(points(1, 0), (50, 1)), 8)
    assert sorted(row for group in groups for row in group) == list(range(50))
    assert all(len(group) <= 8 for group in groups)


def test_the_same_rows_give_the_same_clusters() -> None:
    assert balanced_clusters(points(300, 3), 12, seed=1) == balanced_clusters(points(300, 3), 12, seed=1)


def test_groups_that_are_there_are_found() -> None:
    centres = np.eye(16, dtype=np.float32)[:6]
    rows = np.tile(centres, (10, 1)) + 0.03 * points(60, 1, 16)
    groups = balanced_clusters(rows, 10, fill=1.0)
    # Row r lies at centre r % 6.
    assert sum(len({row % 6 for row in group}) == 1 for group in groups) >= 5


def test_a_full_centre_keeps_who_would_lose_most() -> None:
    likeness = np.array([[0.9, 0.8], [0.9, 0.1], [0.9, 0.5]], dtype=np.float32)
    assert assigned(likeness, 2).tolist() == [1, 0, 0]


def test_what_cannot_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"3 rows do not fit into 1 clusters of 2\."):
        assigned(np.zeros((3, 1), dtype=np.float32), 2)
