"""Trees hold every passage once, are bounded in width and depth, and depend on nothing but their passages."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.errors import BadInput, BudgetExhausted, ModelError
from orchestrator.ports import Generation
from orchestrator.ports.tree import Tree, content_hash
from orchestrator.tree.build import KeptInMemory, TreeSettings, build_tree, chosen_method
from orchestrator.tree.leaf import Leaf
from orchestrator.tree.summaries import ExtractiveSummaries, WrittenSummaries
from orchestrator.tree.topics import ModelTopics
from orchestrator.types import Message
from tests.tree.shelves import Embedding, leaf, leaves

METHODS = ("bottom_up", "top_down", "given")


async def built(shelf: Sequence[Leaf], method: Any = "auto", at_most: int = 6, **more: Any) -> Tree:
    settings = TreeSettings(method, at_most)
    return await build_tree(shelf, more.pop("summaries", ExtractiveSummaries()), settings, **more)


def check(tree: Tree, shelf: Sequence[Leaf], at_most: int = 6) -> None:
    """What holds of every tree."""
    assert Counter(tree.passages()) == Counter(each.id for each in shelf)
    assert len(tree) == len(shelf)
    for _, node in tree.walk():
        children = [tree.nodes[name] for name in node.children]
        assert len(node.children) + len(node.passages) <= at_most
        assert node.leaves == len(node.passages) + sum(child.leaves for child in children)
        assert node.id == tree.root or (node.leaves > 1 and node.vector is not None)
        assert node.id == tree.root or node.made_of == node.id
    assert set(tree.nodes) == {node.id for _, node in tree.walk()}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 5, 6, 7, 40, 150])
async def test_every_passage_is_in_the_tree_once(method: str, number: int) -> None:
    shelf = leaves(number)
    tree = await built(shelf, method)
    check(tree, shelf)
    assert tree.depth <= 2 + 2 * math.ceil(math.log(max(2, number), 6))


@pytest.mark.parametrize("method", METHODS)
async def test_identical_and_empty_texts_are_passages_like_others(method: str) -> None:
    same = [leaf(number, "Otters sleep.") for number in range(20)]
    empty = [leaf(number, "") for number in range(20, 40)]
    for shelf in (same, empty, [*same, *empty]):
        check(await built(shelf, method), shelf)


@pytest.mark.parametrize("method", METHODS)
async def test_the_order_of_the_passages_is_of_no_importance(method: str) -> None:
    shelf = leaves(60)
    assert await built(shelf, method) == await built(shelf[::-1], method)


async def test_a_passage_that_is_given_twice_is_refused() -> None:
    with pytest.raises(BadInput, match="one id"):
        await built([leaf(1, "Otters."), leaf(1, "Otters.")])


async def test_a_slate_of_one_is_refused() -> None:
    with pytest.raises(BadInput, match="two children or more"):
        TreeSettings(at_most=1)


def book() -> list[Leaf]:
    sections = [(), ("Fur",), ("Fur", "Care"), ("Fur", "Care"), ("Food",), ("Food",)]
    return [
        leaf(at, f"Otter {at}.", document="book", position=at, section=section)
        for at, section in enumerate(sections)
    ]


async def test_headings_are_the_upper_levels_of_a_document() -> None:
    tree = await built([*book(), *leaves(0)], "bottom_up")
    root = tree.nodes[tree.root]
    shape = {(node.kind, node.title): node.passages for _, node in tree.walk()}
    assert root.passages == ("p0000",)
    assert shape["section", "Fur"] == ("p0001",)
    assert shape["section", "Care"] == ("p0002", "p0003")
    assert shape["section", "Food"] == ("p0004", "p0005")


async def test_a_document_beside_others_has_a_node_of_its_own() -> None:
    shelf = [*book(), *(replace(each, id=f"q{each.id}", document=f"e{each.document}") for each in leaves(9))]
    tree = await built(shelf, "bottom_up")
    check(tree, shelf)
    assert [node.leaves for _, node in tree.walk() if node.kind == "document"] == [6]


async def test_a_long_section_is_cut_into_parts_by_its_position() -> None:
    shelf = [leaf(at, f"Page {at}.", document="report", position=at) for at in range(100)]
    tree = await built(shelf, "bottom_up")
    check(tree, shelf)
    assert tree.passages() == tuple(each.id for each in shelf)
    assert tree.depth <= 3


def test_auto_follows_whether_passages_share_documents() -> None:
    assert chosen_method(book(), "auto") == "bottom_up"
    assert chosen_method(leaves(10), "auto") == "top_down"


async def test_given_topics_are_the_upper_levels() -> None:
    topics = [("Maths", "Algebra"), ("Maths", "Analysis"), ("Physics",), ()]
    shelf = [replace(each, topics=topics[at % 4]) for at, each in enumerate(leaves(40))]
    tree = await built(shelf, "given")
    check(tree, shelf)
    titles = [node.title for _, node in tree.walk()]
    assert {"Maths", "Algebra", "Analysis", "Physics"} <= set(titles)


class Writer:
    """A model that answers by `reply`, and keeps its prompts."""

    name, available = "writer", True

    def __init__(self, reply: Any) -> None:
        self.reply = reply
        self.prompts: list[str] = []

    async def generate(self, prompt: Sequence[Message], **_: Any) -> Generation[Any]:
        self.prompts.append(prompt[-1].text)
        return Generation(self.reply(prompt, len(self.prompts)))


async def test_a_model_writes_summaries_and_what_it_leaves_empty_is_extracted() -> None:
    shelf = leaves(30)
    model = Writer(lambda prompt, call: "" if call == 1 else f"Paragraph {call}.")
    reasons: list[str] = []
    tree = await built(shelf, summaries=WrittenSummaries(model, reasons))
    check(tree, shelf)
    written = [node.summary for _, node in tree.walk() if node.id != tree.root]
    assert sum(text.startswith("Paragraph") for text in written) == len(written) - 1
    assert all(written)
    assert reasons == ["the model wrote nothing"]


async def test_a_build_that_stopped_goes_on_where_it_was() -> None:
    shelf, memo = leaves(40), KeptInMemory({})
    whole = await built(shelf, summaries=WrittenSummaries(Writer(lambda *_: "Whole."), []))

    def until(limit: int) -> Any:
        def reply(prompt: Any, call: int) -> str:
            if call > limit:
                raise BudgetExhausted("No calls are left.")
            return "Whole."

        return Writer(reply)

    stopped = until(4)
    with pytest.raises(BudgetExhausted):
        await built(shelf, summaries=WrittenSummaries(stopped, []), memo=memo)
    rest = until(1000)
    assert await built(shelf, summaries=WrittenSummaries(rest, []), memo=memo) == whole
    inner = len(whole.nodes) - 1
    assert 4 + len(rest.prompts) == inner
    again = until(0)
    assert await built(shelf, summaries=WrittenSummaries(again, []), memo=memo) == whole
    assert not again.prompts


def grouping(prompt: Sequence[Message], _: int) -> str:
    """Describes a document by its words, and groups descriptions by their first."""
    text = prompt[-1].text
    if text.startswith("Document:"):
        words = json.loads(text.removeprefix("Document: ")).split()
        return json.dumps([words[0], *(f"{' '.join(words)} {level}" for level in range(4))])
    topics: dict[str, list[int]] = {}
    for line in text.splitlines():
        number, _, described = line.partition("] ")
        topics.setdefault(f"about {json.loads(described).split()[0]}", []).append(int(number[1:]))
    return json.dumps({**topics, "empty": [], "strangers": [0, 999]})


async def divided(shelf: Sequence[Leaf], model: Writer) -> tuple[Tree, ModelTopics]:
    memo, embedding = KeptInMemory({}), Embedding()
    divide = ModelTopics(model, embedding, memo, most=6)  # type: ignore[arg-type]
    tree = await build_tree(
        shelf, ExtractiveSummaries(), TreeSettings("top_down", 6), divide=divide, memo=memo
    )
    check(tree, shelf)
    return tree, divide


async def test_topics_of_a_model_are_the_upper_levels() -> None:
    shelf = leaves(20)
    tree, divide = await divided(shelf, Writer(grouping))
    root = tree.nodes[tree.root]
    assert sorted(tree.nodes[name].title for name in root.children) == [
        "about heat",
        "about otter",
        "about song",
        "about tax",
    ]
    assert divide.fallen_back == 0


@pytest.mark.parametrize(
    "reply",
    ["", "no JSON", json.dumps({"all": list(range(1, 100))}), "{}", '{"a": [1], "b": [2]}'],
)
async def test_replies_that_divide_nothing_leave_it_to_vectors(reply: str) -> None:
    shelf = leaves(40)

    def answer(prompt: Sequence[Message], call: int) -> str:
        return grouping(prompt, call) if prompt[-1].text.startswith("Document:") else reply

    await divided(shelf, Writer(answer))


async def test_descriptions_that_are_all_alike_are_left_to_vectors() -> None:
    shelf = [leaf(number, "Otters sleep.") for number in range(30)]
    _, divide = await divided(shelf, Writer(grouping))
    assert divide.fallen_back > 0


async def test_a_model_that_fails_is_done_without() -> None:
    def fails(prompt: Any, call: int) -> str:
        raise ModelError("The server is gone.")

    shelf = leaves(30)
    _, divide = await divided(shelf, Writer(fails))
    assert "The server is gone." in divide.reasons


def test_a_node_is_named_by_its_content() -> None:
    assert content_hash("topic", "a", ["b", "c"]) == content_hash("topic", "a", ["b", "c"])
    names = {
        content_hash("topic", "a", ["b", "c"]),
        content_hash("topic", "a", ["c", "b"]),
        content_hash("part", "a", ["b", "c"]),
        content_hash("topic", "", ["b", "c"]),
    }
    assert len(names) == 4
