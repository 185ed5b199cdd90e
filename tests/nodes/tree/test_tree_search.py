"""TreeSearch finds what a scorer leads it to, goes through faults, and reads what its reader may read."""

from __future__ import annotations

import json

import pytest

from orchestrator import ANONYMOUS, Hits, Question
from orchestrator.nodes.tree._prompts import slate_prompt
from orchestrator.testing.judge import Noise
from orchestrator.testing.trees import HeldTree, HeldTrees
from orchestrator.tree.leaf import Leaf
from orchestrator.types import Filter, Hit, Principal
from tests.nodes.tree.searching import GOAL, QUESTION, SUBJECTS, Replies, Shelf, judged, searched, tree_of
from tests.tree.shelves import leaves, vector_of


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


@pytest.mark.parametrize("variant", ["paper", "released"])
async def test_a_model_leads_to_the_passage(variant: str) -> None:
    result, judge = await judged(Noise(random=0.05, shift=0.1), variant=variant, rounds=8)
    assert result.output.ids[0] == GOAL
    assert result.degraded == ()
    assert judge.calls <= 1 + 7 * 2 * 2
    # Slates of a round are asked for side by side.
    assert judge.rounds == 8


async def test_a_reranker_scores_by_logits() -> None:
    result = await searched(model=Replies(lambda shown: ""), scorer="reranker", rounds=30)
    assert result.output.ids[0] == GOAL
    assert 0.5 < result.output.hits[0].score <= 1.0


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
