"""MaxSim equals its definition, and fixed-dimensional encodings approximate it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from orchestrator.ranking.late_interaction import FixedDimensionalEncoder, max_sim

pytestmark = pytest.mark.slow

_VECTORS = st.integers(0, 6).flatmap(
    lambda n: arrays(np.float32, (n, 5), elements=st.floats(-2, 2, width=32))
)


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


@settings(deadline=None)
@given(_VECTORS, st.lists(_VECTORS, max_size=4))
def test_max_sim_is_the_sum_of_the_highest_products(query: np.ndarray, passages: list[np.ndarray]) -> None:
    lengths = sum(float(np.linalg.norm(vector)) for vector in query)
    expected = [
        sum(max(float(one @ other) for other in passage) for one in query) / lengths
        if len(passage) and lengths
        else 0.0
        for passage in passages
    ]
    assert max_sim(query, passages).tolist() == pytest.approx(expected, abs=1e-4)


def clusters(random: np.random.Generator, count: int, tokens: int, subjects: np.ndarray) -> list[np.ndarray]:
    """Texts of tokens that lie around a few subjects, as those of real texts do."""
    return [
        unit(subjects[random.choice(len(subjects), tokens)] + 0.6 * random.standard_normal((tokens, 32)))
        for _ in range(count)
    ]


def test_encodings_rank_as_max_sim_does() -> None:
    random = np.random.default_rng(7)
    subjects = random.standard_normal((40, 32))
    passages = [clusters(random, 1, 30, subjects[random.choice(40, 4, replace=False)])[0] for _ in range(200)]
    queries = [unit(p[:8] + 0.3 * random.standard_normal((8, 32)) / 32**0.5) for p in passages[:40]]
    coarse = FixedDimensionalEncoder(32, repetitions=1, planes=1, projected=4)
    fine = FixedDimensionalEncoder(32, repetitions=30, planes=4, projected=16)
    agreement: dict[FixedDimensionalEncoder, float] = {}
    for encoder in (coarse, fine):
        encoded = np.stack([encoder.passage(passage) for passage in passages])
        assert encoded.shape == (200, encoder.size)
        found = 0
        for query in queries:
            exact = int(max_sim(query, passages).argmax())
            found += exact in np.argsort(-(encoded @ encoder.query(query)))[:10]
        agreement[encoder] = found / len(queries)
    assert agreement[fine] >= 0.95
    assert agreement[fine] > agreement[coarse]


_SOME = st.integers(1, 6).flatmap(lambda n: arrays(np.float32, (n, 5), elements=st.floats(-2, 2, width=32)))


@settings(deadline=None)
@given(_SOME, _SOME, st.integers(1, 4), st.integers(0, 9))
def test_without_projection_no_product_is_above_max_sim(
    query: np.ndarray, passage: np.ndarray, planes: int, seed: int
) -> None:
    encoder = FixedDimensionalEncoder(5, repetitions=3, planes=planes, projected=None, seed=seed)
    exact = float((query @ passage.T).max(axis=1).sum())
    assert float(encoder.query(query) @ encoder.passage(passage)) <= exact + 1e-3 * (1 + abs(exact))


def test_the_product_comes_nearer_to_max_sim_with_every_plane() -> None:
    random = np.random.default_rng(3)
    subjects = random.standard_normal((6, 32))
    query, passage = clusters(random, 1, 10, subjects)[0], clusters(random, 1, 60, subjects)[0]
    exact = float((query @ passage.T).max(axis=1).sum())
    shares: list[float] = []
    for planes in (1, 4, 8):
        encoder = FixedDimensionalEncoder(32, repetitions=40, planes=planes, projected=None)
        shares.append(float(encoder.query(query) @ encoder.passage(passage)) / exact)
    assert shares == sorted(shares)
    assert shares[0] < 0.4 < 0.65 < shares[2] <= 1.0


def test_a_single_vector_is_projected_only() -> None:
    # Every part of a passage of one vector holds that vector, so that all chance is in the projection.
    random = np.random.default_rng(5)
    encoder = FixedDimensionalEncoder(16, repetitions=200, planes=3, projected=16)
    query, passage = unit(random.standard_normal((4, 16))), unit(random.standard_normal((1, 16)))
    expected = float((query @ passage.T).sum())
    assert float(encoder.query(query) @ encoder.passage(passage)) == pytest.approx(expected, abs=0.15)


def test_encodings_are_the_same_anywhere_and_sketches_keep_products() -> None:
    random = np.random.default_rng(9)
    vectors = unit(random.standard_normal((12, 16)))
    again = FixedDimensionalEncoder(16).passage(vectors)
    assert np.array_equal(FixedDimensionalEncoder(16).passage(vectors), again)
    assert not np.array_equal(FixedDimensionalEncoder(16, seed=1).passage(vectors), again)
    sketch = FixedDimensionalEncoder(16, final=2048)
    assert sketch.passage(vectors).shape == (2048,) == (sketch.size,)
    whole = FixedDimensionalEncoder(16)
    exact = float(whole.query(vectors) @ whole.passage(vectors))
    assert float(sketch.query(vectors) @ sketch.passage(vectors)) == pytest.approx(exact, rel=0.25)
    nothing = np.empty((0, 16), np.float32)
    assert not whole.passage(nothing).any()
    assert not whole.query(nothing).any()
