"""What building the trees of an index will ask of a language model, counted before it is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.ports import (
    Embedder,
    IndexRegistry,
    IndexVersion,
    LanguageModel,
    TreeRegistry,
    VectorStore,
)
from orchestrator.text.tokens import token_count
from orchestrator.tree.build import build_tree, chosen_method
from orchestrator.tree.build_job import TreePlan, writers_for
from orchestrator.tree.group_leaves import documents_by_group, group_leaves
from orchestrator.tree.leaf import Leaf
from orchestrator.tree.summaries import WRITTEN, Summarised, summary_prompt

#: What stands for a summary that is not written yet: as long as one is asked to be.
_PARAGRAPH = " ".join(["paragraph"] * 80)
#: Tokens of the reply that describes a document, and of the rules of that call and its like.
_DESCRIPTIONS, _RULES = 100, 120


@dataclass(frozen=True, slots=True)
class TreeCost:
    """What a build will ask for: `calls` of the model, `read` and `written` tokens, about.

    `trees` and `passages` are what is to be built, `summaries` the nodes that have none yet.
    """

    trees: int = 0
    passages: int = 0
    summaries: int = 0
    calls: int = 0
    read: int = 0
    written: int = 0


@dataclass
class _Counted:
    """Summaries that are counted, and not written."""

    name: str
    calls: int = 0
    read: int = 0

    async def summary(self, of: Summarised) -> str:
        """What stands for it."""
        self.calls += 1
        self.read += sum(token_count(message.text) for message in summary_prompt(of))
        return _PARAGRAPH


@dataclass
class _ReadOnly:
    """Notes that are read, and not added to."""

    held: Mapping[str, str]
    added: dict[str, str] = field(default_factory=dict[str, str])

    async def get(self, key: str) -> str | None:
        """What there is."""
        return self.held.get(key, self.added.get(key))

    async def put(self, key: str, text: str, passages: Sequence[str]) -> None:
        """For this count alone."""
        self.added[key] = text


async def tree_cost(
    trees: TreeRegistry,
    registry: IndexRegistry,
    vectors: VectorStore,
    embedder: Embedder,
    model: LanguageModel,
    version: IndexVersion,
    plan: TreePlan,
) -> TreeCost:
    """The cost of a build: the trees are made but for their texts. From the top down, a model divides
    otherwise than vectors do, and the count is of a tree that vectors divided."""
    states = [state for state in await trees.states() if state.passages]
    if not (model.available and plan.written):
        return TreeCost(len(states), sum(state.passages for state in states))
    rows = await documents_by_group(registry, version.index, {state.group for state in states})
    cost = TreeCost(len(states))
    for state in states:
        leaves = await group_leaves(vectors, state.group, rows.get(state.group, ()), topics=plan.taken_topics)
        if not leaves:
            continue
        writers = writers_for(model, embedder, state.group, written=True)
        counted, held = _Counted(writers.summaries.name), await trees.notes(state.group)
        tree = await build_tree(leaves, counted, plan.settings, memo=_ReadOnly(held))
        calls, read = _dividing(leaves, plan, held, model.name, len(tree.nodes))
        cost = TreeCost(
            cost.trees,
            cost.passages + len(leaves),
            cost.summaries + counted.calls,
            cost.calls + counted.calls + calls,
            cost.read + counted.read + read,
            cost.written + counted.calls * WRITTEN // 2 + calls * _DESCRIPTIONS,
        )
    return cost


def _dividing(
    leaves: Sequence[Leaf], plan: TreePlan, held: Mapping[str, str], model: str, nodes: int
) -> tuple[int, int]:
    """Calls and tokens of naming topics from the top down: a description of each passage that has none."""
    if chosen_method(leaves, plan.method) != "top_down":
        return 0, 0
    lacking = [leaf for leaf in leaves if f"levels {model} {leaf.id}" not in held]
    read = sum(_RULES + token_count(leaf.shown[:2_000]) for leaf in lacking)
    # Each group of more than `at_most` is divided in one call that is shown a line for each.
    divided = nodes // max(1, plan.at_most) + 1 if lacking else 0
    return len(lacking) + divided, read + divided * (_RULES + 12 * plan.at_most**2)
