"""A tree over a few leaves with all ports around it, and models to search it with."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from orchestrator import ANONYMOUS, Budget, Hits, Question, workflow
from orchestrator.models.null import NullModel
from orchestrator.nodes import TreeSearch
from orchestrator.ports import (
    Documents,
    Embedder,
    Generation,
    LanguageModel,
    Scores,
    Tree,
    TreeStore,
    VectorStore,
)
from orchestrator.testing.judge import Judge, Noise
from orchestrator.testing.trees import HeldTree, HeldTrees, node_grades
from orchestrator.tree.build import TreeSettings, build_tree
from orchestrator.tree.leaf import Leaf
from orchestrator.tree.summaries import ExtractiveSummaries
from orchestrator.types import Message, Passage, Principal, Usage
from tests.tree.shelves import Embedding, leaves

SUBJECTS = ("otter", "tax", "heat", "song", "river", "stone", "cloud", "bread")
QUESTION = Question("otter fact 16.", ANONYMOUS)
GOAL = "p0016"


class Shelf:
    """The `Documents` and `VectorStore` ports over leaves; `asked` are the ids that were asked for."""

    version = "1"

    def __init__(self, held: Sequence[Leaf], labels: dict[str, str] | None = None) -> None:
        self.held = {leaf.id: leaf for leaf in held}
        self.labels = labels or {}
        self.asked: set[str] = set()

    async def passages(self, ids: Sequence[str], *, principal: Principal) -> dict[str, Passage]:
        self.asked.update(ids)
        return {
            name: Passage(
                name,
                self.held[name].document,
                self.held[name].text,
                metadata=(("odd", int(name[1:]) % 2 == 1),),
            )
            for name in ids
            if name in self.held and self.labels.get(name, "public") in principal.grants
        }

    async def vectors(self, ids: Sequence[str], *, principal: Principal) -> dict[str, Any]:
        readable = await self.passages(ids, principal=principal)
        return {name: self.held[name].vector for name in ids if name in readable}

    async def search(self, *_: Any, **__: Any) -> list[Hits]:
        raise NotImplementedError


async def tree_of(held: Sequence[Leaf]) -> Tree:
    return await build_tree(held, ExtractiveSummaries(), TreeSettings("top_down", 6))


async def searched(
    *,
    held: Sequence[Leaf] | None = None,
    trees: HeldTrees | None = None,
    shelf: Shelf | None = None,
    model: Any = None,
    question: Question = QUESTION,
    hits: Hits | None = None,
    budget: Budget | None = None,
    embedder: Any = None,
    **settings: Any,
) -> Any:
    held = leaves(80, SUBJECTS) if held is None else held
    shelf = shelf or Shelf(held)
    trees = trees or HeldTrees(HeldTree(await tree_of(held)))
    ports = {
        TreeStore: trees,
        Documents: shelf,
        VectorStore: shelf,
        Embedder: embedder or Embedding(),
        LanguageModel: model or NullModel(),
    }
    if hits is None:
        return await workflow("t", TreeSearch(**settings)).run(question, ports=ports, budget=budget)
    flow = workflow("t", TreeSearch(**settings), inputs=(Question, Hits))
    return await flow.run(question, hits, ports=ports, budget=budget)


async def judged(noise: Noise | None = None, *, number: int = 80, **settings: Any) -> tuple[Any, Judge]:
    """A search of so many leaves by a judge that knows which is the one."""
    held = leaves(number, SUBJECTS)
    tree = await tree_of(held)
    grades = {leaf.id: 1.0 if leaf.id == GOAL else 0.4 * leaf.text.startswith("otter") for leaf in held}
    texts = {leaf.text: grades[leaf.id] for leaf in held}
    for name, grade in node_grades(tree, grades).items():
        texts[" ".join(tree.nodes[name].text.split())] = grade
    judge = Judge({QUESTION.text: texts}, noise or Noise())
    return await searched(held=held, trees=HeldTrees(HeldTree(tree)), model=judge, **settings), judge


class Replies:
    """A model that replies by a function of the prompt's passages."""

    name, available = "replies", True

    def __init__(self, reply: Callable[[list[str]], str]) -> None:
        self.reply = reply

    async def generate(self, prompt: Sequence[Message], **_: Any) -> Generation[Any]:
        shown = [json.loads(line)["text"] for line in prompt[-1].text.splitlines() if line[:1] == "{"]
        return Generation(self.reply(shown), usage=Usage(1, 10, 5))

    async def score(self, query: str, texts: Sequence[str]) -> Scores:
        return Scores(tuple(4.0 * ("16" in text) - 2.0 for text in texts))
