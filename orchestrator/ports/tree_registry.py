"""Semantic trees by tenant and set of labels, as whoever builds and changes them sees them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from orchestrator.ports.indexes import DocumentRow
from orchestrator.ports.jobs import Job
from orchestrator.ports.tree import Tree, TreeNode, content_hash
from orchestrator.types import Principal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, order=True)
class TreeGroup:
    """The documents of a tenant that have exactly these labels, sorted: a tree holds those of one group."""

    tenant: str
    labels: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.tenant}:{','.join(self.labels)}"

    @property
    def reader(self) -> Principal:
        """Who may read the group's documents, to read their vectors for the tree."""
        return Principal(tenant=self.tenant, grants=frozenset(self.labels), name="tree")


@dataclass(frozen=True, slots=True)
class TreeRecipe:
    """How a tree was made: by `method`, with at most `at_most` children a node, `topics` as it was told.

    `summaries` names what writes its summaries, `embedder` what its vectors are of.
    """

    method: str
    at_most: int
    topics: str
    summaries: str
    embedder: str


@dataclass(frozen=True, slots=True)
class TreeState:
    """How a group's tree stands to its index.

    `passages` are those of the group now, `leaves` those in its tree, `missing` the ones that still have to
    be put into it. `recipe` is None where there is no tree yet. `inserted` and `removed` count passages since
    the build of index version `version`, at the time `built`; `stale` nodes have summaries that are older
    than what lies beneath them. `spread` is the mean squared distance of passages from the mean of the
    node they hang on, and `spread_built` what it was at the build. `foreign` trees are of another embedder
    than their index.
    """

    group: TreeGroup
    passages: int
    recipe: TreeRecipe | None = None
    leaves: int = 0
    nodes: int = 0
    missing: int = 0
    stale: int = 0
    inserted: int = 0
    removed: int = 0
    version: int = 0
    built: float = 0.0
    spread: float = 0.0
    spread_built: float = 0.0
    foreign: bool = False

    @property
    def edited(self) -> float:
        """Passages that came or went since the build, as a share of those in the tree."""
        return (self.inserted + self.removed) / max(1, self.leaves)

    @property
    def drift(self) -> float:
        """By how much the spread has grown since the build: 0.1 is by a tenth."""
        return self.spread / self.spread_built - 1.0 if self.spread_built > 0 else 0.0


@dataclass(frozen=True, slots=True)
class KeptNode:
    """A node as it is stored. `named` nodes were given their title, others have theirs from key terms.

    `changed` counts the passages that came or went beneath it since its summary was written. `moved` says
    that its vector is no longer the mean of what lies beneath.
    """

    node: TreeNode
    named: bool = True
    changed: int = 0
    moved: bool = False

    @property
    def stale(self) -> bool:
        """Whether the summary is not of these children, or more than a tenth has changed beneath them."""
        return self.node.made_of != self.content or 10 * self.changed > self.node.leaves

    @property
    def content(self) -> str:
        """The hash of what the node is made of now."""
        node = self.node
        title = node.title if self.named else ""
        return content_hash(node.kind, title, (*node.children, *node.passages))


@dataclass(frozen=True, slots=True)
class KeptTree:
    """A stored tree with all its nodes. `revision` rises with each change of it."""

    group: TreeGroup
    root: str
    nodes: Mapping[str, KeptNode]
    recipe: TreeRecipe
    directions: float
    revision: int
    repairs: int = 0

    @property
    def tree(self) -> Tree:
        """The tree as a value."""
        nodes = {name: kept.node for name, kept in self.nodes.items()}
        return Tree(self.root, nodes, self.recipe.method, self.directions)


@dataclass(frozen=True, slots=True)
class TreeEdit:
    """A change of the tree that was read at `revision`: `nodes` are new or replace those of their id.

    Passages that hang on them hang nowhere else any more. `removed` nodes are gone. `repairs` is how many
    summaries may still be written for the edits so far.
    """

    revision: int
    root: str
    nodes: Sequence[KeptNode] = ()
    removed: Collection[str] = ()
    inserted: int = 0
    repairs: int = 0


@dataclass(frozen=True, slots=True)
class TreeNote:
    """Something that was written for a tree, of which `passages`: it goes with any of them."""

    key: str
    text: str
    passages: Sequence[str] = field(default=(), repr=False)


@runtime_checkable
class TreeRegistry(Protocol):
    """The trees of one index, to whoever builds, changes and reports them. It knows of no principal.

    A change of the documents is followed in the transaction that publishes it: what is no longer part of
    the index, or has other labels now, leaves its tree at once with every summary above it, and what is new
    waits (`TreeState.missing`). Nodes keep their ids as long as they stay.
    """

    async def states(self) -> list[TreeState]:
        """Every group that has passages or a tree, the largest first."""
        ...

    async def read(self, group: TreeGroup) -> KeptTree | None:
        """The tree of a group with all its nodes, if it has one."""
        ...

    async def publish(
        self, job: Job, group: TreeGroup, tree: Tree, recipe: TreeRecipe, *, version: int
    ) -> None:
        """Put a built tree in the place of the group's; LeaseLost if the job is another's by now.

        It was built from index version `version`: what changed since then is followed as any change is.
        """
        ...

    async def change(self, job: Job, group: TreeGroup, edit: TreeEdit) -> bool:
        """Change a tree; False, and nothing is done, if it has another revision by now."""
        ...

    async def waiting(self, group: TreeGroup) -> list[DocumentRow]:
        """The documents whose passages are not in the group's tree, by rising id."""
        ...

    async def notes(self, group: TreeGroup) -> dict[str, str]:
        """What was written for the group's tree, by its key."""
        ...

    async def keep(self, group: TreeGroup, notes: Sequence[TreeNote]) -> None:
        """Keep what was written, unless a passage that it was written of has gone since."""
        ...

    async def forget_notes(self, group: TreeGroup, used: Collection[str]) -> None:
        """Forget what was written for the group's tree and is not among `used`."""
        ...

    async def remove(self) -> int:
        """Remove every tree of the index, with what was written for them; how many there were."""
        ...


def leaf_spread(nodes: Sequence[TreeNode]) -> float:
    """The mean squared distance of passages from the mean of the node that they hang on.

    Vectors of passages have length one. Nodes without a vector, as the root, are left out.
    """

    held: list[tuple[int, NDArray[np.float32]]] = [
        (len(node.passages), node.vector) for node in nodes if node.passages and node.vector is not None
    ]
    total = sum(count for count, _ in held)
    if not total:
        return 0.0
    return sum(count * max(0.0, 1.0 - float(vector @ vector)) for count, vector in held) / total
