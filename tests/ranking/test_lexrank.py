"""LexRank and MMR against their plain definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.nodes.select.mmr import maximal_marginal_relevance
from orchestrator.ranking.lexrank import lexrank

_SIZES = st.integers(1, 12)


def similarities(n: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).random((n, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.clip(vectors @ vectors.T, 0, 1)


@given(_SIZES, st.integers(0, 1000), st.floats(0, 1), st.sampled_from([0.5, 0.85, 0.95]))
def test_it_is_the_stationary_distribution_of_the_walk(
    n: int, seed: int, threshold: float, damping: float
) -> None:
    similarity = similarities(n, seed)
    ranks = lexrank(similarity, threshold=threshold, damping=damping, rounds=1000, tolerance=1e-9)
    edges = (similarity > threshold) | np.eye(n, dtype=bool)
    walk = edges / edges.sum(axis=1, keepdims=True)
    exact = np.linalg.solve(np.eye(n) - damping * walk.T, np.full(n, (1 - damping) / n))
    assert ranks == pytest.approx(exact / exact.sum(), abs=1e-4)
    assert float(ranks.sum()) == pytest.approx(1, abs=1e-4)


def test_the_sentence_that_all_others_resemble_is_the_most_central() -> None:
    star = np.eye(5, dtype=np.float32)
    star[0, :] = star[:, 0] = 0.5
    ranks = lexrank(star)
    assert int(ranks.argmax()) == 0
    assert ranks[1:] == pytest.approx(ranks[1])


def test_without_neighbours_all_are_equally_central() -> None:
    assert lexrank(np.eye(4, dtype=np.float32)) == pytest.approx(np.full(4, 0.25))
    assert len(lexrank(np.zeros((0, 0), dtype=np.float32))) == 0


@given(_SIZES, st.integers(0, 1000), st.floats(0, 1), st.integers(0, 12))
def test_mmr_takes_the_best_of_what_is_left_each_time(n: int, seed: int, trade: float, limit: int) -> None:
    scores = np.random.default_rng(seed + 1).random(n).astype(np.float32)
    similarity = similarities(n, seed)
    chosen = maximal_marginal_relevance(scores, similarity, trade=trade, limit=limit)
    assert len(chosen) == len(set(chosen)) == min(n, limit)
    for place, index in enumerate(chosen):
        before = chosen[:place]
        values = {
            one: trade * float(scores[one])
            - (1 - trade) * max((float(similarity[one, b]) for b in before), default=0.0)
            for one in range(n)
            if one not in before
        }
        assert values[index] == pytest.approx(max(values.values()), abs=1e-6)


def test_mmr_passes_over_what_is_not_accepted_and_asks_once() -> None:
    asked: list[int] = []

    def accept(index: int) -> bool:
        asked.append(index)
        return index != 2

    scores = np.array([0.1, 0.5, 0.9], dtype=np.float32)
    chosen = maximal_marginal_relevance(scores, np.eye(3, dtype=np.float32), trade=1.0, accept=accept)
    assert chosen == [1, 0]
    assert asked == [2, 1, 0]


def test_a_repetition_comes_after_what_is_new() -> None:
    scores = np.array([0.9, 0.89, 0.5], dtype=np.float32)
    similarity = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=np.float32)
    assert maximal_marginal_relevance(scores, similarity, trade=0.5) == [0, 2, 1]
    assert maximal_marginal_relevance(scores, similarity, trade=1.0) == [0, 1, 2]
