"""Semantic identifiers: the path of categories that an item stands in, then its place there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from orchestrator.recommendation.generative.item_ids.item_ids import PADDING, ItemIds
from orchestrator.recommendation.generative.item_ids.tree import places


def semantic(paths: Sequence[Sequence[str]]) -> ItemIds:
    """One path of category names an item, the widest first; items without any share the empty path.

    Paths differ in length, and so do identifiers; the last token, from a level of its own, ends each.
    """
    items = len(paths)
    depth = max((len(path) for path in paths), default=0)
    columns = [np.full(items, PADDING, dtype=np.int32) for _ in range(depth)]
    for level in range(depth):
        names = sorted({path[level] for path in paths if len(path) > level})
        number = {name: place for place, name in enumerate(names)}
        for item, path in enumerate(paths):
            if len(path) > level:
                columns[level][item] = number[path[level]]
    place = places(columns) if depth else np.arange(items, dtype=np.int32)
    return ItemIds.by_level("semantic", [*columns, place])


def category_paths(attributes: Sequence[Sequence[str]], *, depth: int = 3) -> list[tuple[str, ...]]:
    """A path for each item from attributes that nobody ordered: the most common first.

    What many items have is a wide category, what few have (a brand, a kind) a narrow one. Of attributes
    that are equally common, the alphabetical first comes first; one that a single item has says nothing
    and is left out.
    """
    count = Counter(name for names in attributes for name in set(names))
    paths: list[tuple[str, ...]] = []
    for names in attributes:
        shared = sorted({name for name in names if count[name] > 1}, key=lambda name: (-count[name], name))
        paths.append(tuple(shared[:depth]))
    return paths
