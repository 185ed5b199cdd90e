"""TreeSearch finds what a scorer leads it to, goes through faults, and reads what its reader may read."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from orchestrator import ANONYMOUS, Budget, Hits, Question, workflow
from orchestrator.errors import ModelError
from orchestrator.graph.node import ConfigurationError
from orchestrator.models.null import NullModel
from orchestrator.nodes import TreeSearch
from orchestrator.nodes.tree._prompts import slate_prompt
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
from orchestrator.types import Filter, Hit, Message, Passage, Principal, Usage
from tests.tree.shelves import Embedding, leaves, vector_of

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
    **settings: Any,
) -> Any:
    held = leaves(80, SUBJECTS) if held is None else held
    shelf = shelf or Shelf(held)
    trees = trees or HeldTrees(HeldTree(await tree_of(held)))
    ports = {
        TreeStore: trees,
        Documents: shelf,
        VectorStore: shelf,
        Embedder: Embedding(),
        LanguageModel: model or NullModel(),
    }
    if hits is None:
        return await workflow("t", TreeSearch(**settings)).run(question, ports=ports, budget=budget)
    flow = workflow("t", TreeSearch(**settings), inputs=(Question, Hits))
    return await flow.run(question, hits, ports=ports, budget=budget)


async def test_embeddings_lead_to_the_passage_without_reading_all() -> None:
    shelf = Shelf(leaves(400, SUBJECTS))
    result = await searched(held=list(shelf.held.values()), shelf=shelf, rounds=4)
    assert result.output.ids[0] == GOAL
    assert result.degraded == ()
    assert len(shelf.asked) < 200


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
async def test_a_few_documents_are_all_found(number: int) -> None:
    held = leaves(number)
    result = await searched(held=held)
    assert sorted(result.output.ids) == [leaf.id for leaf in held]


async def test_without_a_tree_the_hits_before_it_stand() -> None:
    hits = Hits((Hit("p0003", 1.0), Hit("p0001", 0.5)))
    result = await searched(held=[], hits=hits)
    assert result.output == hits
    assert "No tree of this index may be read" in result.degraded[0]
    assert (await searched(held=[])).output == Hits()


async def judged(noise: Noise | None = None, **settings: Any) -> tuple[Any, Judge]:
    held = leaves(80, SUBJECTS)
    tree = await tree_of(held)
    grades = {leaf.id: 1.0 if leaf.id == GOAL else 0.4 * leaf.text.startswith("otter") for leaf in held}
    texts = {leaf.text: grades[leaf.id] for leaf in held}
    for name, grade in node_grades(tree, grades).items():
        texts[" ".join(tree.nodes[name].text.split())] = grade
    judge = Judge({QUESTION.text: texts}, noise or Noise())
    return await searched(held=held, trees=HeldTrees(HeldTree(tree)), model=judge, **settings), judge


@pytest.mark.parametrize("variant", ["paper", "released"])
async def test_a_model_leads_to_the_passage(variant: str) -> None:
    result, judge = await judged(Noise(random=0.05, shift=0.1), variant=variant, rounds=8)
    assert result.output.ids[0] == GOAL
    assert result.degraded == ()
    assert judge.calls <= 1 + 7 * 2 * 2
    # Slates of a round are asked for side by side.
    assert judge.rounds == 8


async def test_unreadable_replies_are_asked_for_twice_and_then_left_to_embeddings() -> None:
    result, judge = await judged(Noise(malformed=1.0), rounds=3)
    assert result.output.ids
    assert "slates had no readable reply after 2 tries" in result.degraded[0]
    assert judge.calls % 2 == 0


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


async def test_scores_of_strangers_are_rejected_and_counted() -> None:
    def reply(shown: list[str]) -> str:
        return json.dumps({**{str(at): 50 for at in range(1, len(shown) + 1)}, str(len(shown) + 7): 99})

    result = await searched(model=Replies(reply), rounds=2)
    assert any("Rejected" in told and "not in their slate" in told for told in result.degraded)
    assert set(result.output.ids) <= {leaf.id for leaf in leaves(80)}


async def test_a_model_that_fails_for_one_slate_is_replaced_there() -> None:
    calls = 0

    def reply(shown: list[str]) -> str:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise ModelError("The server is overloaded.")
        return json.dumps({str(at): 90 if "16" in text else 20 for at, text in enumerate(shown, 1)})

    result = await searched(model=Replies(reply), rounds=12)
    assert "1 slates had no readable reply" in result.degraded[0]
    assert "The server is overloaded" in result.degraded[0]
    assert result.output.ids[0] == GOAL


async def test_a_reranker_scores_by_logits() -> None:
    result = await searched(model=Replies(lambda shown: ""), scorer="reranker", rounds=30)
    assert result.output.ids[0] == GOAL
    assert 0.5 < result.output.hits[0].score <= 1.0


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e300])
async def test_odd_scores_of_a_reranker_end_nothing(value: float) -> None:
    model = Replies(lambda shown: "")

    async def score(query: str, texts: Sequence[str]) -> Scores:
        return Scores(tuple(value for _ in texts))

    model.score = score  # type: ignore[method-assign]
    result = await searched(model=model, scorer="reranker", rounds=30)
    assert all(np.isfinite(hit.score) for hit in result.output)


async def test_a_scorer_that_is_not_there_is_replaced_and_said() -> None:
    result = await searched(scorer="model")
    assert result.output.ids[0] == GOAL
    assert result.degraded == ("No language model is configured: the tree is searched by embeddings.",)
    with pytest.raises(ConfigurationError, match="there are embedding, model, reranker"):
        TreeSearch(scorer="oracle")


async def test_a_budget_that_runs_out_leaves_what_was_found() -> None:
    held = leaves(80, SUBJECTS)
    seeds = Hits(tuple(Hit(leaf.id, 1.0 - at / 10) for at, leaf in enumerate(held[:5])))
    model = Replies(lambda shown: json.dumps({str(at): 50 for at in range(1, len(shown) + 1)}))
    result = await searched(held=held, model=model, hits=seeds, budget=Budget(calls=3))
    assert set(seeds.ids) <= set(result.output.ids)
    assert any("tree was searched in part" in told for told in result.degraded), result.degraded


@pytest.mark.parametrize("rounds", [1, 2, 5, 20])
async def test_the_result_holds_the_seeds_whatever_the_rounds(rounds: int) -> None:
    held = leaves(80, SUBJECTS)
    seeds = Hits(tuple(Hit(leaf.id, 1.0 - at / 100) for at, leaf in enumerate(held[1:30])))
    result = await searched(held=held, hits=seeds, rounds=rounds, keep=30)
    assert set(seeds.ids) <= set(result.output.ids)
    assert len(result.output) <= 30
    scores = [hit.score for hit in result.output]
    assert scores == sorted(scores, reverse=True)


async def test_filters_hold_for_what_is_found() -> None:
    question = Question(QUESTION.text, ANONYMOUS, filters=(Filter("odd", (True,)),))
    result = await searched(question=question, rounds=40)
    assert result.output.ids
    assert all(int(name[1:]) % 2 for name in result.output.ids)


SECRET = "otter fact 16 of the secret plan."


async def forest() -> tuple[HeldTrees, Shelf]:
    """Public leaves, and some that only `staff` may read, in two trees."""
    held = leaves(60, SUBJECTS)
    hidden = [Leaf(f"q{at:04}", f"e{at}", SECRET, vector_of(SECRET)) for at in range(9)]
    trees = HeldTrees(
        HeldTree(await tree_of(held)), HeldTree(await tree_of(hidden), labels=frozenset({"staff"}))
    )
    return trees, Shelf([*held, *hidden], {leaf.id: "staff" for leaf in hidden})


async def test_a_forest_is_what_its_reader_may_read() -> None:
    trees, shelf = await forest()
    prompts: list[str] = []

    def reply(shown: list[str]) -> str:
        prompts.extend(shown)
        return json.dumps({str(at): 60 for at in range(1, len(shown) + 1)})

    result = await searched(trees=trees, shelf=shelf, model=Replies(reply), rounds=60)
    assert not any(name.startswith("q") for name in result.output.ids)
    assert not any("secret" in text for text in prompts)
    assert not any(name.startswith("q") for name in shelf.asked)
    alone = await searched(held=leaves(60, SUBJECTS), model=Replies(reply), rounds=60)
    assert alone.output == result.output


async def test_several_trees_are_searched_as_one() -> None:
    trees, shelf = await forest()
    staff = Principal(grants=frozenset({"public", "staff"}))
    question = Question(SECRET, staff)
    result = await searched(trees=trees, shelf=shelf, question=question, rounds=6)
    assert result.output.ids[0].startswith("q")
    assert any(name.startswith("p") for name in result.output.ids)


async def test_of_very_many_trees_the_small_ones_are_reached_by_seeds() -> None:
    held = [HeldTree(await tree_of([Leaf(f"t{at}", "d", f"x {at}", vector_of("x"))])) for at in range(25)]
    everything = [Leaf(f"t{at}", "d", f"x {at}", vector_of("x")) for at in range(25)]
    seeds = Hits(tuple(Hit(f"t{at}", 1.0) for at in range(25)))
    result = await searched(trees=HeldTrees(*held), shelf=Shelf(everything), hits=seeds, rounds=40)
    assert set(result.output.ids) == set(seeds.ids)


async def test_an_old_tree_is_said() -> None:
    held = leaves(20)
    trees = HeldTrees(HeldTree(await tree_of(held), missing=7))
    result = await searched(held=held, trees=trees)
    assert result.degraded == ("The tree is older than its index and lacks 7 passages: build it again.",)


async def test_the_same_search_gives_the_same_result() -> None:
    first, _ = await judged(Noise(random=0.2, shift=0.2))
    second, _ = await judged(Noise(random=0.2, shift=0.2))
    assert first.output == second.output


def test_a_prompt_is_cut_until_it_fits() -> None:
    texts = ["word " * 2_000, "short"]
    prompt = slate_prompt("q?", texts, "leaves", tokens=500)
    assert len(prompt[1].text) < 3_000
    assert "short" in prompt[1].text
    assert "lists of contents" in prompt[0].text
    topics = slate_prompt("q?", texts, "topics", relevance="it names the dose")[0].text
    assert "A passage is relevant if it names the dose." in topics
    assert "tree of topics" in topics
    assert "<reason>" in slate_prompt("q?", texts, "leaves", reasons=True)[0].text
