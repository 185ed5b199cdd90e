"""Rank a catalogue by generated identifiers under a request's constraints, many histories at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from orchestrator.ports.recommend import Ranking
from orchestrator.recommendation.generative.beam import Decoder, search

if TYPE_CHECKING:
    from orchestrator.interactions.sequences import Sequences
    from orchestrator.recommendation.generative.trie import Trie

#: Histories searched together, and children scored together: more gains nothing and costs memory.
_TOGETHER = 256
_CHILDREN = 4_000_000


def constrained_top(
    decoder: Decoder,
    trie: Trie,
    histories: Sequences,
    *,
    k: int,
    width: int,
    allowed: NDArray[np.bool_] | None = None,
    removed: Sequences | None = None,
) -> Ranking:
    """The best `k` items of each history; see `Ranker.top` for `allowed` and `removed`.

    Both cut the trie before anything is scored. Histories of like length are searched together; a beam
    is never narrower than half of `k`.
    """
    items = np.full((len(histories), k), -1, dtype=np.int32)
    scores = np.full((len(histories), k), -np.inf, dtype=np.float32)
    if allowed is not None:
        trie = trie.keeping(allowed)
    if not trie.items:
        return Ranking(items, scores)
    widest = int(trie.first_child[1] - trie.first_child[0])
    together = max(1, min(_TOGETHER, _CHILDREN // max(1, widest)))
    order = np.argsort(histories.lengths, kind="stable")
    for start in range(0, len(order), together):
        rows = order[start : start + together]
        cut = None
        if removed is not None:
            out = removed.take(rows)
            cut = trie.cut(out.rows, out.items)
        found = search(decoder, trie, histories.take(rows), width=max(width, -(-k // 2)), k=k, cut=cut)
        items[rows], scores[rows] = found.items, found.scores
    return Ranking(items, scores)
