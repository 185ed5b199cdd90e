"""Semantic trees over the passages of an index: their nodes, and the tree as a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from orchestrator.types import Principal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: What a node of a tree stands for. A `part` is a run of passages or sections of what is too long for one
#: slate.
TreeNodeKind = Literal["root", "topic", "document", "section", "part"]


@dataclass(frozen=True, slots=True)
class TreeNode:
    """An inner node: what lies beneath it, and a summary of that.

    `children` are ids of nodes, `passages` ids of the passages that hang on it directly, and `leaves` counts
    all passages beneath. `id` is the hash of what it was made of. `made_of` is the hash of what `summary` was
    written from: where it is another than `content_hash` of the node, the summary is stale. `vector` is
    the mean of the vectors of all passages beneath: the shorter it is, the wider they are spread.
    """

    id: str
    kind: TreeNodeKind
    title: str
    summary: str = ""
    children: tuple[str, ...] = ()
    passages: tuple[str, ...] = ()
    leaves: int = 0
    made_of: str = ""
    vector: NDArray[np.float32] | None = field(default=None, compare=False)

    @property
    def text(self) -> str:
        """What a reader of the tree is shown of the node: its title and its summary."""
        return f"{self.title}\n{self.summary}".strip() if self.title != self.summary else self.title


@dataclass(frozen=True, slots=True)
class Tree:
    """A semantic tree: every passage below the node `root` at least once, every other node below another.

    `method` says how it was made; `directions` in how many the vectors of its passages spread. An empty tree
    has a root without children.
    """

    root: str
    nodes: Mapping[str, TreeNode]
    method: str = ""
    directions: float = 1.0

    def __len__(self) -> int:
        """Passages in the tree."""
        return self.nodes[self.root].leaves

    def parents(self) -> dict[str, str]:
        """The node above each node and each passage."""
        return {child: node.id for node in self.nodes.values() for child in (*node.children, *node.passages)}

    def walk(self) -> Iterator[tuple[int, TreeNode]]:
        """Every node with its depth, from the root (0) down, children in their order."""
        waiting = [(0, self.root)]
        while waiting:
            depth, name = waiting.pop()
            node = self.nodes[name]
            yield depth, node
            waiting.extend((depth + 1, child) for child in reversed(node.children))

    @property
    def depth(self) -> int:
        """Edges from the root to the deepest passage."""
        return max((depth + bool(node.passages) for depth, node in self.walk()), default=0)

    def passages(self) -> tuple[str, ...]:
        """Every passage, in the order of the tree."""
        return tuple(passage for _, node in self.walk() for passage in node.passages)

    def trace(self) -> dict[str, Any]:
        """How large it is."""
        return {"nodes": len(self.nodes), "passages": len(self), "depth": self.depth}


def content_hash(kind: TreeNodeKind, title: str, beneath: Sequence[str]) -> str:
    """Names a node by what it is made of: its kind, its title, and what hangs on it, in that order."""
    import hashlib

    digest = hashlib.sha256(f"{kind}\0{title}".encode("utf-8", "replace"))
    for each in beneath:
        digest.update(b"\0" + each.encode())
    return digest.hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class TreeRoot:
    """A tree that a reader may search: its root node, how many passages it holds, and of how many
    `directions`.

    `missing` counts passages of its documents that the tree does not hold: it is older than its index.
    """

    node: str
    leaves: int
    directions: float = 1.0
    missing: int = 0


@runtime_checkable
class TreeStore(Protocol):
    """The semantic trees of one index: one for each tenant and exact set of labels.

    A principal is given the trees whose labels are granted, whole, and nothing of any other: what a reader
    may not read is in no tree, no summary and no count that the reader gets.
    """

    async def roots(self, *, principal: Principal) -> tuple[TreeRoot, ...]:
        """The trees that the principal may read, the largest first."""
        ...

    async def nodes(self, names: Sequence[str], *, principal: Principal) -> dict[str, TreeNode]:
        """The nodes that exist in those trees, in the order of `names`."""
        ...

    async def paths(self, passages: Sequence[str], *, principal: Principal) -> dict[str, tuple[str, ...]]:
        """The nodes above each passage that lies in one of those trees, from its root down."""
        ...
