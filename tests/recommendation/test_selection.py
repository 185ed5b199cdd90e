"""Slices of histories are ranked as all of them at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from orchestrator.interactions.sequences import Sequences
from orchestrator.ports import Ranking
from orchestrator.recommendation.rankers.item_to_item import ItemToItem
from orchestrator.recommendation.selection import best_of_dense, in_slices, taken

ITEMS = 6
ROWS = st.lists(st.lists(st.integers(0, ITEMS - 1), max_size=4), min_size=1, max_size=12)


@given(ROWS, st.integers(-1, 14), st.integers(1, 8), st.integers(0, 3), st.booleans())
def test_slices_of_any_size_rank_as_one(
    removed_rows: list[list[int]], size: int, k: int, seed: int, half: bool
) -> None:
    count = len(removed_rows)
    removed = Sequences.of(removed_rows)
    scores = np.random.default_rng(seed).integers(0, 4, (count, ITEMS)).astype(np.float32)
    among = np.arange(0, count, 2) if half else None
    ranked: list[int] = []

    def rank(rows: NDArray[np.int64]) -> Ranking:
        ranked.extend(rows.tolist())
        assert len(rows) <= max(1, size)
        return best_of_dense(scores[rows].copy(), k=k, removed=taken(removed, rows))

    found = in_slices(rank, count, k=k, size=size, among=among)
    whole = best_of_dense(scores.copy(), k=k, removed=removed)
    assert ranked == list(range(0, count, 2 if half else 1))
    np.testing.assert_array_equal(found.items[ranked], whole.items[ranked])
    np.testing.assert_array_equal(found.scores[ranked], whole.scores[ranked])
    left = np.setdiff1d(np.arange(count), ranked)
    assert (found.items[left] == -1).all()
    assert np.isneginf(found.scores[left]).all()


def test_no_history_is_no_ranking() -> None:
    found = in_slices(lambda rows: best_of_dense(np.zeros((len(rows), 3), np.float32), k=2), 0, k=2, size=4)
    assert found.items.shape == (0, 2)


def test_more_histories_than_a_slice_get_each_its_own() -> None:
    sparse = pytest.importorskip(
        "scipy.sparse", reason="scipy is not installed: the extra `recommend` has it"
    )
    items = 50
    after = sparse.csr_matrix(
        (np.ones(items, np.float32), (np.arange(items), (np.arange(items) + 1) % items)), (items, items)
    )
    histories = Sequences.of([[number % items] for number in range(2_500)])
    ranking = ItemToItem("next", after).top(histories, k=1, removed=Sequences.of([[3]] * 2_500))
    expected = (np.arange(2_500) + 1) % items
    assert ranking.items[:, 0].tolist() == np.where(expected == 3, -1, expected).tolist()
