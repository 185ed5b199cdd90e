from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sql.terms import Frequencies, nothing, packed
from orchestrator.errors import StoreError

PASSAGES = st.lists(st.lists(st.integers(0, 2**32 - 1) | st.integers(0, 5), max_size=8), max_size=8)


def counted(passages: list[list[int]]) -> Counter[int]:
    return Counter(dimension for passage in passages for dimension in set(passage))


@pytest.mark.slow
@given(PASSAGES, PASSAGES)
def test_frequencies_count_passages_in_and_out(staying: list[list[int]], leaving: list[list[int]]) -> None:
    everything = nothing().changed([packed(terms) for terms in staying + leaving], ())
    left = everything.changed((), [packed(terms) for terms in leaving])
    assert dict(left.items()) == counted(staying)
    assert left == counted(staying)
    assert {dimension: left[dimension] for dimension in left} == counted(staying)
    stored = Frequencies.loaded(*left.dumped())
    assert stored == left
    for dimension in {term for passage in leaving for term in passage} - counted(staying).keys():
        assert dimension not in stored
        assert stored.get(dimension, 0) == 0


def test_more_cannot_leave_than_came() -> None:
    with pytest.raises(StoreError, match="rebuild"):
        nothing().changed([packed([1])], [packed([1, 2])])


@pytest.mark.parametrize("dimension", [-1, 2**32])
def test_a_dimension_that_cannot_be_stored_is_refused(dimension: int) -> None:
    with pytest.raises(StoreError, match="Sparse dimensions"):
        packed([3, dimension])
