"""The documents of an index by group, and the passages of a group with their vectors."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from orchestrator.ports import DocumentRow, IndexRegistry, TreeGroup, VectorStore
from orchestrator.tree.leaf import Leaf, leaves_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Documents, and vectors, that are read at once.
PAGE, VECTORS = 500, 2_000


def group_of(row: DocumentRow) -> TreeGroup:
    """The group that a document belongs to."""
    return TreeGroup(row.tenant, tuple(sorted(set(row.labels))))


async def documents_by_group(
    registry: IndexRegistry, index: str, groups: Collection[TreeGroup]
) -> Mapping[TreeGroup, list[DocumentRow]]:
    """The documents of some groups of an index, by rising id."""

    def read() -> Mapping[TreeGroup, list[DocumentRow]]:
        found: dict[TreeGroup, list[DocumentRow]] = defaultdict(list)
        after = ""
        while page := registry.documents(index, after=after, limit=PAGE):
            after = page[-1].id
            for row in page:
                if (group := group_of(row)) in groups:
                    found[group].append(row)
        return found

    return await asyncio.to_thread(read)


async def vectors_of(
    vectors: VectorStore, group: TreeGroup, passages: Sequence[str]
) -> dict[str, NDArray[np.float32]]:
    """The vectors of a group's passages, of those that have one."""
    found: dict[str, NDArray[np.float32]] = {}
    for start in range(0, len(passages), VECTORS):
        found |= await vectors.vectors(passages[start : start + VECTORS], principal=group.reader)
    return found


async def group_leaves(
    vectors: VectorStore, group: TreeGroup, rows: Iterable[DocumentRow], *, topics: str = ""
) -> list[Leaf]:
    """The passages of a group's documents as leaves. Those that have no vector yet are left out."""
    documents = list(rows)
    ids = [passage.id for row in documents for passage in row.passages]
    return list(leaves_of(documents, await vectors_of(vectors, group, ids), topics=topics))
