"""Shapes near to broken ones, and right: named outputs and inputs, maps, fusions, routes and loops."""

import typing
from typing import Annotated, Any, Literal

from orchestrator import (
    SKIP,
    Answer,
    Hits,
    Node,
    Queries,
    Question,
    Run,
    each,
    fuse,
    node,
    repeat,
    route,
    workflow,
)
from orchestrator.nodes import rrf
from orchestrator.ports import LanguageModel
from orchestrator.types import Facets, History
from tests.graph import flows as f
from tests.graph.corpus.case import Cases
from tests.graph.corpus.right_edges import Priority, words
from tests.graph.corpus.right_types import Colour, Words

RIGHT = Cases()


@node
async def first_facets(question: Question) -> Annotated[Facets, "first"]:
    """A collection by name."""
    return Facets()


@node
async def find_word(word: str) -> Hits:
    """Reads an item."""
    return Hits()


@node
async def collect(rankings: tuple[Hits, ...], queries: Queries | None) -> Answer:
    """Joins what each gives."""
    return Answer("")


@node
async def collect_named(rankings: Annotated[tuple[Hits, ...], "one"]) -> Answer:
    """Joins what each gives under a name."""
    return Answer("")


@node
async def gathers_perhaps(rankings: tuple[Hits, ...], facets: Facets | None) -> Hits:
    """A fusion with an optional read."""
    return rankings[0]


@node
async def fuse_two_ways(rankings: tuple[Hits, ...]) -> tuple[Hits, Answer]:
    """A fusion that writes beside what it fuses."""
    return rankings[0], Answer("")


async def five(hits: Hits) -> bool:
    """Enough were found."""
    return len(hits) >= 5


async def enough_or_out_of_time(question: Question, run: Run) -> bool:
    """Reads an input and the run."""
    return True


async def model_says(question: Question, model: LanguageModel | None) -> bool:
    """Reads an input and an optional port."""
    return True


async def priority(question: Question) -> Priority:
    """Chooses a number."""
    return Priority.low


async def one_of_colours(question: Question) -> Literal[Colour.red]:
    """Chooses one of an enum."""
    return Colour.red


# Channels.
RIGHT.add("nodes named as what is around them", lambda: _around())
RIGHT.add(
    "a named output",
    lambda: workflow("w", f.find >> f.write_first >> f.answer, outputs=(Annotated[Hits, "first"],)),
)
RIGHT.add(
    "two outputs of one type",
    lambda: workflow("w", f.find >> f.write_first >> f.answer, outputs=(Hits, Annotated[Hits, "first"])),
)
RIGHT.add("an output that is an input", lambda: workflow("w", f.find >> f.answer, outputs=(Question,)))
RIGHT.add("outputs as a list", lambda: workflow("w", f.find >> f.answer, outputs=[Hits]))  # type: ignore[arg-type]
RIGHT.add("a named input", lambda: workflow("w", f.compare, inputs=(Hits, Annotated[Hits, "first"])))
RIGHT.add(
    "a named input of an inner workflow",
    lambda: f.find >> f.write_first >> workflow("w", f.compare, inputs=(Hits, Annotated[Hits, "first"])),
)
RIGHT.add(
    "a named output of an inner workflow",
    lambda: (
        f.find
        >> workflow("w", f.find_other.writing("first"), outputs=(Annotated[Hits, "first"],))
        >> f.compare
    ),
)
RIGHT.add(
    "an output of a tuple that is collected",
    lambda: workflow(
        "w", f.list_facets >> each(f.find_facet, over=Facets) >> collect, outputs=(tuple[Hits, ...],)
    ),
)
RIGHT.add("inputs that nobody reads", lambda: workflow("w", f.find, inputs=(Question, History)))

# Maps.
RIGHT.add(
    "each over a named channel",
    lambda: first_facets >> fuse(each(f.find_facet, over=Annotated[Facets, "first"]), by=rrf()) >> f.answer,
)
RIGHT.add(
    "each over a collection of the user's",
    lambda: words >> fuse(each(find_word, over=Words), by=rrf()) >> f.answer,
)
RIGHT.add(
    "each whose body ends in a name",
    lambda: f.list_facets >> each(f.find_facet.writing("one"), over=Facets) >> collect_named,
)
RIGHT.add(
    "each beside another branch",
    lambda: f.list_facets >> (each(f.find_facet, over=Facets) | f.rewrite) >> collect,
)
RIGHT.add(
    "each in each", lambda: f.list_facets >> fuse(each(_inner_map(), over=Facets), by=rrf()) >> f.answer
)
RIGHT.add(
    "each in a choice, joined there",
    lambda: f.list_facets >> route({"short": _joined(), "long": f.find}, by=f.by_length) >> f.answer,
)
RIGHT.add(
    "each in a choice, joined behind it",
    lambda: f.list_facets >> route({"short": _bare(), "long": _bare()}, by=f.by_length) >> collect,
)
RIGHT.add(
    "each whose body is chosen on every path",
    lambda: (
        f.list_facets
        >> fuse(
            each(route({"short": f.find_facet, "long": f.find_facet}, by=f.by_length), over=Facets), by=rrf()
        )
    ),
)
RIGHT.add(
    "each whose item is read by a loop",
    lambda: f.list_facets >> fuse(each(repeat(f.find_facet, until=five, at_most=2), over=Facets), by=rrf()),
)
RIGHT.add(
    "each of a hundred thousand at once",
    lambda: f.list_facets >> fuse(each(f.find_facet, over=Facets, at_once=100_000), by=rrf()),
)
RIGHT.add("each into an answer", lambda: f.list_facets >> fuse(each(f.find_facet, over=Facets), by=collect))

