"""The structure that documents bring along: document → sections by their headings → passages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from orchestrator.ports.tree import TreeNodeKind
from orchestrator.tree.leaf import Leaf

#: Headings that are told apart below a document; deeper ones belong to the last of these.
HEADINGS = 4


@dataclass(frozen=True, slots=True)
class Branch:
    """A node of a document's structure, before it has a summary: what hangs on it are branches and leaves."""

    kind: TreeNodeKind
    title: str
    branches: tuple[Branch, ...] = ()
    leaves: tuple[Leaf, ...] = ()

    def beneath(self) -> tuple[Leaf, ...]:
        """Every leaf, in the order of the text."""
        inner = (leaf for branch in self.branches for leaf in branch.beneath())
        return (*self.leaves, *inner)


def document_branch(leaves: Sequence[Leaf], at_most: int) -> Branch | Leaf:
    """The branch of a document's passages, which come in their order; a single passage is its own document.

    A passage belongs to the section that it begins in. What has more than `at_most` children is cut into
    parts by its position, and a section that is alone below another takes its place.
    """
    if len(leaves) == 1:
        return leaves[0]
    return _section("document", leaves[0].title, leaves, 0, at_most)


def parted(branch: Branch, at_most: int) -> Branch:
    """The same branch with parts between it and its children, where they are more than `at_most`."""
    children: list[Branch | Leaf] = [*branch.leaves, *branch.branches]
    while len(children) > at_most:
        count = -(-len(children) // at_most)
        bounds = [len(children) * number // count for number in range(count + 1)]
        children = [_of("part", branch.title, children[start:end]) for start, end in pairwise(bounds)]
    return _of(branch.kind, branch.title, children)


def _section(kind: TreeNodeKind, title: str, leaves: Sequence[Leaf], depth: int, at_most: int) -> Branch:
    own: list[Leaf] = []
    runs: list[tuple[str, list[Leaf]]] = []
    for leaf in leaves:
        heading = leaf.section[depth] if depth < min(len(leaf.section), HEADINGS) else ""
        if not heading:
            own.append(leaf)
        elif runs and runs[-1][0] == heading:
            runs[-1][1].append(leaf)
        else:
            runs.append((heading, [leaf]))
    if len(runs) == 1 and not own:
        heading, inner = runs[0]
        name = title if kind == "document" else heading
        return _section(kind, name, inner, depth + 1, at_most)
    branches: list[Branch] = []
    for heading, inner in runs:
        if len(inner) == 1:
            own.append(inner[0])
        else:
            branches.append(_section("section", heading, inner, depth + 1, at_most))
    own.sort(key=lambda leaf: leaf.position)
    return parted(Branch(kind, title, tuple(branches), tuple(own)), at_most)


def _of(kind: TreeNodeKind, title: str, children: Sequence[Branch | Leaf]) -> Branch:
    return Branch(
        kind,
        title,
        tuple(each for each in children if isinstance(each, Branch)),
        tuple(each for each in children if isinstance(each, Leaf)),
    )
