"""Changing a tree without building it again: documents are put in, what is left alone moves up.

A document is put below the topic that its passages are nearest to, found from the root down. A node that has
too many children then is split in two by their vectors, and so may be those above it. What the removal of
passages left, a node with one child, is replaced by that child. Vectors stay the means of what lies beneath;
summaries are written anew elsewhere (`orchestrator.tree.repair`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator.ports import KeptNode, KeptTree, TreeEdit, TreeNode, TreeNodeKind, content_hash
from orchestrator.tree.balanced_clusters import balanced_k_means
from orchestrator.tree.division import Unit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: The vectors of passages by id, of those that have one.
Fetch = Callable[[Sequence[str]], Awaitable[Mapping[str, "NDArray[np.float32]"]]]
#: The share of its children that one half of a split may take.
LARGEST_HALF = 2 / 3


class LivingTree:
    """A stored tree while it is edited; `edit` is what came of it. `vectors` reads those of passages."""

    def __init__(self, kept: KeptTree, vectors: Fetch) -> None:
        self.root = kept.root
        self.nodes: dict[str, KeptNode] = dict(kept.nodes)
        self.inserted = 0
        self._before = kept
        self._vectors = vectors
        self._known: dict[str, NDArray[np.float32]] = {}
        self._at_most = kept.recipe.at_most
        self._parents = {child: name for name, each in self.nodes.items() for child in each.node.children}

    def edit(self, repairs: int) -> TreeEdit:
        """The change so far; `repairs` is how many summaries may still be written for it."""
        changed = [each for name, each in self.nodes.items() if self._before.nodes.get(name) is not each]
        removed = [name for name in self._before.nodes if name not in self.nodes]
        return TreeEdit(self._before.revision, self.root, changed, removed, self.inserted, repairs)

    # -- changes ----------------------------------------------------------------------------------

    def settle(self) -> None:
        """Let what is alone below a node take its place, and drop what is empty."""
        for name in list(self._upward()):
            kept = self.nodes.get(name)
            if kept is None or not kept.moved or name == self.root:
                continue
            node = kept.node
            if len(node.children) + len(node.passages) > 1:
                continue
            parent = self.nodes[self._parents[name]]
            self._drop(name)
            self._set(replace(parent, node=_without(parent.node, name, node.children, node.passages)))
            self._adopt(parent.node.id, node.children)
        self._flatten_root()

    async def insert(self, unit: Unit, nodes: Mapping[str, TreeNode]) -> None:
        """Put a document in: a single passage, or a node with those beneath it."""
        self._unwrap_root()
        names = list(_beneath(unit.name, nodes)) if unit.node is not None else []
        renamed = {name: self._fresh(name) for name in names}
        for name in names:
            node = nodes[name]
            children = tuple(renamed[child] for child in node.children)
            self._set(KeptNode(replace(node, id=renamed[name], children=children)))
            self._adopt(renamed[name], children)
        if unit.node is None:
            self._known[unit.name] = unit.vector
        at = self._nearest(unit.vector)
        node = self.nodes[at].node
        if unit.node is None:
            node = replace(node, passages=(*node.passages, unit.name))
        else:
            node = replace(node, children=(*node.children, renamed[unit.name]))
            self._parents[renamed[unit.name]] = at
        self._set(replace(self.nodes[at], node=node))
        self._grow(at, unit)
        self.inserted += len(unit.leaves)
        await self._split_up(at)

    async def remeasure(self) -> None:
        """Give nodes whose passages have gone the mean of those that are left."""
        import numpy as np

        moved = [name for name in self._upward() if self.nodes[name].moved]
        await self._read([passage for name in moved for passage in self.nodes[name].node.passages])
        for name in moved:
            kept = self.nodes[name]
            parts = [self._total(child) for child in kept.node.children]
            parts += [self._known[passage] for passage in kept.node.passages if passage in self._known]
            if not parts or name == self.root:
                self._set(replace(kept, moved=False))
                continue
            mean = np.sum(parts, axis=0) / max(1, kept.node.leaves)
            self._set(replace(kept, moved=False, node=replace(kept.node, vector=mean.astype(np.float32))))

    # -- parts ------------------------------------------------------------------------------------

    def _nearest(self, vector: NDArray[np.float32]) -> str:
        """The topic that a document belongs to: from the root down, always the nearest."""
        import numpy as np

        at = self.root
        while True:
            topics = [
                (child, self.nodes[child].node.vector)
                for child in self.nodes[at].node.children
                if self.nodes[child].node.kind == "topic"
            ]
            known = [(child, each) for child, each in topics if each is not None]
            if not known:
                return at
            likeness = [float(vector @ each) / max(1e-9, float(np.linalg.norm(each))) for _, each in known]
            at = known[int(np.argmax(likeness))][0]

    def _grow(self, at: str, unit: Unit) -> None:
        """Count a document in, from the node that it hangs on up to the root."""
        import numpy as np

        count = len(unit.leaves)
        name: str | None = at
        while name is not None:
            kept = self.nodes[name]
            node = kept.node
            vector = node.vector
            if vector is not None:
                vector = ((vector * node.leaves + unit.total) / (node.leaves + count)).astype(np.float32)
            grown = replace(node, leaves=node.leaves + count, vector=vector)
            self._set(replace(kept, node=grown, changed=kept.changed + count))
            name = self._parents.get(name)

    async def _split_up(self, name: str | None) -> None:
        """Split a node in two that has too many children, and those above it likewise."""
        while name is not None:
            node = self.nodes[name].node
            if len(node.children) + len(node.passages) <= self._at_most:
                return
            above = self._parents.get(name)
            halves = await self._halves(node)
            children = tuple(each for group in halves for each in self._half(node, group))
            inner = tuple(child for child in children if child in self.nodes)
            bare = tuple(child for child in children if child not in self.nodes)
            if above is None:
                self._set(replace(self.nodes[name], node=replace(node, children=inner, passages=bare)))
                self._adopt(name, inner)
                return
            parent = self.nodes[above]
            self._drop(name)
            self._set(replace(parent, node=_without(parent.node, name, inner, bare)))
            self._adopt(above, inner)
            name = above

    async def _halves(self, node: TreeNode) -> list[list[str]]:
        import numpy as np

        await self._read(node.passages)
        names = [*node.children, *node.passages]
        vectors = [self._total(name) if name in self.nodes else self._known.get(name) for name in names]
        width = next(len(each) for each in vectors if each is not None)
        points = np.stack([np.zeros(width) if each is None else each for each in vectors]).astype(np.float32)
        points /= np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-9)
        capacity = max(-(-len(names) // 2), int(LARGEST_HALF * len(names)))
        labels = balanced_k_means(points, 2, capacity, seed=f"split/{len(names)}/{names[0]}")
        groups = [
            [name for name, label in zip(names, labels, strict=True) if label == half] for half in (0, 1)
        ]
        return sorted(group for group in groups if group)

    def _half(self, of: TreeNode, group: Sequence[str]) -> Iterator[str]:
        """What takes the place of one half of a node: a topic, or what is alone in it."""
        import numpy as np

        if len(group) == 1:
            yield group[0]
            return
        children = tuple(name for name in group if name in self.nodes)
        passages = tuple(name for name in group if name not in self.nodes)
        leaves = sum(self.nodes[child].node.leaves for child in children) + len(passages)
        totals = [self._total(child) for child in children]
        totals += [self._known[passage] for passage in passages if passage in self._known]
        vector = (np.sum(totals, axis=0) / max(1, leaves)).astype(np.float32) if totals else None
        name = self._fresh(content_hash("topic", "", (*children, *passages)))
        node = TreeNode(name, "topic", "", "", children, passages, leaves, "", vector)
        # What has no title yet is shown by that of the whole until its summary is written.
        shown = replace(node, title=of.title if of.kind != "root" else "")
        self._set(KeptNode(shown, named=False, changed=leaves))
        self._adopt(name, children)
        yield name

    def _flatten_root(self) -> None:
        """A single node below the root gives it its children."""
        root = self.nodes[self.root]
        while len(root.node.children) == 1 and not root.node.passages:
            (only,) = root.node.children
            inner = self.nodes[only].node
            self._drop(only)
            title = inner.title if inner.kind == "document" else ""
            node = replace(root.node, title=title, children=inner.children, passages=inner.passages)
            root = replace(root, node=node)
            self._set(root)
            self._adopt(self.root, inner.children)

    def _unwrap_root(self) -> None:
        """A root that is a document, with its title, becomes the root of that document and others."""
        root = self.nodes[self.root].node
        if not root.title or not root.leaves:
            if root.title:
                self._set(replace(self.nodes[self.root], node=replace(root, title="")))
            return
        inner = {self.nodes[child].node.kind for child in root.children}
        kind: TreeNodeKind = "topic" if inner & {"topic", "document"} else "document"
        name = self._fresh(content_hash(kind, root.title, (*root.children, *root.passages)))
        node = TreeNode(name, kind, root.title, "", root.children, root.passages, root.leaves)
        self._set(KeptNode(node, changed=root.leaves, moved=True))
        self._adopt(name, root.children)
        self._set(replace(self.nodes[self.root], node=replace(root, title="", children=(name,), passages=())))
        self._parents[name] = self.root

    def _total(self, name: str) -> NDArray[np.float32]:
        import numpy as np

        node = self.nodes[name].node
        if node.vector is not None:
            return node.vector * node.leaves
        width = next(len(each.node.vector) for each in self.nodes.values() if each.node.vector is not None)
        return np.zeros(width, dtype=np.float32)

    async def _read(self, passages: Iterable[str]) -> None:
        lacking = [passage for passage in passages if passage not in self._known]
        if lacking:
            self._known |= await self._vectors(lacking)

    def _fresh(self, name: str) -> str:
        while name in self.nodes or name in self._before.nodes:
            name = content_hash("part", "another of the same", (name,))
        return name

    def _set(self, kept: KeptNode) -> None:
        self.nodes[kept.node.id] = kept

    def _drop(self, name: str) -> None:
        del self.nodes[name]
        self._parents.pop(name, None)

    def _adopt(self, name: str, children: Iterable[str]) -> None:
        self._parents |= dict.fromkeys(children, name)

    def _upward(self) -> Iterator[str]:
        """Every node, each after those beneath it."""
        order: list[str] = []
        waiting = [self.root]
        while waiting:
            name = waiting.pop()
            order.append(name)
            waiting.extend(self.nodes[name].node.children)
        return reversed(order)

    def depths(self) -> dict[str, int]:
        """How far below the root each node lies."""
        found = {self.root: 0}
        for name in reversed(list(self._upward())):
            for child in self.nodes[name].node.children:
                found[child] = found[name] + 1
        return found


def _without(node: TreeNode, name: str, children: Sequence[str], passages: Sequence[str]) -> TreeNode:
    """A node with others in the place of one of its children."""
    at = node.children.index(name)
    inner = (*node.children[:at], *children, *node.children[at + 1 :])
    return replace(node, children=inner, passages=(*node.passages, *passages))


def _beneath(name: str, nodes: Mapping[str, TreeNode]) -> Iterator[str]:
    """A node and all beneath it."""
    waiting = [name]
    while waiting:
        each = waiting.pop()
        yield each
        waiting.extend(nodes[each].children)
