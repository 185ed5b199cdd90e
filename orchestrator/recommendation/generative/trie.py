"""A trie of item identifiers in flat arrays, with the nodes that a request excludes.

Nodes are numbered level by level, children of one node in a row (CSR). Items stand in the order of
their identifiers, so that the leaves under a node are one range of that order: how many of them are
left after a cut is a difference of two numbers, and an emptied branch is known before it is scored.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from orchestrator.recommendation.generative.item_ids.item_ids import PADDING, ItemIds

Numbers = NDArray[np.int32]
Wide = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Trie:
    """A trie of all identifiers, with the number of live items below each node.

    Node 0 is the root. The children of node v are `first_child[v]` up to `first_child[v + 1]`; a node
    without children is an item. `token[v]` leads to v from `parent[v]`. `order[low[v]:high[v]]` are the
    items below v, `leaf[i]` is the node of item i, `live[v]` counts the items below v that may be found.
    """

    token: Numbers
    first_child: Numbers
    parent: Numbers
    low: Numbers
    high: Numbers
    order: Numbers
    leaf: Numbers
    live: Numbers
    levels: tuple[int, ...]

    @classmethod
    def of(cls, ids: ItemIds) -> Trie:
        """Built by sorting: some seconds for a million items."""
        codes = ids.tokens
        items, depth = codes.shape
        order = np.lexsort(codes.T[::-1]).astype(np.int32)
        begins = np.zeros(items, dtype=np.bool_)
        begins[:1] = True
        token, parent = [np.full(1, PADDING, dtype=np.int32)], [np.full(1, -1, dtype=np.int32)]
        low, high = [np.zeros(1, dtype=np.int32)], [np.full(1, items, dtype=np.int32)]
        levels = [0, 1]
        leaf = np.zeros(items, dtype=np.int32)
        for level in range(depth):
            column = codes[order, level]
            begins[1:] |= column[1:] != column[:-1]
            starts = np.flatnonzero(begins).astype(np.int32)
            ends = np.append(starts[1:], np.int32(items))
            real = column[starts] != PADDING
            starts, ends = starts[real], ends[real]
            above = levels[-2] + np.searchsorted(low[-1], starts, side="right") - 1
            token.append(column[starts])
            parent.append(above.astype(np.int32))
            low.append(starts)
            high.append(ends.astype(np.int32))
            # An identifier ends where the next level pads it, or at the last level.
            last = np.ones(len(starts), dtype=np.bool_)
            if level + 1 < depth:
                last = codes[order[starts], level + 1] == PADDING
            leaf[order[starts[last]]] = levels[-1] + np.flatnonzero(last).astype(np.int32)
            levels.append(levels[-1] + len(starts))
        parents = np.concatenate(parent)
        nodes = len(parents)
        first_child = np.ones(nodes + 1, dtype=np.int32)
        np.cumsum(np.bincount(parents[1:], minlength=nodes), out=first_child[1:])
        first_child[1:] += 1
        lows, highs = np.concatenate(low), np.concatenate(high)
        live = highs - lows
        return cls(np.concatenate(token), first_child, parents, lows, highs, order, leaf, live, tuple(levels))

    def __len__(self) -> int:
        return len(self.token)

    @property
    def items(self) -> int:
        """How many items may be found."""
        return int(self.live[0])

    @property
    def whole(self) -> bool:
        """Whether nothing was cut from it."""
        return self.items == len(self.order)

    @property
    def depth(self) -> int:
        """The length of the longest identifier."""
        return len(self.levels) - 2

    @property
    def nbytes(self) -> int:
        """Memory of the arrays, in bytes."""
        arrays = (
            self.token,
            self.first_child,
            self.parent,
            self.low,
            self.high,
            self.order,
            self.leaf,
            self.live,
        )
        return sum(array.nbytes for array in arrays)

    def keeping(self, mask: NDArray[np.bool_]) -> Trie:
        """Of the live items those whose entry in `mask` (items,) is true: access, filters, deletions.

        Shares all arrays but one with this trie. Branches that it empties are not entered.
        """
        kept = mask & (self.live[self.leaf] > 0)
        below = np.zeros(len(self.order) + 1, dtype=np.int32)
        np.cumsum(kept[self.order], out=below[1:])
        return replace(self, live=below[self.high] - below[self.low])

    def without(self, items: Numbers) -> Trie:
        """All but these items: a deletion is one pass over the nodes above them."""
        gone = np.unique(items)
        gone = self.leaf[gone][self.live[self.leaf[gone]] > 0]
        live = self.live.copy()
        while len(gone):
            np.subtract.at(live, gone, 1)
            gone = self.parent[gone]
            gone = gone[gone >= 0]
        return replace(self, live=live)

    def cut(self, rows: Wide, items: Numbers) -> Cut:
        """The items excluded from each request: pairs of request number and item.

        The cost grows with the number of pairs, not with the catalogue.
        """
        nodes = len(self)
        leaves = self.leaf[items].astype(np.int64)
        alive = self.live[leaves] > 0
        keys = np.unique(rows[alive] * nodes + leaves[alive])
        counts = np.ones(len(keys), dtype=np.int64)
        dead = [keys]
        level = np.searchsorted(np.asarray(self.levels), keys % max(nodes, 1), side="right")
        for at in range(self.depth + 1, 1, -1):
            here = level == at
            if not here.any():
                continue
            row, node = keys[here] // nodes, keys[here] % nodes
            above, place = np.unique(row * nodes + self.parent[node], return_inverse=True)
            gone = np.bincount(place, weights=counts[here], minlength=len(above)).astype(np.int64)
            # A node and leaves that end at its level are counted side by side: no key twice.
            dead.append(above[gone == self.live[above % nodes]])
            keys = np.concatenate([keys[~here], above])
            counts = np.concatenate([counts[~here], gone])
            level = np.concatenate([level[~here], np.full(len(above), at - 1)])
        return Cut(np.unique(np.concatenate(dead)), nodes)


@dataclass(frozen=True, eq=False)
class Cut:
    """The excluded nodes of each request: sorted keys `request · nodes + node`."""

    keys: Wide
    nodes: int

    @classmethod
    def nothing(cls, trie: Trie) -> Cut:
        """Requests that exclude nothing."""
        return cls(np.zeros(0, dtype=np.int64), len(trie))

    def emptied(self, requests: int) -> NDArray[np.bool_]:
        """For each request, whether nothing is left for it."""
        found = np.zeros(requests, dtype=np.bool_)
        found[self.keys[self.keys % self.nodes == 0] // self.nodes] = True
        return found
