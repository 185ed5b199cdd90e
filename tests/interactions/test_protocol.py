"""Sequences as flat arrays, the split, and the measures: each against a plain definition of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.interactions.protocol import leave_one_out, leave_two_out
from orchestrator.interactions.sequences import Interactions, Sequences
from orchestrator.ports import Ranking
from orchestrator.recommendation.hit_metrics import (
    coverage,
    figures,
    gains,
    hits,
    invalid,
    ranks,
)

rows = st.lists(st.lists(st.integers(0, 9), max_size=7), max_size=6)


def plain(sequences: Sequences) -> list[list[int]]:
    return [list(map(int, row)) for row in sequences]


@given(rows, st.integers(0, 8), st.data())
def test_sequences_do_what_lists_do(given_rows: list[list[int]], count: int, data: st.DataObject) -> None:
    sequences = Sequences.of(given_rows)
    assert plain(sequences) == given_rows
    assert plain(sequences.newest(count)) == [row[max(0, len(row) - count) :] for row in given_rows]
    assert plain(sequences.without_last(count)) == [row[: max(0, len(row) - count)] for row in given_rows]
    assert list(sequences.ages) == [age for row in given_rows for age in reversed(range(len(row)))]
    assert plain(sequences.take(slice(1, 3))) == given_rows[1:3]
    if given_rows:
        chosen = data.draw(st.lists(st.integers(0, len(given_rows) - 1)))
        assert plain(sequences.take(np.asarray(chosen, dtype=np.int64))) == [given_rows[at] for at in chosen]
    doubled = sequences.followed_by(Sequences.of([row[::-1] for row in given_rows]))
    assert plain(doubled) == [row + row[::-1] for row in given_rows]


def test_users_are_found_by_name() -> None:
    interactions = Interactions(("x", "y"), Sequences.of([[1, 2], []]))
    assert list(interactions.of("x") if interactions.of("x") is not None else []) == [1, 2]
    assert interactions.of("z") is None


@given(rows)
def test_the_split_never_trains_on_what_it_asks(given_rows: list[list[int]]) -> None:
    split = leave_two_out(Sequences.of(given_rows))
    long = [row for row in given_rows if len(row) >= 3]
    assert plain(split.train) == [row[:-2] if len(row) >= 3 else row for row in given_rows]
    assert plain(split.validation.histories) == [row[:-2] for row in long]
    assert list(split.validation.targets) == [row[-2] for row in long]
    assert plain(split.test.histories) == [row[:-1] for row in long]
    assert list(split.test.targets) == [row[-1] for row in long]
    assert split.short == len(given_rows) - len(long)
    train, chosen = leave_one_out(Sequences.of(given_rows))
    assert plain(train) == [row[:-1] if len(row) >= 3 else row for row in given_rows]
    assert list(chosen.targets) == [row[-1] for row in long]


def ranking(*lists: list[int]) -> Ranking:
    items = np.asarray(lists, dtype=np.int32)
    return Ranking(items, np.where(items >= 0, 1.0, -np.inf).astype(np.float32))


def test_measures_are_those_of_the_definition() -> None:
    given_lists = ranking([3, 1, 2], [5, 6, -1], [-1, -1, -1])
    places = ranks(given_lists, np.asarray([2, 5, -1 + 4], dtype=np.int32))
    assert list(places) == [2, 0, -1]
    assert list(hits(places, 2)) == [0.0, 1.0, 0.0]
    assert list(gains(places, 3)) == pytest.approx([1 / math.log2(4), 1.0, 0.0])
    assert coverage(given_lists, 10, k=2) == pytest.approx(4 / 10)
    found = figures(given_lists, np.asarray([2, 5, 3], dtype=np.int32), 10)
    assert found["hr@10"] == pytest.approx(2 / 3)
    assert found["ndcg@10"] == pytest.approx((0.5 + 1.0) / 3)


def test_a_padded_row_finds_no_target_and_is_not_invalid() -> None:
    assert invalid(ranking([1, -1, -1]), 5) == 0.0
    assert invalid(ranking([1, 1, 7, 2]), 5) == pytest.approx(2 / 4)
    assert invalid(ranking([-1, -1]), 5) == 0.0
