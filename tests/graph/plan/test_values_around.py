"""A kept result is used while what the node's code finds around it is the same, and no longer."""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator import ANONYMOUS, Answer, Node, Question, node, workflow
from orchestrator.ports import Cache
from tests.graph.run.test_running import Memory

QUESTION = Question("ask", ANONYMOUS)
HERE = sys.modules[__name__]

TABLE: dict[str, Any] = {"word": "old"}
WORD = "old"


def helper() -> str:
    return "old"


def by_way() -> str:
    return str(TABLE["word"])


def joined(word: str, end: str) -> str:
    return word + end


BOUND = functools.partial(joined, "old", end="")


class Words:
    """An object with state, and a class with state."""

    common: dict[str, str] = {"word": "old"}  # noqa: RUF012

    def __init__(self, word: str) -> None:
        self.word = word

    async def say(self, question: Question) -> Answer:
        return Answer(self.word)


ONE = Words("old")


class Says(Node):
    """A node whose class is changed."""

    def word(self) -> str:
        return "old"

    async def __call__(self, question: Question) -> Answer:
        return Answer(self.word())


class SaysToo(Says):
    """One that inherits."""

    label = "says too"


@node
async def reads_table(question: Question) -> Answer:
    return Answer(TABLE["word"])


@node
async def reads_by_way(question: Question) -> Answer:
    return Answer(by_way())


@node
async def reads_word(question: Question) -> Answer:
    return Answer(WORD)


@node
async def calls_helper(question: Question) -> Answer:
    return Answer(helper())


@node
async def calls_of_a_module(question: Question) -> Answer:
    return Answer(HERE.helper())


@node
async def calls_partial(question: Question) -> Answer:
    return Answer(BOUND())


@node
async def reads_object(question: Question) -> Answer:
    return Answer(ONE.word)


@node
async def reads_class(question: Question) -> Answer:
    return Answer(Words.common["word"])


def closing(words: list[str]) -> Any:
    @node
    async def reads_closure(question: Question) -> Answer:
        return Answer(words[-1])

    return reads_closure


Change = Callable[[pytest.MonkeyPatch], None]
NEW: Callable[..., str] = lambda *_: "new"  # noqa: E731
CELL, BOUND_TO = ["old"], Words("old")
CHANGES: dict[str, tuple[Any, Change]] = {
    "a dict of the module": (reads_table, lambda patch: patch.setitem(TABLE, "word", "new")),
    "a dict that a helper reads": (reads_by_way, lambda patch: patch.setitem(TABLE, "word", "new")),
    "a variable of the module": (reads_word, lambda patch: patch.setattr(HERE, "WORD", "new")),
    "a helper": (calls_helper, lambda patch: patch.setattr(HERE, "helper", NEW)),
    "a helper by its module": (calls_of_a_module, lambda patch: patch.setattr(HERE, "helper", NEW)),
    "what a partial binds": (calls_partial, lambda patch: patch.setitem(BOUND.keywords, "end", "er")),
    "an object of the module": (reads_object, lambda patch: patch.setattr(ONE, "word", "new")),
    "a class": (reads_class, lambda patch: patch.setitem(Words.common, "word", "new")),
    "a list that is closed over": (closing(CELL), lambda patch: CELL.append("new")),
    "the object of a method": (node(BOUND_TO.say), lambda patch: patch.setattr(BOUND_TO, "word", "new")),
    "a method of the node's class": (Says(), lambda patch: patch.setattr(Says, "word", NEW)),
    "a method that is inherited": (SaysToo(), lambda patch: patch.setattr(Says, "word", NEW)),
}


async def told(one: Any, cache: Memory) -> tuple[str, bool]:
    """What a node says, and whether it was kept."""
    result = await workflow("w", one.within(cache=60)).run(QUESTION, ports={Cache: cache})
    return result.output.text, result.steps[0].cached


@pytest.mark.quick(every=4)
@pytest.mark.parametrize("change", CHANGES)
async def test_a_result_is_computed_anew_when_what_it_was_made_of_changed(
    change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, changes = CHANGES[change]
    cache = Memory()
    assert [await told(one, cache) for _ in range(2)] == [("old", False), ("old", True)]
    changes(monkeypatch)
    assert await told(one, cache) == (("older" if "partial" in change else "new"), False)


async def test_a_node_that_counts_its_calls_is_kept_all_the_same() -> None:
    counted: list[int] = []

    @node
    async def counts(question: Question) -> Answer:
        counted.append(1)
        return Answer(str(len(counted)))

    cache = Memory()
    assert [await told(counts, cache) for _ in range(3)] == [("1", False), ("1", True), ("1", True)]


async def test_what_cannot_be_known_of_a_module_hinders_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    for made in (types.SimpleNamespace(), types.SimpleNamespace()):
        monkeypatch.setattr(HERE, "WORD", made)

        @node
        async def reads(question: Question) -> Answer:
            return Answer(type(WORD).__name__)

        cache = Memory()
        assert [(await told(reads, cache))[1] for _ in range(2)] == [False, True]
