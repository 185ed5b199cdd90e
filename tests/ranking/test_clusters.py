"""Clusters are the groups that there are, and their names what they speak of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.bm25 import Bm25Encoder
from orchestrator.nodes.facets._phrases import Phrases
from orchestrator.ranking.clusters import clustered, silhouette, spherical_k_means


def bundles(number: int, size: int, *, spread: float, seed: int) -> np.ndarray:
    """Unit vectors around `number` directions that are far apart, in turn."""
    rng = np.random.default_rng(seed)
    directions = np.eye(16)[:number]
    points = np.tile(directions, (size, 1)) + spread * rng.normal(size=(number * size, 16))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("number", [2, 3, 5, 8])
def test_groups_that_are_there_are_found(number: int) -> None:
    groups = clustered(bundles(number, 6, spread=0.05, seed=number), at_most=8)
    assert sorted(sorted(group) for group in groups) == [
        list(range(first, number * 6, number)) for first in range(number)
    ]


def test_an_outlier_is_no_subject() -> None:
    points = bundles(2, 8, spread=0.05, seed=1)
    points = np.vstack([points, np.eye(16, dtype=np.float32)[9]])
    assert [len(group) for group in clustered(points, at_most=8)] in ([9, 8], [8, 9])


@given(st.integers(0, 500), st.integers(0, 30), st.integers(1, 8))
def test_every_row_is_in_one_cluster(seed: int, n: int, at_most: int) -> None:
    points = np.random.default_rng(seed).normal(size=(n, 5)).astype(np.float32)
    points /= np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-9)
    groups = clustered(points, at_most=at_most)
    assert sorted(row for group in groups for row in group) == list(range(n))
    assert len(groups) <= max(1, at_most)
    assert groups == clustered(points, at_most=at_most)


def test_equal_vectors_are_one_cluster() -> None:
    assert clustered(np.tile(np.eye(4, dtype=np.float32)[0], (6, 1)), at_most=3) == [list(range(6))]
    assert set(spherical_k_means(np.ones((5, 5)), 3)) <= {0, 1, 2}


@given(st.integers(0, 200))
def test_the_silhouette_is_its_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points, labels = rng.normal(size=(12, 3)), rng.integers(0, 3, 12)
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    values = []
    for row, label in enumerate(labels):
        own = [one for one in np.flatnonzero(labels == label) if one != row]
        others = [np.flatnonzero(labels == other) for other in set(labels) - {label}]
        if not own or not others:
            values.append(0.0)
            continue
        a, b = distance[row, own].mean(), min(distance[row, other].mean() for other in others)
        values.append((b - a) / max(a, b))
    assert silhouette(distance, labels) == pytest.approx(np.mean(values), abs=1e-9)


TEXTS = [
    "Blue whales eat krill. The krill biomass is large.",
    "A swarm of krill feeds whales; krill biomass varies.",
    "Frigates carried iron cannons, and cannons were heavy.",
    "The iron cannons of a frigate were cast in England.",
]


def test_a_group_is_named_by_what_others_do_not_say() -> None:
    phrases = Phrases(TEXTS, Bm25Encoder())
    assert [shown for shown, _ in phrases.salient([0, 1], number=1)] == ["krill biomass"]
    assert [shown for shown, _ in phrases.salient([2, 3], number=1)] == ["iron cannons"]


def test_names_say_nothing_that_is_known_and_nothing_twice() -> None:
    encoder = Bm25Encoder()
    phrases = Phrases(TEXTS, encoder)
    said = set(encoder.query("iron cannons").indices)
    found = phrases.salient([2, 3], number=5, without=said)
    terms = [term for _, phrase in found for term in phrase]
    assert found
    assert all(set(phrase) - said for _, phrase in found)
    assert len(terms) == len(set(terms))


@given(st.lists(st.text(max_size=80), max_size=4))
def test_any_text_has_phrases_or_none(texts: list[str]) -> None:
    phrases = Phrases(texts, Bm25Encoder())
    for shown, _ in phrases.salient(range(len(texts)), number=3):
        assert shown.strip()
