"""Nodes of trees as rows, and as the nodes of their port."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, select

from connectors.sql.seals import sealed
from connectors.sql.statements import chunks
from connectors.sql.tables import tree_leaves, tree_nodes
from orchestrator.ports import KeptNode, TreeNode

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def kept_nodes(connection: Connection, index_id: int, rows: Sequence[Row[Any]]) -> dict[str, KeptNode]:
    """Rows of `tree_nodes` with what hangs on them, in their order."""
    children: dict[str, list[str]] = defaultdict(list)
    passages: dict[str, list[str]] = defaultdict(list)
    for part in chunks([row.id for row in rows]):
        below = select(tree_nodes.c.id, tree_nodes.c.parent).where(
            tree_nodes.c.index_id == index_id, tree_nodes.c.parent.in_(part)
        )
        for row in connection.execute(below.order_by(tree_nodes.c.place, tree_nodes.c.id)):
            children[row.parent].append(row.id)
        hanging = select(tree_leaves.c.passage, tree_leaves.c.node).where(
            tree_leaves.c.index_id == index_id, tree_leaves.c.node.in_(part)
        )
        for row in connection.execute(hanging.order_by(tree_leaves.c.place, tree_leaves.c.passage)):
            passages[row.node].append(row.passage)
    return {row.id: _kept(row, tuple(children[row.id]), tuple(passages[row.id])) for row in rows}


def _kept(row: Row[Any], children: tuple[str, ...], passages: tuple[str, ...]) -> KeptNode:
    node = TreeNode(
        row.id,
        row.kind,
        row.title,
        row.summary,
        children,
        passages,
        row.leaves,
        row.made_of,
        _vector(row.vector),
    )
    return KeptNode(node, row.named, row.changed, row.moved)


def node_rows(index_id: int, tree: int, nodes: Iterable[KeptNode]) -> Iterator[dict[str, Any]]:
    """The rows of nodes, without their parents."""
    for kept in nodes:
        node = kept.node
        yield sealed(
            tree_nodes,
            {
                "index_id": index_id,
                "id": node.id,
                "tree": tree,
                "parent": None,
                "place": 0,
                "kind": node.kind,
                "title": node.title,
                "named": kept.named,
                "summary": node.summary,
                "leaves": node.leaves,
                "made_of": node.made_of,
                "vector": _stored(node.vector),
                "changed": kept.changed,
                "moved": kept.moved,
            },
        )


def parents_of(nodes: Iterable[KeptNode]) -> Iterator[dict[str, Any]]:
    """For each child of these nodes, its parent and place, as parameters of an update."""
    for kept in nodes:
        for place, child in enumerate(kept.node.children):
            yield {"of_id": child, "new_parent": kept.node.id, "new_place": place}


def leaf_rows(index_id: int, tree: int, nodes: Iterable[KeptNode]) -> Iterator[dict[str, Any]]:
    """The rows of the passages that hang on these nodes."""
    for kept in nodes:
        for place, passage in enumerate(kept.node.passages):
            yield {
                "index_id": index_id,
                "passage": passage,
                "node": kept.node.id,
                "tree": tree,
                "place": place,
            }


def id_hashes(passages: Sequence[str]) -> NDArray[np.uint32]:
    """Hashes of the ids of passages, each once, rising: a set that is compared without the ids."""
    import zlib

    import numpy as np

    return np.unique(np.fromiter((zlib.crc32(each.encode()) for each in passages), dtype="<u4"))


def packed_ids(passages: Sequence[str]) -> bytes:
    """The same as they are stored."""
    return id_hashes(passages).tobytes()


def without_any(texts: Mapping[str, bytes], gone: Sequence[str]) -> list[str]:
    """The keys of what is of one of the `gone` passages, and by chance a few more."""
    import numpy as np

    # What is of no passage is of nobody's.
    held = {key: np.frombuffer(packed, dtype="<u4") for key, packed in texts.items() if packed}
    if not held:
        return []
    sizes = np.array([len(each) for each in held.values()])
    found = np.isin(np.concatenate(list(held.values())), id_hashes(gone))
    starts = np.cumsum(sizes) - sizes
    any_of = np.logical_or.reduceat(found, starts)
    return [key for key, hit in zip(held, any_of.tolist(), strict=True) if hit]


def _vector(stored: bytes | None) -> NDArray[np.float32] | None:
    import numpy as np

    return None if stored is None else np.frombuffer(stored, dtype="<f4")


def _stored(vector: NDArray[np.float32] | None) -> bytes | None:
    import numpy as np

    return None if vector is None else np.asarray(vector, dtype="<f4").tobytes()
