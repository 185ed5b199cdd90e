"""What every `SparseEncoder` must give."""

from __future__ import annotations

from itertools import pairwise

import pytest

from orchestrator.ports import SparseEncoder, SparseVector

EMPTY = SparseVector((), ())
TEXTS = (
    "Otters sleep on their backs.",
    "otter otter badger",
    "",
    "?!",
    "水獭 x",
    "a \ud800 half",
    "e " * 5000,
)


class SparseEncoderConformance:
    """Subclass it with a fixture `encoder`."""

    @pytest.fixture
    def encoder(self) -> SparseEncoder:
        """The encoder under test."""
        raise NotImplementedError

    def test_indices_rise_and_values_are_positive(self, encoder: SparseEncoder) -> None:
        for vector in [*encoder.passages(TEXTS), *(encoder.query(text) for text in TEXTS)]:
            assert len(vector.indices) == len(vector.values)
            assert all(before < after for before, after in pairwise(vector.indices))
            assert all(0 <= index < 1 << 32 for index in vector.indices)
            assert all(value > 0 for value in vector.values)

    def test_a_query_counts_its_terms(self, encoder: SparseEncoder) -> None:
        otter, badger = encoder.query("otter"), encoder.query("badger")
        assert (otter.values, badger.values) == ((1.0,), (1.0,))
        counted = encoder.query("otter badger otter " * 50)
        weights = dict(zip(counted.indices, counted.values, strict=True))
        assert weights == {otter.indices[0]: 100.0, badger.indices[0]: 50.0}

    def test_queries_and_passages_share_their_terms(self, encoder: SparseEncoder) -> None:
        (passage,) = encoder.passages(["The otter met a badger."])
        assert {*encoder.query("otter").indices, *encoder.query("badger").indices} <= set(passage.indices)

    def test_a_repeated_term_counts_more_in_a_passage_but_less_each_time(
        self, encoder: SparseEncoder
    ) -> None:
        (dimension,) = encoder.query("otter").indices
        texts = ["otter river stone sky", "otter otter river stone", "otter otter otter river"]
        once, twice, thrice = (dict(zip(v.indices, v.values, strict=True)) for v in encoder.passages(texts))
        assert 0 < once[dimension] < twice[dimension] < thrice[dimension]
        assert thrice[dimension] - twice[dimension] < twice[dimension] - once[dimension]

    def test_nothing_to_find_is_an_empty_vector(self, encoder: SparseEncoder) -> None:
        assert encoder.query("") == encoder.query(" ?! ") == EMPTY
        assert encoder.passages(["", "?!"]) == [EMPTY, EMPTY]
        assert encoder.passages([]) == []
