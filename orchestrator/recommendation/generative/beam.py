"""Beam search over a trie: the best items by the probability of their identifiers, and nothing else.

A node's score is the sum of the log-probabilities on the way to it, each taken among the node's siblings.
So the scores of all items are log-probabilities of one distribution over the catalogue, and what a
request excludes changes which items are found, never their scores.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from orchestrator.recommendation.generative.trie import Cut, Trie

if TYPE_CHECKING:
    from orchestrator.interactions.sequences import Sequences

Numbers = NDArray[np.int32]
Wide = NDArray[np.int64]
Reals = NDArray[np.float32]


@runtime_checkable
class Prefixes(Protocol):
    """Token prefixes that a model has read, with its state (such as a KV cache), to be extended."""

    def logits(self, ask: Ask) -> Reals:
        """The logits of `ask.tokens` as next tokens of their rows.

        Log-probabilities, or anything that differs from them by a constant within a row.
        """
        ...

    def extend(self, rows: Wide, tokens: Numbers) -> Prefixes:
        """New rows: row `rows[i]` and then `tokens[i]`."""
        ...


@runtime_checkable
class Decoder(Protocol):
    """A sequence model that continues user histories token by token, for beam search."""

    def begin(self, histories: Sequences) -> Prefixes:
        """One row a history; an empty one is a user of whom nothing is known."""
        ...


@dataclass(frozen=True, eq=False)
class Ask:
    """One step: rows of the last step to extend by one token each, then what to score behind each.

    `counts[r]` of the flat `tokens` are asked of row r; rows with the same `nodes` are asked the same.
    """

    rows: Wide
    extension: Numbers
    nodes: Wide
    counts: Wide
    tokens: Numbers


@dataclass(frozen=True, eq=False)
class Beams:
    """The results of a beam search, one row a request: items by falling score, `-1` behind the end.

    `exact[r]`: nothing that was left out of the beam can belong into row r.
    """

    items: Numbers
    scores: Reals
    exact: NDArray[np.bool_]


def search(
    decoder: Decoder, trie: Trie, histories: Sequences, *, width: int, k: int, cut: Cut | None = None
) -> Beams:
    """The best `k` items for each history, with `width` open nodes at a time."""
    stepping = steps(trie, len(histories), width=width, k=k, cut=cut)
    try:
        ask = next(stepping)
        prefixes = decoder.begin(histories)
        while True:
            prefixes = prefixes.extend(ask.rows, ask.extension)
            ask = stepping.send(prefixes.logits(ask))
    except StopIteration as end:
        return end.value


def steps(
    trie: Trie, requests: int, *, width: int, k: int, cut: Cut | None = None
) -> Generator[Ask, Reals, Beams]:
    """The search without the model: yields what to score and is sent the scores.

    The first `Ask` extends the rows of `begin` by nothing (`extension` is empty); every later one
    extends rows of the one before.
    """
    if width < 1 or k < 1:
        raise ValueError(f"a beam of {width} for {k} items was asked for; both must be at least 1")
    cut = cut or Cut.nothing(trie)
    open_ = np.flatnonzero(~cut.emptied(requests)) if trie.items else np.zeros(0, dtype=np.int64)
    rows, extension = open_, np.zeros(0, dtype=np.int32)
    request: Wide = open_
    node: Wide = np.zeros(len(open_), dtype=np.int64)
    score: Reals = np.zeros(len(open_), dtype=np.float32)
    best = _Best(requests, k)
    bound = np.full(requests, -np.inf, dtype=np.float32)
    while len(request):
        start, counts, row, child = children(trie, node)
        begins = np.cumsum(counts) - counts
        scores = yield Ask(rows, extension, node, counts, trie.token[child])
        total = _log_softmax(scores, begins, counts) + np.repeat(score, counts)
        keep = alive(trie, cut, request, node, start, begins, child)
        if keep is not None:
            row, child, total = row[keep], child[keep], total[keep]
        of = request[row]
        done = trie.first_child[child] == trie.first_child[child + 1]
        if done.any():
            best.add(of[done], trie.order[trie.low[child[done]]], total[done])
            still = ~done & (total >= best.worst[of])
            row, child, total, of = row[still], child[still], total[still], of[still]
        chosen = _top(of, child, total, width, bound)
        rows, request = row[chosen], of[chosen]
        node, score = child[chosen], total[chosen]
        extension = trie.token[node]
    return best.found(bound)


class _Best:
    """The best `k` items of each request so far."""

    def __init__(self, requests: int, k: int) -> None:
        self.k = k
        self.items = np.full((requests, k), -1, dtype=np.int32)
        self.scores = np.full((requests, k), -np.inf, dtype=np.float32)
        self.worst = self.scores[:, -1]

    def add(self, request: Wide, item: Numbers, score: Reals) -> None:
        old, _ = np.nonzero(self.items >= 0)
        of = np.concatenate([old, request])
        items = np.concatenate([self.items[self.items >= 0], item])
        scores = np.concatenate([self.scores[self.items >= 0], score])
        chosen = _top(of, items, scores, self.k, None)
        of, items, scores = of[chosen], items[chosen], scores[chosen]
        counts = np.bincount(of, minlength=len(self.items))
        place = np.arange(len(of)) - np.repeat(np.cumsum(counts) - counts, counts)
        self.items[of, place], self.scores[of, place] = items, scores
        self.worst = self.scores[:, -1]

    def found(self, bound: Reals) -> Beams:
        exact = self.worst >= bound
        return Beams(self.items, self.scores, exact)


def _top(of: Wide, number: Wide | Numbers, score: Reals, keep: int, bound: Reals | None) -> Wide:
    """Places of the best `keep` of each request, in order: request, falling score, number.

    `bound`, if given, is raised to the best score of each request that was left out.
    """
    if not len(of):
        return np.zeros(0, dtype=np.int64)
    if (of[1:] < of[:-1]).any():
        order = np.argsort(of, kind="stable")
        return order[_top(of[order], number[order], score[order], keep, bound)]
    who, counts = _runs(of)
    first = np.cumsum(counts) - counts
    if counts.max() > keep:
        # One row a request, so that only what can be kept is sorted.
        table = np.full((len(who), int(counts.max())), -np.inf, dtype=np.float32)
        slot = np.repeat(np.arange(len(who)), counts), np.arange(len(of)) - np.repeat(first, counts)
        table[slot] = score
        edge = -np.partition(-table, keep - 1, axis=1)[:, keep - 1]
        place = np.flatnonzero(score >= np.repeat(edge, counts))
        if bound is not None:
            table[table >= edge[:, None]] = -np.inf
            bound[who] = np.maximum(bound[who], table.max(axis=1))
    else:
        place = np.arange(len(of))
    place = place[np.lexsort((number[place], -score[place], of[place]))]
    _, counts = _runs(of[place])
    rank = np.arange(len(place)) - np.repeat(np.cumsum(counts) - counts, counts)
    if bound is not None and (over := rank >= keep).any():
        np.maximum.at(bound, of[place[over]], score[place[over]])
    return place[rank < keep]


def _runs(of: Wide) -> tuple[Wide, Wide]:
    """The values of a sorted array, and how often each stands in it."""
    starts = np.flatnonzero(np.concatenate([[True], of[1:] != of[:-1]]))
    return of[starts], np.diff(np.append(starts, len(of)))


def _log_softmax(scores: Reals, starts: Wide, counts: Wide) -> Reals:
    """Within each row's stretch of a flat array."""
    scores = scores - np.repeat(np.maximum.reduceat(scores, starts), counts)
    return scores - np.repeat(np.log(np.add.reduceat(np.exp(scores), starts)), counts)


