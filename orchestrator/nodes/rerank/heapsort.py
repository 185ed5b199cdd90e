"""The best k of a list by comparing a few at a time: a heap of any width, with the comparison awaited."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from orchestrator.nodes.rerank.calls import Enough

#: Position of the best among some items, in the order they are given.
Best = Callable[[Sequence[int]], Awaitable[int]]


async def best_first(
    items: Sequence[int],
    k: int,
    width: int,
    best: Best,
    offer: Callable[[list[int]], None],
    stop: int | None = None,
) -> list[int]:
    """The `k` best of `items`, best first, then the others as they were given.

    `best` compares a parent with its `width` children (Setwise, arXiv 2310.09497). Each time that one more
    is found, `offer` gets the order so far. Once the item `stop` is found, no other is looked for.
    """
    heap = list(items)
    found: list[int] = []
    try:
        for start in range((len(heap) - 2) // width, -1, -1):
            await _sink(heap, start, width, best)
        while heap and len(found) < k:
            found.append(heap[0])
            offer(_first(found, items))
            if heap[0] == stop:
                break
            last = heap.pop()
            if heap:
                heap[0] = last
                await _sink(heap, 0, width, best)
    except Enough:
        # Nothing more may be asked; the root was compared last, and is the likeliest next.
        found += [item for item in heap[:1] if item != stop]
    return _first(found, items)


def _first(found: list[int], items: Sequence[int]) -> list[int]:
    named = set(found)
    return found + [item for item in items if item not in named]


async def _sink(heap: list[int], parent: int, width: int, best: Best) -> None:
    """Move an item down until none of its children is better."""
    while True:
        first = parent * width + 1
        children = range(first, min(first + width, len(heap)))
        if not children:
            return
        family = [parent, *children]
        chosen = family[await best([heap[position] for position in family])]
        if chosen == parent:
            return
        heap[parent], heap[chosen] = heap[chosen], heap[parent]
        parent = chosen
