"""Every scheme gives every item one identifier, and every identifier one item, from training alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.interactions.sequences import Sequences
from orchestrator.recommendation.generative.item_ids import (
    PADDING,
    BadIdentifiers,
    ItemIds,
    atomic,
    category_paths,
    collaborative,
    hybrid,
    placed,
    random,
    residual,
    semantic,
    sequential,
    tree,
)
from orchestrator.recommendation.generative.item_ids.clustering import balanced_kmeans, kmeans
from orchestrator.recommendation.generative.item_ids.vectors import (
    Components,
    co_occurrence,
    collaborative_vectors,
    joined,
)
from tests.quick_selection import examples


def catalogue(items: int, seed: int) -> tuple[Sequences, np.ndarray, list[list[str]]]:
    """Training sequences that do not show every item, vectors with equal rows among them, attributes."""
    rng = np.random.default_rng(seed)
    train = Sequences.of(
        [rng.integers(0, max(1, items - 2), rng.integers(0, 9)).tolist() for _ in range(items)]
    )
    vectors = rng.normal(size=(items, 5)).astype(np.float32)
    vectors[rng.random(items) < 0.3] = 0
    names = [f"kind {n}" for n in range(6)]
    return train, vectors, [list(rng.choice(names, rng.integers(0, 4))) for _ in range(items)]


SCHEMES: dict[str, Callable[[int, int], ItemIds]] = {
    "random": lambda items, seed: random(items, branching=3, seed=seed),
    "atomic": lambda items, _: atomic(items),
    "sequential": lambda items, seed: sequential(catalogue(items, seed)[0], items, branching=3, seed=seed),
    "collaborative": lambda items, seed: collaborative(
        catalogue(items, seed)[0], items, clusters=3, largest=4, seed=seed
    ),
    "semantic": lambda items, seed: semantic(category_paths(catalogue(items, seed)[2])),
    "hybrid": lambda items, seed: hybrid(catalogue(items, seed)[1], seed=seed),
    "residual": lambda items, seed: residual(catalogue(items, seed)[1], codebook=3, levels=2, seed=seed),
    "tree": lambda items, seed: tree(catalogue(items, seed)[1], branching=3, seed=seed),
}


@pytest.mark.parametrize("scheme", SCHEMES)
@settings(max_examples=examples(15), deadline=None)
@given(items=st.integers(1, 60), seed=st.integers(0, 1000))
def test_every_item_has_one_identifier_and_every_identifier_one_item(
    scheme: str, items: int, seed: int
) -> None:
    ids = SCHEMES[scheme](items, seed)
    assert len(ids) == items
    assert ids.scheme == scheme
    assert [ids.item(ids.of(item)) for item in range(items)] == list(range(items))
    assert ids.spare < ids.vocabulary
    assert int(ids.tokens.max()) < ids.spare
    words = {ids.of(item) for item in range(items)}
    assert not any(word[:end] in words for word in words for end in range(1, len(word)))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_same_seed_gives_the_same_identifiers(scheme: str) -> None:
    first, second = SCHEMES[scheme](40, 3), SCHEMES[scheme](40, 3)
    assert np.array_equal(first.tokens, second.tokens)
    assert first.hash == second.hash
    assert first.hash != SCHEMES[scheme](39, 3).hash


def test_sequential_numbers_know_nothing_of_what_training_does_not_show() -> None:
    train = Sequences.of([[4, 2], [2, 0]])
    ids = sequential(train, 8, branching=2)
    order = sorted(range(8), key=lambda item: ids.of(item))
    assert order[:3] == [4, 2, 0]
    later = {
        tuple(sorted(range(8), key=lambda item: ids.of(item))[3:])
        for ids in (sequential(train, 8, branching=2, seed=seed) for seed in range(5))
    }
    assert len(later) > 1, "unseen items stand in the order of their numbers"


def test_items_that_are_used_together_share_a_beginning() -> None:
    rows = [[0, 1, 2], [1, 2, 0], [2, 0, 1], [3, 4, 5], [4, 5, 3], [5, 3, 4]] * 5
    ids = collaborative(Sequences.of(rows), 6, clusters=2, largest=3)
    first = [ids.of(item)[0] for item in range(6)]
    assert len(set(first[:3])) == len(set(first[3:])) == 1
    assert first[0] != first[3]


def test_a_category_path_goes_from_what_is_common_to_what_is_rare() -> None:
    paths = category_paths(
        [["Acme", "Hair", "Care"], ["Care", "Hair"], ["Care", "Acme", "one of a kind"], []]
    )
    assert paths == [("Care", "Acme", "Hair"), ("Care", "Hair"), ("Care", "Acme"), ()]


def test_equal_items_get_a_last_token_that_tells_them_apart() -> None:
    ids = residual(np.zeros((5, 3), dtype=np.float32), codebook=4, levels=2)
    assert {ids.of(item)[:2] for item in range(5)} == {ids.of(0)[:2]}
    assert len({ids.of(item)[2] for item in range(5)}) == 5


@settings(max_examples=examples(40), deadline=None)
@given(rows=st.integers(1, 80), k=st.integers(1, 9), seed=st.integers(0, 99))
def test_balanced_clusters_are_of_equal_size(rows: int, k: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(rows, 3)).astype(np.float32)
    labels = balanced_kmeans(vectors, k, seed=seed)
    assert labels.min() >= 0
    assert labels.max() < k
    assert np.bincount(labels, minlength=k).max() <= -(-rows // k)


def test_clusters_that_are_plain_to_see_are_found() -> None:
    rng = np.random.default_rng(0)
    centres = np.array([[0, 0], [9, 0], [0, 9], [9, 9]], dtype=np.float32)
    vectors = (np.repeat(centres, 10, axis=0) + rng.normal(size=(40, 2)) * 0.3).astype(np.float32)
    for labels in (balanced_kmeans(vectors, 4, seed=1), kmeans(vectors, 4, seed=1)[0]):
        assert [len(set(labels[start : start + 10])) for start in range(0, 40, 10)] == [1, 1, 1, 1]
        assert len(set(labels)) == 4


def test_identifiers_that_would_lose_an_item_are_refused() -> None:
    with pytest.raises(BadIdentifiers, match="cannot be told apart"):
        ItemIds("mine", np.array([[1, 2], [1, 2]], dtype=np.int32), 5, 5)
    with pytest.raises(BadIdentifiers, match=r"Items 1 and 0 cannot be told apart: \(1,\) and \(1, 2\)"):
        ItemIds("mine", np.array([[1, 2], [1, PADDING]], dtype=np.int32), 5, 5)
    with pytest.raises(BadIdentifiers, match="empty or has a gap"):
        ItemIds("mine", np.array([[PADDING, 2]], dtype=np.int32), 5, 5)
    with pytest.raises(BadIdentifiers, match="expected 0 to 4"):
        ItemIds("mine", np.array([[5, 2]], dtype=np.int32), 5, 5)


@pytest.mark.parametrize("make", [lambda v: tree(v, branching=3), lambda v: hybrid(v)])
def test_a_new_item_stands_beside_the_item_it_resembles(make: Callable[[np.ndarray], ItemIds]) -> None:
    vectors = np.random.default_rng(5).normal(size=(30, 4)).astype(np.float32)
    ids = make(vectors)
    more, beside = placed(ids, vectors, vectors[[7, 7, 19]] + 1e-3)
    assert beside.tolist() == [7, 7, 19]
    assert np.array_equal(more.tokens[:30], ids.tokens)
    assert [more.item(more.of(item)) for item in range(33)] == list(range(33))
    for new, old in ((30, 7), (31, 7), (32, 19)):
        assert more.of(new)[:-1] == ids.of(old)[:-1]


def test_new_items_beyond_the_room_for_them_are_refused() -> None:
    vectors = np.eye(4, dtype=np.float32)
    ids = tree(vectors, branching=2)
    with pytest.raises(BadIdentifiers, match=r"\d+ of 99 new items"):
        placed(ids, vectors, np.zeros((99, 4), dtype=np.float32))


@pytest.mark.parametrize("make", [lambda v: atomic(len(v)), lambda v: hybrid(v)])
def test_where_an_item_has_a_token_of_its_own_there_is_room_for_any_number(
    make: Callable[[np.ndarray], ItemIds],
) -> None:
    vectors = np.eye(4, dtype=np.float32)
    ids, _ = placed(make(vectors), vectors, np.zeros((30, 4), dtype=np.float32))
    assert [ids.item(ids.of(item)) for item in range(34)] == list(range(34))
    assert ids.vocabulary == ids.spare


def test_co_occurrence_counts_near_pairs_of_training_in_both_directions() -> None:
    counts = co_occurrence(Sequences.of([[0, 1, 2], [1, 0], [2, 2]]), 4, window=2).toarray()
    assert counts[0, 1] == counts[1, 0] == 2
    assert counts[0, 2] == counts[2, 0] == 0.5
    assert counts.diagonal().tolist() == [0, 0, 0, 0]
    assert not counts[3].any()


def test_collaborative_vectors_stand_close_for_items_with_the_same_company() -> None:
    rng = np.random.default_rng(1)
    rows = [(rng.permutation(10)[:5] + 10 * (n % 3)).tolist() for n in range(300)]
    found = collaborative_vectors(Sequences.of(rows), 31, dimensions=4)
    within, across = found[:10] @ found[:10].T, found[:10] @ found[10:20].T
    assert within.mean() > across.mean() + 0.5
    assert not found[30].any()
    assert np.allclose(np.linalg.norm(found[:30], axis=1), 1, atol=1e-5)


def test_two_views_are_weighed_by_their_share() -> None:
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(20, 6)).astype(np.float32)
    text = Components.of(rows, 3)(rows)
    both = joined(text, text, share=0.25)
    assert both.shape == (20, 6)
    assert np.allclose((both[:, 3:] ** 2).sum(axis=1), 0.25, atol=1e-5)
