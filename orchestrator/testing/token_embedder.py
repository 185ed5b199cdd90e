"""What every `TokenEmbedder` must give."""

from __future__ import annotations

import pytest

from orchestrator.ports import TokenEmbedder
from orchestrator.ranking.late_interaction import max_sim

TEXTS = ("Otters sleep on their backs.", "A badger digs.", "x", "", "水獭", "a \ud800 half", "otter " * 3000)


@pytest.mark.asyncio
class TokenEmbedderConformance:
    """Subclass it with a fixture `tokens`."""

    @pytest.fixture
    def tokens(self) -> TokenEmbedder:
        """The embedder under test."""
        raise NotImplementedError

    async def test_every_text_is_a_matrix_of_finite_vectors(self, tokens: TokenEmbedder) -> None:
        import numpy as np

        assert tokens.name
        for kind in ("query", "passage"):
            matrices = await tokens.embed_tokens(TEXTS, kind=kind)
            assert len(matrices) == len(TEXTS)
            for matrix in matrices:
                assert matrix.dtype == np.float32
                assert matrix.ndim == 2
                assert matrix.shape[1] == tokens.dimensions
                assert len(matrix) >= 1
                assert np.isfinite(matrix).all()

    async def test_vectors_of_passages_have_length_one(self, tokens: TokenEmbedder) -> None:
        import numpy as np

        for matrix in await tokens.embed_tokens(TEXTS, kind="passage"):
            assert np.linalg.norm(matrix, axis=1) == pytest.approx(1.0, abs=1e-3)

    async def test_no_texts_give_no_matrices(self, tokens: TokenEmbedder) -> None:
        assert await tokens.embed_tokens([], kind="passage") == []

    async def test_a_matrix_does_not_depend_on_its_company(self, tokens: TokenEmbedder) -> None:
        together = await tokens.embed_tokens(TEXTS, kind="passage")
        for row, text in enumerate(TEXTS):
            (alone,) = await tokens.embed_tokens([text], kind="passage")
            assert alone.shape == together[row].shape
            # Padding may change the last digits, and nothing else.
            assert float((alone * together[row]).sum(axis=1).min()) > 0.99

    async def test_a_text_is_nearest_to_itself(self, tokens: TokenEmbedder) -> None:
        texts = ["The cat sleeps.", "A frigate carried thirty guns.", "Income tax is due in April."]
        queries = await tokens.embed_tokens(texts, kind="query")
        passages = await tokens.embed_tokens(texts, kind="passage")
        for row, query in enumerate(queries):
            assert int(max_sim(query, passages).argmax()) == row
