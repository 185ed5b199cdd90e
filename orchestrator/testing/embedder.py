"""What every `Embedder` must give."""

from __future__ import annotations

import pytest

from orchestrator.ports import Embedder

TEXTS = ("Otters sleep on their backs.", "A badger digs.", "x", "", "水獭", "a \ud800 half", "otter " * 3000)


@pytest.mark.asyncio
class EmbedderConformance:
    """Subclass it with a fixture `embedder`."""

    @pytest.fixture
    def embedder(self) -> Embedder:
        """The embedder under test."""
        raise NotImplementedError

    async def test_it_has_a_name_and_dimensions(self, embedder: Embedder) -> None:
        assert embedder.name
        assert embedder.dimensions > 0

    async def test_vectors_are_finite_and_of_length_one(self, embedder: Embedder) -> None:
        import numpy as np

        for kind in ("query", "passage"):
            vectors = await embedder.embed(TEXTS, kind=kind)
            assert vectors.shape == (len(TEXTS), embedder.dimensions)
            assert vectors.dtype == np.float32
            assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-4)

    async def test_no_texts_give_no_vectors(self, embedder: Embedder) -> None:
        assert (await embedder.embed([], kind="passage")).shape == (0, embedder.dimensions)

    async def test_a_vector_does_not_depend_on_its_company(self, embedder: Embedder) -> None:
        together = await embedder.embed([*TEXTS, *reversed(TEXTS)], kind="passage")
        for row, text in enumerate(TEXTS):
            (alone,) = await embedder.embed([text], kind="passage")
            # Padding may change the last digits, and nothing else.
            assert float(alone @ together[row]) > 0.999
            assert float(together[row] @ together[2 * len(TEXTS) - 1 - row]) > 0.999

    async def test_what_is_alike_is_near(self, embedder: Embedder) -> None:
        cat, kitten, tax = await embedder.embed(
            ["The cat sleeps.", "A sleeping kitten.", "Income tax is due in April."], kind="passage"
        )
        assert float(cat @ kitten) > float(cat @ tax) + 0.1
