"""Graphs near to broken ones, and right: names, types and shapes that only look odd."""

import datetime
import decimal
import enum
import functools
import math
import pathlib
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Generic, Literal, NamedTuple, NewType, Optional, TypeVar, Union

from pydantic import BaseModel, ConfigDict, Field

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
from orchestrator.ports import Cache, Documents, LanguageModel
from orchestrator.types import Facets, History
from tests.graph import flows as f
from tests.graph.corpus.case import Cases
from tests.graph.corpus.right_types import Colour, Plain, Words, flowing

RIGHT = Cases()

T = TypeVar("T")
UserId = NewType("UserId", str)


@dataclass(frozen=True)
class Times:
    """Values of the standard library."""

    at: datetime.datetime
    day: datetime.date
    took: datetime.timedelta
    id: uuid.UUID
    price: decimal.Decimal
    path: pathlib.Path
    user: UserId
    data: bytes = b""
    share: float = math.nan


class Point(NamedTuple):
    """A tuple with names."""

    x: float
    y: float


@dataclass(frozen=True)
class Two(Generic[T]):
    """Two of one type."""

    values: tuple[T, ...]
    next: "Two[T] | None" = None


@dataclass(frozen=True)
class Marks(Two[str]):
    """Two by inheritance."""

    LIMITS: ClassVar[list[int]] = [1, 2]


@dataclass(frozen=True)
class Checked:
    """Refuses what is not positive."""

    size: Annotated[int, Field(gt=5)] = 10

    def __post_init__(self) -> None:
        if self.size <= 5:
            raise ValueError("too small")


class Bounded(BaseModel):
    """A model whose fields have bounds."""

    model_config = ConfigDict(frozen=True)
    share: float = Field(ge=0.9, le=1.0, default=1.0)
    words: tuple[Annotated[str, Field(min_length=3)], ...] = ()


@dataclass(frozen=True, eq=False)
class Same:
    """Equal to itself only."""

    text: str = ""


@dataclass(frozen=True)
class Mixed:
    """Unions of plain types."""

    value: str | int | float | None = None
    pairs: tuple[tuple[str, str | int], ...] = ()
    either: Union[Plain, Point, None] = None  # noqa: UP007
    colours: frozenset[Colour] = frozenset()
    kept: tuple[Point, ...] = field(default=(), compare=False)


class Priority(enum.IntEnum):
    """Numbers."""

    low = 0
    high = 1


for name, tp in {
    "times and ids": Times,
    "a named tuple": Point,
    "a tuple of named tuples": tuple[Point, ...],
    "a generic of words": Two[str],
    "a generic of a generic": Two[Two[Plain]],
    "a generic by inheritance": Marks,
    "a type that refuses some values": Checked,
    "a model of bounded values": Bounded,
    "a type that is equal to itself only": Same,
    "unions of plain types": Mixed,
    "a day": datetime.date,
    "a moment": datetime.datetime,
    "an id": uuid.UUID,
    "a price": decimal.Decimal,
    "a renamed word": UserId,
    "an enum of numbers": Priority,
    "bytes": bytes,
    "a tuple of tuples": tuple[tuple[str, int], ...],
    "a frozen set of colours": frozenset[Colour],
    "a bounded number": Annotated[int, Field(gt=3)],
    "a bounded number by name": Annotated[int, Field(gt=3), "count"],
    "a channel with a point in its name": Annotated[Hits, "bm25+dense 1.0"],
    "a channel with a name in other letters": Annotated[Hits, "ранжування"],
}.items():
    RIGHT.add(f"{name} can flow", lambda tp=tp: flowing(tp))


class Searcher:
    """An object whose methods are nodes."""

    def __init__(self, k: int) -> None:
        self.k = k

    async def search(self, question: Question) -> Hits:
        """A method."""
        return Hits().top(self.k)

    @staticmethod
    async def other(question: Question) -> Hits:
        """A function in a class."""
        return Hits()


