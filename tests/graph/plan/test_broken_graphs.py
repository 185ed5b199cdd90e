"""Graphs that cannot work are refused before they run, in one error that names every fault and its fix."""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel

from orchestrator import Node, each, fuse, node, repeat, route, workflow
from orchestrator.errors import WorkflowError
from orchestrator.ports import Documents
from orchestrator.types import Answer, Facets, Hits, Queries, Question
from tests.graph import flows as f


class Colour(enum.Enum):
    red = "red"
    blue = "blue"


@dataclass
class Mutable:
    text: str


class MutableModel(BaseModel):
    text: str


class Opaque:
    """No field of it can be written down."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


class Bag:
    """A collection that does not say what is in it."""

    def __iter__(self) -> Iterator:
        return iter(())


@node
async def untyped(hits):
    return hits


@node
async def no_return(question: Question):
    return Hits()


@node
async def variadic(*hits: Hits) -> Hits:
    return Hits()


@node
async def reads_union(what: Hits | Queries) -> Hits:
    return Hits()


@node
async def writes_union(question: Question) -> Hits | Queries:
    return Hits()


@node
async def writes_twice(question: Question) -> tuple[Hits, Hits]:
    return Hits(), Hits()


@node
async def generates(question: Question) -> Hits:
    yield Hits()


@node
async def unresolvable(question: Nowhere) -> Hits:  # noqa: F821
    return Hits()


@node
async def needs_setting(question: Question, *, k: int) -> Hits:
    return Hits()


@node
async def makes_list(question: Question) -> list[str]:
    return []


@node
async def makes_mutable(question: Question) -> Mutable:
    return Mutable("")


@node
async def makes_mutable_model(question: Question) -> MutableModel:
    return MutableModel(text="")


@node
async def makes_opaque(question: Question) -> Opaque:
    return Opaque()


@node
async def makes_bag(question: Question) -> Bag:
    return Bag()


@node
async def fetches(hits: Hits, documents: Documents) -> Answer:
    return Answer("")


class ListSetting(Node):
    names: list[str]

    async def __call__(self, question: Question) -> Hits:
        return Hits()


async def any_label(question: Question) -> str:
    return "a"


async def two_labels(question: Question) -> Literal["a", "b"]:
    return "a"


async def colour(question: Question) -> Colour:
    return Colour.red


async def not_bool(hits: Hits) -> int:
    return 1


async def reads_answer(text: Answer) -> bool:
    return True


def takes_anything(question: Any) -> Hits:
    return Hits()


#: name → (how to build it, a word that its message must contain, the node that it must name)
BROKEN: dict[str, tuple[Callable[[], Any], str, str]] = {
    "reads what nobody writes": (lambda: f.answer >> f.find, "Hits", "answer"),
    "reads a channel name nobody writes": (lambda: f.find >> f.compare, "Hits:first", "compare"),
    "reads what is written later": (
        lambda: f.search_queries >> f.rewrite >> f.answer,
        "Queries",
        "search_queries",
    ),
    "two writers side by side": (lambda: (f.find | f.find_other) >> f.answer, "side by side", "find_other"),
    "a writer beside a chain of writers": (
        lambda: (f.find | (f.rewrite >> f.search_queries)) >> f.answer,
        "side by side",
        "search_queries",
    ),
    "a fusion of what is not parallel": (
        lambda: fuse(f.find, by=f.rank_fusion) >> f.answer,
        "not parallel",
        "rank_fusion",
    ),
    "a fusion by a node that reads no tuple": (
        lambda: fuse(f.find | f.find_other, by=f.add_one) >> f.answer,
        "tuple",
        "add_one",
    ),
    "a branch that ends in another type": (
        lambda: fuse(f.find | f.rewrite, by=f.rank_fusion) >> f.answer,
        "Hits",
        "rewrite",
    ),
    "a fusion by a plain function": (
        lambda: fuse(f.find | f.find_other, by=takes_anything) >> f.answer,
        "@node",
        "takes_anything",
    ),
    "each without a collector": (
        lambda: f.list_facets >> each(f.find_facet, over=Facets) >> f.answer,
        "Hits",
        "answer",
    ),
    "each over what is not there": (
        lambda: fuse(each(f.find_facet, over=Facets), by=f.rank_fusion),
        "Facets",
        "each",
    ),
    "each over items without a type": (
        lambda: makes_bag >> fuse(each(f.find_facet, over=Bag), by=f.rank_fusion),
        "type",
        "each",
    ),
    "each none at once": (
        lambda: f.list_facets >> fuse(each(f.find_facet, over=Facets, at_once=0), by=f.rank_fusion),
        "at_once",
        "each",
    ),
    "a target that does not exist": (
        lambda: route({"a": f.find}, by=two_labels) >> f.answer_if_any,
        "'b'",
        "two_labels",
    ),
    "a choice that is never taken": (
        lambda: route({"a": f.find, "b": f.find, "c": f.find}, by=two_labels) >> f.answer,
        "unreachable",
        "two_labels",
    ),
    "a selector that may return anything": (
        lambda: route({"a": f.find}, by=any_label) >> f.answer,
        "Literal",
        "any_label",
    ),
    "an enum with a missing target": (
        lambda: route({Colour.red: f.find}, by=colour) >> f.answer,
        "blue",
        "colour",
    ),
    "a route to nothing": (lambda: f.find >> route({}, by=two_labels) >> f.answer, "nothing", "two_labels"),
    "a value that only one choice writes": (
        lambda: route({"a": f.find, "b": None}, by=two_labels) >> f.answer,
        "every path",
        "answer",
    ),
    "a loop whose condition is no bool": (
        lambda: f.find >> repeat(f.add_one, until=not_bool, at_most=3),
        "bool",
        "not_bool",
    ),
    "a loop of no rounds": (lambda: repeat(f.draft, until=f.long_enough, at_most=0), "at_most", "repeat"),
    "a loop whose condition reads nothing": (
        lambda: f.find >> repeat(f.add_one, until=reads_answer, at_most=3),
        "Answer",
        "reads_answer",
    ),
    "a dead end": (lambda: f.find >> f.rewrite >> f.answer, "dead end", "rewrite"),
    "a result that is overwritten unread": (lambda: f.find >> f.find_other >> f.answer, "dead end", "find"),
    "a dead end beside the way": (lambda: (f.find | f.rewrite) >> f.answer, "dead end", "rewrite"),
    "a parameter without a type": (lambda: f.find >> untyped >> f.answer, "annotate", "untyped"),
    "no return annotation": (lambda: no_return >> f.answer_if_any, "return", "no_return"),
    "a variadic parameter": (lambda: variadic >> f.answer, "variadic", "variadic"),
    "a union that is read": (lambda: f.find >> reads_union, "union", "reads_union"),
    "a union that is written": (lambda: writes_union, "union", "writes_union"),
    "one channel written twice by one node": (lambda: writes_twice, "twice", "writes_twice"),
    "a generator": (lambda: generates >> f.answer, "generator", "generates"),
    "an annotation that cannot be resolved": (lambda: unresolvable >> f.answer, "resolved", "unresolvable"),
    "a missing setting": (lambda: needs_setting >> f.answer, "k=", "needs_setting"),
    "a list in a channel": (lambda: makes_list, "tuple", "makes_list"),
    "a dataclass that can be changed": (lambda: makes_mutable, "frozen", "makes_mutable"),
    "a model that can be changed": (lambda: makes_mutable_model, "frozen", "makes_mutable_model"),
    "a value that cannot be serialised": (lambda: makes_opaque, "serialise", "makes_opaque"),
    "a class instead of a node": (lambda: f.Shout >> f.find.within(), "Shout(…)", "Shout"),
    "a plain function instead of a node": (lambda: takes_anything >> f.answer, "@node", "takes_anything"),
    "a string instead of a node": (lambda: f.find >> "answer", "str", "answer"),
    "a setting that cannot be hashed": (lambda: ListSetting(["a"]) >> f.answer, "tuple", "list_setting"),
    "a rebound parameter that is not there": (
        lambda: f.find >> f.answer.reading(hit="first"),
        "hit",
        "answer",
    ),
    "two outputs renamed at once": (lambda: f.list_facets.writing("x") >> f.answer, "Hits", "answer"),
    "no attempts": (lambda: f.find.within(attempts=0) >> f.answer, "attempt", "find"),
    "a timeout of no time": (lambda: f.find.within(timeout=0) >> f.answer, "timeout", "find"),
    "an inner value of a nested workflow": (
        lambda: workflow("inner", f.rewrite >> f.search_queries) >> f.search_queries,
        "Queries",
        "search_queries",
    ),
    "nothing at all": (lambda: f.SKIP_ALL, "nothing", "broken"),
}

WHOLE: dict[str, tuple[Callable[[], Any], str]] = {
    "a promised output that nobody writes": (
        lambda: workflow("broken", f.find >> f.answer, outputs=(Queries,)),
        "Queries",
    ),
    "an input of a nested workflow that is not there": (
        lambda: workflow("broken", workflow("inner", f.add_one, inputs=(Hits,)) >> f.answer),
        "Hits",
    ),
    "an input that can be changed": (lambda: workflow("broken", untyped, inputs=(Mutable,)), "frozen"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_graph_is_refused_with_node_and_fix(name: str) -> None:
    build, word, where = BROKEN[name]
    with pytest.raises(WorkflowError) as error:
        workflow("broken", build()).check()
    about = [fault for fault in error.value.faults if where in fault.node]
    assert about, str(error.value)
    assert any(word in f"{fault.problem} {fault.fix}" for fault in about), str(error.value)
    assert all(fault.fix for fault in error.value.faults)


@pytest.mark.parametrize("name", WHOLE)
def test_a_broken_workflow_is_refused(name: str) -> None:
    build, word = WHOLE[name]
    with pytest.raises(WorkflowError, match=word):
        build().check()


def test_the_corpus_is_large_enough() -> None:
    assert len(BROKEN) + len(WHOLE) >= 30


def test_a_port_that_nobody_provides_is_named() -> None:
    wf = workflow("broken", f.find >> fetches)
    wf.check()
    with pytest.raises(WorkflowError, match="Documents"):
        wf.check(ports={})


def test_all_faults_come_in_one_error() -> None:
    wf = workflow("broken", (f.find | f.find_other) >> f.compare >> f.rewrite.within(attempts=0) >> "end")
    with pytest.raises(WorkflowError) as error:
        wf.check()
    text = str(error.value)
    assert len(error.value.faults) == 5
    for word in ("side by side", "Hits:first", "attempt", "str", "dead end"):
        assert word in text


async def test_a_broken_graph_does_not_start() -> None:
    ran: list[str] = []

    @node
    async def note(question: Question) -> Hits:
        ran.append("ran")
        return Hits()

    with pytest.raises(WorkflowError):
        await workflow("broken", note >> f.compare).run(Question("q"), ports={})
    assert ran == []


def test_optional_reads_and_declared_outputs_are_no_faults() -> None:
    workflow("w", f.find >> f.rewrite >> f.answer, outputs=(Queries,)).check()
    workflow("w", f.answer_if_any).check()


def test_sound_graphs_are_not_refused() -> None:
    @node
    async def both(question: Question) -> tuple[Hits, Annotated[Hits, "first"]]:
        return Hits(), Hits()

    @node
    async def effect(hits: Hits) -> None:
        return None

    workflow("w", both >> f.compare).check()
    workflow("w", f.find >> effect >> f.answer).check()
    workflow("w", f.find >> repeat(f.add_one >> f.add_one, until=_five, at_most=3) >> f.answer).check()


async def _five(hits: Hits) -> bool:
    return len(hits) >= 5
