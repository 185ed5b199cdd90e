"""Histories as rows of tokens: a beginning, then the identifier of each item."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from orchestrator.interactions.sequences import Sequences
from orchestrator.recommendation.generative.item_ids import PADDING

if TYPE_CHECKING:
    from orchestrator.recommendation.generative.item_ids import ItemIds

#: Token 0 pads, token 1 begins every row; the tokens of identifiers stand behind them.
PAD, BEGIN, SPECIAL = 0, 1, 2

Rows = NDArray[np.int64]


def token_rows(histories: Sequences, ids: ItemIds) -> tuple[Rows, NDArray[np.int64]]:
    """A matrix of tokens padded behind, of shape (rows, longest), and how many tokens each row has."""
    words = ids.tokens[histories.items]
    real = words != PADDING
    per_item = real.sum(axis=1)
    ends = np.concatenate([[0], np.cumsum(per_item)])
    lengths = (ends[histories.offsets[1:]] - ends[histories.offsets[:-1]] + 1).astype(np.int64)
    found = np.full((len(histories), int(lengths.max(initial=1))), PAD, dtype=np.int64)
    found[:, 0] = BEGIN
    row = np.repeat(histories.rows, per_item)
    place = np.arange(len(row)) - ends[histories.offsets[:-1]][row] + 1
    found[row, place] = words[real] + SPECIAL
    return found, lengths


def windows(sequences: Sequences, length: int) -> Sequences:
    """Sequences cut into stretches of at most `length` items, from the end; empty ones left out."""
    # The oldest stretch is the short one: the newest items keep the longest past.
    age = sequences.ages // length
    key = sequences.rows * (int(age.max(initial=0)) + 1) - age
    begins = (
        np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]])) if len(key) else np.zeros(0, np.int64)
    )
    return Sequences(np.append(begins, len(key)).astype(np.int64), sequences.items)


def batches(lengths: NDArray[np.int64], budget: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Rows in random batches of like lengths, each of at most `budget` tokens once padded."""
    # Lengths are blurred, so that a row meets others from epoch to epoch.
    order = np.argsort(lengths + rng.random(len(lengths)), kind="stable")
    cuts: list[NDArray[np.int64]] = []
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and (end + 1 - start) * int(lengths[order[end]]) <= budget:
            end += 1
        cuts.append(order[start:end])
        start = end
    for at in rng.permutation(len(cuts)):
        yield cuts[at]
