"""What every `SparseEncoder` whose weights are learned must give."""

from __future__ import annotations

from itertools import pairwise

import pytest

from orchestrator.ports import SparseEncoder
from orchestrator.testing.sparse_encoder import EMPTY

TEXTS = ("otters sleep on their backs", "otter otter badger", "", "水獭 x", "a \ud800 half", "otter " * 5000)


class LearnedSparseConformance:
    """Subclass it with a fixture `encoder`."""

    @pytest.fixture
    def encoder(self) -> SparseEncoder:
        """The encoder under test."""
        raise NotImplementedError

    def test_it_says_that_its_weights_are_learned(self, encoder: SparseEncoder) -> None:
        assert getattr(encoder, "learned", False) is True

    def test_indices_rise_and_values_are_positive(self, encoder: SparseEncoder) -> None:
        for vector in [*encoder.passages(TEXTS), *(encoder.query(text) for text in TEXTS)]:
            assert len(vector.indices) == len(vector.values)
            assert all(before < after for before, after in pairwise(vector.indices))
            assert all(0 <= index < 1 << 32 for index in vector.indices)
            assert all(value > 0 for value in vector.values)

    def test_a_vector_does_not_depend_on_its_company(self, encoder: SparseEncoder) -> None:
        together = encoder.passages(TEXTS)
        for row, text in enumerate(TEXTS):
            (alone,) = encoder.passages([text])
            known = dict(zip(together[row].indices, together[row].values, strict=True))
            for index, value in zip(alone.indices, alone.values, strict=True):
                # Padding may change the last digits, and nothing else.
                assert known.get(index, 0.0) == pytest.approx(value, abs=1e-3)

    def test_nothing_to_find_is_an_empty_vector(self, encoder: SparseEncoder) -> None:
        assert encoder.query("") == EMPTY
        assert encoder.passages([""]) == [EMPTY]
        assert encoder.passages([]) == []
