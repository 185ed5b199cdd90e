"""A tree store in memory, and what a judge makes of a tree's nodes, to test and study searches with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.ports import Tree, TreeNode, TreeRoot
from orchestrator.types import DEFAULT_TENANT, PUBLIC, Principal


@dataclass(frozen=True)
class HeldTree:
    """A tree, and who may read it."""

    tree: Tree
    tenant: str = DEFAULT_TENANT
    labels: frozenset[str] = frozenset({PUBLIC})
    missing: int = 0


class HeldTrees:
    """The `TreeStore` port over trees in memory."""

    def __init__(self, *held: HeldTree) -> None:
        self._held = sorted(held, key=lambda each: (-len(each.tree), each.tree.root))
        self._parents = [each.tree.parents() for each in self._held]

    def _readable(self, principal: Principal) -> list[int]:
        return [
            at
            for at, each in enumerate(self._held)
            if each.tenant == principal.tenant and each.labels & principal.grants and len(each.tree)
        ]

    async def roots(self, *, principal: Principal) -> tuple[TreeRoot, ...]:
        """The trees that the principal may read, the largest first."""
        readable = [self._held[at] for at in self._readable(principal)]
        return tuple(
            TreeRoot(each.tree.root, len(each.tree), each.tree.directions, each.missing) for each in readable
        )

    async def nodes(self, names: Sequence[str], *, principal: Principal) -> dict[str, TreeNode]:
        """The nodes that exist in those trees, in the order of `names`."""
        found: dict[str, TreeNode] = {}
        for at in self._readable(principal):
            found |= {
                name: self._held[at].tree.nodes[name] for name in names if name in self._held[at].tree.nodes
            }
        return {name: found[name] for name in names if name in found}

    async def paths(self, passages: Sequence[str], *, principal: Principal) -> dict[str, tuple[str, ...]]:
        """The nodes above each passage that lies in one of those trees, from its root down."""
        found: dict[str, tuple[str, ...]] = {}
        for at in self._readable(principal):
            parents = self._parents[at]
            for passage in passages:
                above: list[str] = []
                name = parents.get(passage)
                while name is not None:
                    above.append(name)
                    name = parents.get(name)
                if above:
                    found[passage] = tuple(reversed(above))
        return {name: found[name] for name in passages if name in found}


def node_grades(tree: Tree, grades: Mapping[str, float], *, best: float = 0.7) -> dict[str, float]:
    """What a judge believes of each node: `best` of its best passage's grade, and the rest of their mean."""
    found: dict[str, float] = {}

    def beneath(name: str) -> list[float]:
        node = tree.nodes[name]
        inner = [grade for child in node.children for grade in beneath(child)]
        held = [*inner, *(grades.get(passage, 0.0) for passage in node.passages)]
        found[name] = best * max(held, default=0.0) + (1 - best) * sum(held) / max(1, len(held))
        return held

    beneath(tree.root)
    return found
