"""The flat trie holds what a trie of dictionaries holds, and cuts what a set would cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.recommendation.generative.item_ids import PADDING, ItemIds
from orchestrator.recommendation.generative.trie import Trie
from tests.quick_selection import examples


@st.composite
def identifiers(draw: st.DrawFn) -> ItemIds:
    """Words of one to four tokens, none of which begins with another."""
    words: list[tuple[int, ...]] = []
    for word in draw(st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=4).map(tuple), min_size=1)):
        if not any(word[: len(other)] == other or other[: len(word)] == word for other in words):
            words.append(word)
    depth = max(map(len, words))
    tokens = np.full((len(words), depth), PADDING, dtype=np.int32)
    for item, word in enumerate(words):
        tokens[item, : len(word)] = word
    return ItemIds("drawn", tokens, 5, 5)


def unfolded(trie: Trie, node: int = 0) -> dict[int, object] | int:
    """The trie as nested dictionaries: token to what follows, an item's number at each end."""
    first, last = int(trie.first_child[node]), int(trie.first_child[node + 1])
    if first == last:
        return int(trie.order[trie.low[node]])
    for child in range(first, last):
        assert trie.parent[child] == node
    return {int(trie.token[child]): unfolded(trie, child) for child in range(first, last)}


def naive(ids: ItemIds) -> dict[int, object]:
    root: dict[int, object] = {}
    for item in range(len(ids)):
        *path, last = ids.of(item)
        at = root
        for token in path:
            at = at.setdefault(token, {})  # type: ignore[assignment]
        at[last] = item
    return root


def below(trie: Trie, node: int) -> set[int]:
    return {int(item) for item in trie.order[trie.low[node] : trie.high[node]]}


@settings(max_examples=examples(150), deadline=None)
@given(identifiers())
def test_it_equals_a_trie_of_dictionaries(ids: ItemIds) -> None:
    trie = Trie.of(ids)
    assert unfolded(trie) == naive(ids)
    assert trie.items == len(ids)
    assert trie.whole
    assert trie.depth == ids.depth
    assert [trie.order[trie.low[trie.leaf[item]]] for item in range(len(ids))] == list(range(len(ids)))


@settings(max_examples=examples(150), deadline=None)
@given(identifiers(), st.data())
def test_what_is_live_below_a_node_is_what_was_not_cut(ids: ItemIds, data: st.DataObject) -> None:
    whole = Trie.of(ids)
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(ids), max_size=len(ids))))
    kept = {item for item in range(len(ids)) if mask[item]}
    masked, without = whole.keeping(mask), whole.without(np.flatnonzero(~mask).astype(np.int32))
    for trie in (masked, without, masked.without(np.flatnonzero(~mask).astype(np.int32))):
        assert [int(live) for live in trie.live] == [len(below(trie, v) & kept) for v in range(len(trie))]
    assert whole.whole


@pytest.mark.slow
@settings(max_examples=examples(150), deadline=None)
@given(identifiers(), st.data())
def test_a_request_cuts_exactly_the_nodes_that_it_empties(ids: ItemIds, data: st.DataObject) -> None:
    number = st.integers(0, len(ids) - 1)
    gone = data.draw(st.sets(number))
    trie = Trie.of(ids).without(np.array(sorted(gone), dtype=np.int32))
    excluded = data.draw(st.lists(st.lists(number, max_size=2 * len(ids)), min_size=1, max_size=4))
    rows = np.repeat(np.arange(len(excluded)), [len(items) for items in excluded])
    cut = trie.cut(rows, np.array([item for items in excluded for item in items], dtype=np.int32))
    expected = [
        request * len(trie) + node
        for request, items in enumerate(excluded)
        for node in range(len(trie))
        # A node that was empty before is known from the trie itself.
        if trie.live[node] and not below(trie, node) - gone - set(items)
    ]
    assert cut.keys.tolist() == expected
    emptied = cut.emptied(len(excluded)).tolist()
    if trie.items:
        assert emptied == [not set(range(len(ids))) - gone - set(items) for items in excluded]


def test_a_trie_of_many_items_is_a_few_numbers_an_item() -> None:
    items, rng = 20_000, np.random.default_rng(0)
    codes = np.stack([rng.integers(0, 20, items), rng.integers(0, 20, items), np.arange(items)])
    trie = Trie.of(ItemIds.by_level("made", codes.astype(np.int32)))
    assert trie.nbytes < 40 * items
