"""The beam finds valid items, each once, the best by the model's own distribution, and none that was cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.interactions.sequences import Sequences
from orchestrator.recommendation.generative.beam import Ask, Beams, search
from orchestrator.recommendation.generative.item_ids import ItemIds, atomic, random, tree
from orchestrator.recommendation.generative.trie import Cut, Trie
from tests.quick_selection import examples


@dataclass(frozen=True)
class Hashed:
    """A model without parameters: what follows a row of tokens is a function of it and nothing else."""

    flat: bool = False

    def begin(self, histories: Sequences) -> HashedPrefixes:
        return HashedPrefixes(self, tuple(tuple(int(item) for item in row) for row in histories))

    def logit(self, row: tuple[int, ...], token: int) -> float:
        return 0.0 if self.flat else np.random.default_rng(abs(hash((*row, -7, token)))).normal() * 2


@dataclass(frozen=True)
class HashedPrefixes:
    model: Hashed
    rows: tuple[tuple[int, ...], ...]

    def logits(self, ask: Ask) -> np.ndarray:
        of = np.repeat(np.arange(len(self.rows)), ask.counts)
        found = [
            self.model.logit(self.rows[row], int(token)) for row, token in zip(of, ask.tokens, strict=True)
        ]
        return np.array(found, dtype=np.float32)

    def extend(self, rows: np.ndarray, tokens: np.ndarray) -> HashedPrefixes:
        # The first step extends by nothing.
        ends = [(int(token),) for token in tokens] or [()] * len(rows)
        return HashedPrefixes(
            self.model, tuple(self.rows[row] + end for row, end in zip(rows, ends, strict=True))
        )


def everything(model: Hashed, ids: ItemIds, history: list[int]) -> np.ndarray:
    """The log-probability of every item, one after the other, as the definition says."""
    scores = np.zeros(len(ids))
    for item in range(len(ids)):
        word = ids.of(item)
        for at, token in enumerate(word):
            siblings = sorted({ids.of(o)[at] for o in range(len(ids)) if ids.of(o)[:at] == word[:at]})
            row = (*history, *word[:at])
            logits = np.array([model.logit(row, sibling) for sibling in siblings])
            scores[item] += model.logit(row, token) - np.log(np.exp(logits).sum())
    return scores


def catalogue(items: int, kind: int, seed: int) -> ItemIds:
    vectors = np.random.default_rng(seed).normal(size=(items, 3)).astype(np.float32)
    makers = (
        lambda: random(items, branching=3, seed=seed),
        lambda: tree(vectors, branching=3, seed=seed),
        lambda: atomic(items),
    )
    return makers[kind]()


def expected(scores: np.ndarray, excluded: set[int], k: int) -> list[int]:
    left = [item for item in range(len(scores)) if item not in excluded]
    return sorted(left, key=lambda item: (-np.float32(scores[item]), item))[:k]


def found(beams: Beams, row: int) -> list[int]:
    return [int(item) for item in beams.items[row] if item >= 0]


@pytest.mark.slow
@settings(max_examples=examples(60), deadline=None)
@given(items=st.integers(1, 30), kind=st.integers(0, 2), seed=st.integers(0, 99), data=st.data())
def test_a_beam_of_everything_is_exhaustive_and_its_scores_are_one_distribution(
    items: int, kind: int, seed: int, data: st.DataObject
) -> None:
    ids, model = catalogue(items, kind, seed), Hashed()
    numbers = st.lists(st.integers(0, items - 1), max_size=6)
    histories = data.draw(st.lists(numbers, min_size=1, max_size=3))
    excluded = data.draw(st.lists(numbers, min_size=len(histories), max_size=len(histories)))
    trie = Trie.of(ids)
    rows = np.repeat(np.arange(len(excluded)), [len(items) for items in excluded])
    cut = trie.cut(rows, np.array([item for each in excluded for item in each], dtype=np.int32))
    beams = search(model, trie, Sequences.of(histories), width=items, k=items, cut=cut)
    for row, history in enumerate(histories):
        scores = everything(model, ids, history)
        assert np.isclose(np.exp(scores).sum(), 1)
        got = found(beams, row)
        assert sorted(got) == expected(np.zeros(items), set(excluded[row]), items)
        assert np.allclose(beams.scores[row][: len(got)], scores[got], atol=1e-4)
        assert (np.diff(beams.scores[row][: len(got)]) <= 0).all()
    assert beams.exact.all()


@pytest.mark.slow
@settings(max_examples=examples(80), deadline=None)
@given(
    items=st.integers(2, 40),
    kind=st.integers(0, 2),
    seed=st.integers(0, 99),
    width=st.integers(1, 5),
    k=st.integers(1, 6),
    data=st.data(),
)
def test_a_narrow_beam_finds_no_invalid_no_repeated_and_no_excluded_item(
    items: int, kind: int, seed: int, width: int, k: int, data: st.DataObject
) -> None:
    ids, model = catalogue(items, kind, seed), Hashed()
    number = st.integers(0, items - 1)
    gone, seen = data.draw(st.sets(number)), data.draw(st.sets(number))
    trie = Trie.of(ids).without(np.array(sorted(gone), dtype=np.int32))
    cut = trie.cut(np.zeros(len(seen), dtype=np.int64), np.array(sorted(seen), dtype=np.int32))
    beams = search(model, trie, Sequences.of([[1], [0, 1]]), width=width, k=k, cut=cut)
    for row, excluded in ((0, gone | seen), (1, gone)):
        got = found(beams, row)
        assert len(got) == len(set(got))
        assert not set(got) & excluded
        assert set(got) <= set(range(items))
        # Nothing but emptiness leaves a beam without an item: empty branches are never entered.
        assert bool(got) == (len(excluded) < items)
        if beams.exact[row]:
            scores = everything(model, ids, [[1], [0, 1]][row])
            best = expected(scores, excluded, k)
            assert np.allclose(scores[got], scores[best], atol=1e-4)


def test_a_beam_says_that_it_may_have_missed_something() -> None:
    ids = tree(np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32), branching=4)
    trie, histories = Trie.of(ids), Sequences.of([[n] for n in range(20)])
    narrow = search(Hashed(), trie, histories, width=1, k=5)
    wide = search(Hashed(), trie, histories, width=60, k=5)
    assert wide.exact.all()
    wrong = (narrow.items != wide.items).any(axis=1)
    assert wrong.any()
    assert not narrow.exact[wrong].any()


@pytest.mark.parametrize("width", [1, 4, 50])
def test_ties_go_to_the_lower_number(width: int) -> None:
    trie = Trie.of(atomic(50))
    beams = search(Hashed(flat=True), trie, Sequences.of([[], [3]]), width=width, k=4)
    assert beams.items.tolist() == [[0, 1, 2, 3], [0, 1, 2, 3]]


def test_an_exclusion_of_the_whole_catalogue_finds_nothing() -> None:
    trie = Trie.of(random(9, branching=2))
    cut = trie.cut(np.full(9, 1), np.arange(9, dtype=np.int32))
    beams = search(Hashed(), trie, Sequences.of([[1], [2]]), width=3, k=4, cut=cut)
    assert len(found(beams, 0)) == 4
    assert found(beams, 1) == []
    none = trie.keeping(np.zeros(9, dtype=np.bool_))
    assert search(Hashed(), none, Sequences.of([[1]]), width=3, k=4).items.tolist() == [[-1] * 4]


def test_an_exclusion_changes_which_items_are_found_and_no_score() -> None:
    ids = random(27, branching=3, seed=4)
    trie, history = Trie.of(ids), Sequences.of([[2, 5]])
    before = search(Hashed(), trie, history, width=27, k=27)
    first = before.items[0, :3]
    after = search(Hashed(), trie, history, width=27, k=24, cut=trie.cut(np.zeros(3, np.int64), first))
    assert after.items[0].tolist() == before.items[0, 3:].tolist()
    assert np.array_equal(after.scores[0], before.scores[0, 3:])


def test_a_beam_of_no_width_is_refused() -> None:
    with pytest.raises(ValueError, match="beam of 0"):
        search(
            Hashed(),
            Trie.of(atomic(3)),
            Sequences.of([[1]]),
            width=0,
            k=1,
            cut=Cut.nothing(Trie.of(atomic(3))),
        )