def children(trie: Trie, node: Wide) -> tuple[Wide, Wide, Wide, Wide]:
    """Each node's first child and how many it has; for every child, the place of its node, and itself."""
    start = trie.first_child[node].astype(np.int64)
    counts: Wide = trie.first_child[node + 1] - start
    row: Wide = np.repeat(np.arange(len(node)), counts)
    child: Wide = np.arange(len(row)) + np.repeat(start - (np.cumsum(counts) - counts), counts)
    return start, counts, row, child


def alive(
    trie: Trie, cut: Cut, request: Wide, node: Wide, start: Wide, offsets: Wide, child: Wide
) -> NDArray[np.bool_] | None:
    """Which children have anything below them that may be found; None if all have."""
    keep = None if trie.whole else trie.live[child] > 0
    if len(cut.keys):
        # Looked up from the few cut nodes to the rows that would reach them.
        parent = request * cut.nodes + node
        order = np.argsort(parent)
        dead = cut.keys % cut.nodes
        wanted = (cut.keys - dead) + trie.parent[dead]
        at = np.minimum(np.searchsorted(parent[order], wanted), len(parent) - 1)
        hit = (parent[order][at] == wanted) & (dead > 0)
        if hit.any():
            row = order[at[hit]]
            keep = np.ones(len(child), dtype=np.bool_) if keep is None else keep
            keep[offsets[row] + dead[hit] - start[row]] = False
    return keep