def logged(function: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator of the user's."""

    @functools.wraps(function)
    async def inner(*args: Any, **kwargs: Any) -> Any:
        return await function(*args, **kwargs)

    return inner


@logged
async def decorated(question: Question, *, k: int = 3) -> Hits:
    """A function behind a decorator."""
    return Hits()


@node
async def perhaps_run(hits: Hits, run: Run | None) -> Answer:
    """The run is always there."""
    return Answer("")


@node
async def perhaps_run_old(hits: Hits, run: Optional[Run], documents: Documents | None = None) -> Answer:  # noqa: UP045
    """The run, and a port with None as its default."""
    return Answer("")


@node
async def perhaps_hits(question: Question, hits: Hits | None = None) -> Answer:
    """An optional read with None as its default."""
    return Answer("")


@node
async def odd_settings(
    question: Question,
    *,
    share: float = math.nan,
    pattern: re.Pattern[str] = re.compile("a"),
    key: Callable[[str], str] = str.lower,
    path: pathlib.Path = pathlib.Path("a"),
    at: datetime.date = datetime.date(2020, 1, 1),
    either: int | str = 3,
    words: tuple[str, ...] | None = None,
    whatever: Any = 3,
) -> Hits:
    """Settings of odd types, all of which can be told apart."""
    return Hits()


@node
async def first_facets(question: Question) -> Annotated[Facets, "first"]:
    """A collection by name."""
    return Facets()


@node
async def words(question: Question) -> Words:
    """A collection of the user's."""
    return Words()


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


def of_word(word: object) -> Any:
    """A node that closes over a value."""

    @node
    async def find_of(question: Question) -> Hits:
        return Hits() if word else Hits()

    return find_of


# Nodes.
RIGHT.add("a method of an object", lambda: node(Searcher(3).search) >> f.answer)
RIGHT.add("a function in a class", lambda: node(Searcher.other) >> f.answer)
RIGHT.add("a function behind a decorator", lambda: node(decorated)(k=2) >> f.answer)
RIGHT.add("an optional run", lambda: f.find >> perhaps_run)
RIGHT.add("an optional run and a port with a default", lambda: f.find >> perhaps_run_old, ports=())
RIGHT.add("an optional read with a default", lambda: perhaps_hits)
RIGHT.add("settings of odd types", lambda: odd_settings >> f.answer)
RIGHT.add("settings of odd types that are given", lambda: odd_settings(key=str.upper, either="a") >> f.answer)
RIGHT.add("a cached node of a closure", lambda: of_word("a").within(cache=60) >> f.answer)
RIGHT.add(
    "a cached node of a closure over values", lambda: of_word(({"a": 1}, [2])).within(cache=60) >> f.answer
)
RIGHT.add("a cached method", lambda: node(Searcher(3).search).within(cache=60) >> f.answer)
RIGHT.add("a cached class", lambda: f.Shout(2).within(cache=9))
RIGHT.add("a cached node behind a decorator", lambda: node(decorated).within(cache=1.5) >> f.answer)
RIGHT.add("a node of a closure over what nobody knows", lambda: of_word(object()) >> f.answer)
RIGHT.add("a port of a cached node", lambda: f.find >> perhaps_run.within(cache=60), ports=(Cache,))

# Names.
for name in (
    "bm25+dense",
    "find.v2",
    "find 2",
    "a/b",
    "1",
    "é",
    "end",
    "__init__",
    "begin.x",
    "Question",
    "fork",
    "repeat",
):
    RIGHT.add(f"a node named {name}", lambda name=name: f.find.named(name) >> f.answer)
    RIGHT.add(f"a workflow named {name}", lambda name=name: workflow(name, f.find >> f.answer))
    RIGHT.add(f"a workflow named {name}, inside", lambda name=name: workflow(name, f.find) >> f.answer)
RIGHT.add("nodes named as what is around them", lambda: _around())

# Channels.
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