RIGHT.add("a collector with typing's tuple", lambda: f.list_facets >> _bare() >> fuse_typing >> f.answer)


@node
async def fuse_typing(rankings: typing.Tuple[Hits, ...]) -> Hits:  # noqa: UP006
    """The old spelling."""
    return rankings[0]


# Fusions, routes and loops.
RIGHT.add(
    "a fusion with an optional read", lambda: fuse(f.find | f.find_other, by=gathers_perhaps) >> f.answer
)
RIGHT.add(
    "a fusion that writes two",
    lambda: workflow("w", fuse(f.find | f.find_other, by=fuse_two_ways) >> f.add_one, outputs=(Answer,)),
)
RIGHT.add(
    "a route by numbers of an enum",
    lambda: f.find >> route({Priority.low: f.add_one, Priority.high: None}, by=priority) >> f.answer,
)
RIGHT.add(
    "a route by their values", lambda: f.find >> route({0: f.add_one, 1: None}, by=priority) >> f.answer
)
RIGHT.add(
    "a route of one choice", lambda: f.find >> route({Colour.red: f.add_one}, by=one_of_colours) >> f.answer
)
RIGHT.add(
    "a route around in a sequence of nothing",
    lambda: f.find >> route({"short": SKIP >> SKIP, "long": f.add_one}, by=f.by_length) >> f.answer,
)
RIGHT.add(
    "a route that chooses a workflow or nothing",
    lambda: (
        f.find
        >> route({"short": workflow("more", f.add_one, inputs=(Hits,)), "long": None}, by=f.by_length)
        >> f.answer
    ),
)
RIGHT.add(
    "a loop on an input and the run",
    lambda: f.find >> repeat(f.add_one, until=enough_or_out_of_time, at_most=3) >> f.answer,
)
RIGHT.add(
    "a loop on an input and an optional port",
    lambda: f.find >> repeat(f.add_one, until=model_says, at_most=3) >> f.answer,
    ports=(),
)
RIGHT.add(
    "a loop whose body routes",
    lambda: (
        f.find
        >> repeat(route({"short": f.add_one, "long": None}, by=f.by_length), until=five, at_most=3)
        >> f.answer
    ),
)
RIGHT.add(
    "a loop whose body forks",
    lambda: f.find >> repeat(f.add_one | f.rewrite, until=five, at_most=2) >> collect_queries,
)
RIGHT.add("a workflow inside of fifty", lambda: _nested(50) >> f.answer)
RIGHT.add("loops inside of twenty", lambda: f.find >> _loops(20) >> f.answer)


@node
async def collect_queries(hits: Hits, queries: Queries) -> Answer:
    """Reads both of a fork."""
    return Answer("")


class Twice(Node):
    """Runs in a workflow with itself."""

    async def __call__(self, hits: Hits) -> Hits:
        return hits


RIGHT.add("one object at two places", lambda: (lambda twice: f.find >> twice >> twice >> f.answer)(Twice()))


def _around() -> Any:
    facets = f.list_facets >> fuse(
        each(f.find_facet.named("each_facets"), over=Facets), by=rrf().named("fork")
    )
    chosen = route({"short": f.add_one.named("route_by_length"), "long": None}, by=f.by_length)
    return (
        facets >> repeat(f.add_one.named("repeat") >> chosen, until=five, at_most=2) >> f.answer.named("end")
    )


def _bare() -> Any:
    return each(f.find_facet, over=Facets)


def _joined() -> Any:
    return fuse(_bare(), by=rrf())


def _inner_map() -> Any:
    return workflow("inner", f.list_facets.named("more") >> _facet_map(), inputs=(Question, str))


def _facet_map() -> Any:
    return fuse(each(f.find_facet, over=Facets), by=_with_facet)


@node
async def _with_facet(rankings: tuple[Hits, ...], facet: str) -> Hits:
    return rankings[0]


def _nested(depth: int) -> Any:
    graph: Any = f.find
    for number in range(depth):
        graph = workflow(f"w{number}", graph)
    return graph


def _loops(depth: int) -> Any:
    graph: Any = f.add_one
    for _ in range(depth):
        graph = repeat(graph, until=five, at_most=2)
    return graph
