"""More that cannot stand where it does: names, times, items, conditions, choices and workflows."""

import decimal
import enum
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal

from orchestrator import (
    SKIP,
    Answer,
    Hits,
    Queries,
    Question,
    Workflow,
    each,
    fuse,
    node,
    repeat,
    route,
    workflow,
)
from orchestrator.nodes import rrf
from orchestrator.types import Context, Facets, History
from tests.graph import flows as f
from tests.graph.corpus.broken_deep_types import Odd
from tests.graph.corpus.case import Cases

BROKEN = Cases()


class Bit(enum.IntEnum):
    """Two numbers."""

    off = 0
    on = 1


@dataclass(frozen=True)
class Things:
    """Items that may be anything."""

    things: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.things)


@dataclass(frozen=True)
class Mixed:
    """Items of two types."""

    things: tuple[str | int, ...] = ()

    def __iter__(self) -> Iterator[str | int]:
        return iter(self.things)


@node
async def things(question: Question) -> Things:
    """Anything."""
    return Things()


@node
async def mixed(question: Question) -> Mixed:
    """Two types."""
    return Mixed()


@node
async def tell_context(context: Context) -> Answer:
    """Reads what nobody writes."""
    return Answer("")


@node
async def read_first(first: Annotated[Answer, "first"] | None, question: Question) -> Answer:
    """An optional name of another type."""
    return Answer("")


@node
async def collect(rankings: tuple[Hits, ...]) -> Answer:
    """Joins what each gives."""
    return Answer("")


@node
async def two_names(question: Question) -> tuple[Hits, Annotated[Hits, "first"]]:
    """Two rankings."""
    return Hits(), Hits()


async def five(hits: Hits) -> bool:
    """Enough were found."""
    return len(hits) >= 5


async def always() -> bool:
    """Reads nothing."""
    return False


async def any_queries(queries: Queries | None) -> bool:
    """Reads what nobody writes, perhaps."""
    return queries is not None


async def asked(question: Question, history: History | None) -> bool:
    """Reads what no round changes."""
    return True


async def flags(question: Question) -> Odd:
    """Flags can be joined."""
    return Odd.a


async def bit(question: Question) -> Bit:
    """Chooses a number."""
    return Bit.on


async def maybe_bool(question: Question) -> bool | None:
    """Yes, no, or nothing."""
    return None


async def perhaps_by_name(first: Annotated[Answer, "first"] | None) -> bool:
    """Reads a name of another type."""
    return True


# Names.
for name in (
    "__interrupt__",
    "__pregel_pull",
    "checkpoint_ns",
    "configurable",
    "__root__",
    "a\rb",
    "a\u2028b",
    "\x7f",
):
    BROKEN.add(f"a node named {name!r}", lambda name=name: f.find.named(name) >> f.answer, "name")
    BROKEN.add(f"a workflow named {name!r}", lambda name=name: workflow(name, f.find), "name")
    BROKEN.add(f"a channel named {name!r}", lambda name=name: f.find.writing(name), "name", node="find")
for name in ("x.begin", "x.end", "x.item", "x.collect", "fork.0", "find..answer"):
    BROKEN.add(f"a node named {name}, alone", lambda name=name: f.find.named(name) >> f.answer, name)
for name in ("a|b", "a:b", "a#2", "__end__"):
    BROKEN.add(
        f"a nested workflow named {name!r}", lambda name=name: workflow(name, f.find) >> f.answer, name
    )
    BROKEN.add(f"a selector named {name}", lambda name=name: _route(by=node(f.by_length).named(name)), name)
    BROKEN.add(f"a condition named {name}", lambda name=name: _loop(until=node(five).named(name)), name)
    BROKEN.add(
        f"a fuser named {name}", lambda name=name: fuse(f.find | f.find_other, by=rrf().named(name)), name
    )
BROKEN.add("a blank around a name", lambda: f.find.named(" find") >> f.answer, "blanks", node="find")
BROKEN.add("a name made of a tuple", lambda: f.find.named(("a", "b")) >> f.answer, "name")
BROKEN.add("a workflow named with a question", lambda: workflow(Question("q"), f.find), "name")  # type: ignore[arg-type]

# Times and counts.
for name, policy in {
    "a timeout without an end": {"timeout": math.inf},
    "a cache without an end": {"cache": math.inf},
    "a timeout beyond all numbers": {"timeout": 10**400},
    "a timeout of a duration": {"timeout": timedelta(seconds=3)},
    "a timeout as a decimal": {"timeout": decimal.Decimal(3)},
    "a cache of no time": {"cache": 0},
    "a cache of a duration": {"cache": timedelta(hours=1)},
    "attempts as a list": {"attempts": [1, 2]},
    "attempts as three times one": {"attempts": 3.0},
    "endless attempts": {"attempts": math.inf},
    "a complex timeout": {"timeout": 1j},
}.items():
    word = next(iter(policy))
    BROKEN.add(name, lambda policy=policy: f.find.within(**policy) >> f.answer, word, node="find")
    BROKEN.add(
        f"{name}, of a fuser",
        lambda policy=policy: fuse(f.find | f.find_other, by=rrf().within(**policy)),
        word,
    )
    BROKEN.add(f"{name}, of a body", lambda policy=policy: _map(f.find_facet.within(**policy)), word)
for value in ("two", 1.0, math.inf, [1], -3, False):
    BROKEN.add(f"each {value!r} at once", lambda value=value: _map(at_once=value), "at_once")
    BROKEN.add(f"a loop of {value!r} rounds", lambda value=value: _loop(at_most=value), "at_most")

# Reads.
BROKEN.add("an optional name of another type", lambda: f.find.writing("first") >> read_first, "Answer:first")
BROKEN.add(
    "an optional name that comes later", lambda: read_first >> f.answer_if_any.writing("first"), "first"
)
BROKEN.add(
    "an optional name of the branch beside",
    lambda: f.find >> (f.answer.writing("first") | read_first),
    "Answer:first",
    node="read_first",
)
BROKEN.add("a condition on an optional name", lambda: _loop(until=perhaps_by_name), "Answer:first")
BROKEN.add(
    "an optional name that stays inside of a workflow",
    lambda: workflow("inner", f.find >> f.answer.writing("first") >> read_first) >> read_first,
    "Answer:first",
)

# Maps.
BROKEN.add(
    "each over a channel that is misspelt alone", lambda: _map(over=Annotated[Facets, "facts"]), "facts"
)
BROKEN.add("each over a pair", lambda: _map(over=tuple[str, int]), "tuple[str, int]")
BROKEN.add("each over a frozenset", lambda: _map(over=frozenset[str]), "frozenset")
BROKEN.add("each over a union", lambda: _map(over=Facets | Queries), "Facets | Queries")
BROKEN.add("each over anything", lambda: _map(over=Any), "Any")
BROKEN.add("each over a dict of types", lambda: _map(over={"a": str}), "dict")
BROKEN.add("each over a channel with a number", lambda: _map(over=Annotated[Facets, 2]), "2")
BROKEN.add(
    "each over items that are anything", lambda: things >> fuse(each(f.find, over=Things), by=rrf()), "Any"
)
BROKEN.add(
    "each over items of two types", lambda: mixed >> fuse(each(f.find, over=Mixed), by=rrf()), "str | int"
)
BROKEN.add(
    "a body whose loop does not read the item",
    lambda: _map(f.find >> repeat(f.add_one, until=five, at_most=2)),
    "str",
)
BROKEN.add("a body that only a fork has", lambda: _map(f.find | f.find_facet.writing("other")), "each")
BROKEN.add(
    "a body that is chosen on one path",
    lambda: _map(f.find_facet.writing("one") >> route({"short": f.find, "long": None}, by=f.by_length)),
    "Hits",
)
BROKEN.add(
    "each at the end of a choice",
    lambda: f.list_facets >> route({"short": _bare(), "long": _bare()}, by=f.by_length),
    "each",
)
BROKEN.add(
    "each at the end of a fork", lambda: f.list_facets >> (_bare() | f.rewrite) >> f.search_queries, "each"
)
BROKEN.add("each that is kept", lambda: workflow("w", _end(), outputs=(tuple[Hits, ...],)), "each")
BROKEN.add(
    "each in a body, in a workflow", lambda: _map(workflow("inner", _end(), inputs=(Question, str))), "each"
)

# Loops.
BROKEN.add("a condition that reads nothing", lambda: _loop(until=always), "nothing", node="always")
BROKEN.add("a condition on what nobody writes, perhaps", lambda: _loop(until=any_queries), "Queries")
BROKEN.add("a condition on two inputs", lambda: _loop(until=asked), "Question", node="asked")
BROKEN.add(
    "a condition on what only a fork of the loop's outside wrote",
    lambda: (f.find | f.rewrite) >> repeat(f.add_one, until=any_queries, at_most=2) >> f.answer,
    "Queries",
)
BROKEN.add("a loop of a workflow of nothing", lambda: _loop(workflow("inner", SKIP)), "nothing")
BROKEN.add("a loop of a sequence of nothing", lambda: _loop(SKIP >> SKIP), "nothing")
BROKEN.add("a loop of a broken fork", lambda: _loop(f.add_one | 5), "int")

# Routes.
BROKEN.add("a route by flags", lambda: _route({Odd.a: f.add_one, Odd.b: None}, flags), "Odd")
BROKEN.add(
    "a route by a bool or nothing", lambda: _route({True: f.add_one, False: None}, maybe_bool), "bool | None"
)
BROKEN.add("a route by one bit", lambda: _route({Bit.on: f.add_one}, bit), "off")
BROKEN.add("a route of a generator", lambda: _route(label for label in "ab"), "generator")
BROKEN.add("a route of a set", lambda: _route({"short", "long"}), "set")
BROKEN.add("a route of choices and numbers", lambda: _route({"short": 1, "long": 2}), "int")
BROKEN.add("a route by a misspelt selector", lambda: _route(by="by_length"), "str")
BROKEN.add(
    "a route in a route to nothing",
    lambda: _route({"short": route({}, by=f.by_length), "long": None}),
    "nothing",
)

# Fusions.
BROKEN.add(
    "a fusion by a collector of another type", lambda: fuse(f.find | f.find_other, by=collect), "Answer"
)
BROKEN.add(
    "a fusion of a route alone",
    lambda: fuse(route({"short": f.find, "long": None}, by=f.by_length), by=rrf()),
    "not parallel",
)
BROKEN.add("a fusion of a workflow alone", lambda: fuse(workflow("inner", f.find), by=rrf()), "not parallel")
BROKEN.add("a fusion of a number alone", lambda: fuse(5, by=rrf()), "int")

# Workflows.
BROKEN.add("outputs of a set", lambda: workflow("w", f.find >> f.answer, outputs={Hits}), "outputs")
BROKEN.add("outputs of a dict", lambda: workflow("w", f.find >> f.answer, outputs={"hits": Hits}), "outputs")
BROKEN.add("outputs with an ellipsis", lambda: workflow("w", f.find >> f.answer, outputs=(Hits, ...)), "...")
BROKEN.add(
    "outputs of a name of another type",
    lambda: workflow("w", f.find >> f.answer, outputs=(Annotated[Queries, "first"],)),
    "Queries:first",
)
BROKEN.add(
    "inputs of a name, twice",
    lambda: workflow("w", f.find, inputs=(Question, Annotated[Hits, "a"], Annotated[Hits, "a"])),
    "twice",
)
BROKEN.add(
    "inputs of a number for a name", lambda: workflow("w", f.find, inputs=(Question, Annotated[Hits, 1])), "1"
)
BROKEN.add("a workflow made by its class", lambda: Workflow("w", 5), "int")  # type: ignore[arg-type]
BROKEN.add(
    "a workflow of its class, with one output", lambda: Workflow("w", f.find, (Question,), Hits), "outputs"
)  # type: ignore[arg-type]
BROKEN.add("a workflow in itself, through each", lambda: _own(lambda own: _map(own)), "itself")
BROKEN.add(
    "a workflow in itself, through a route",
    lambda: _own(lambda own: _route({"short": own, "long": None})),
    "itself",
)
BROKEN.add("a workflow inside of two hundred", lambda: _deep(200), "deep")
BROKEN.add("a loop inside of two hundred", lambda: _loops(200), "deep")
BROKEN.add(
    "an input that comes on one path",
    lambda: _sometimes() >> workflow("inner", f.add_one, inputs=(Hits,)),
    "every path",
)
BROKEN.add(
    "faults of five kinds at once", lambda: _five_kinds(), "attempts", "Queries", "int", "at_once", "name"
)


def _map(body: object = f.find_facet, over: Any = Facets, **how: Any) -> Any:
    return f.list_facets >> fuse(each(body, over=over, **how), by=rrf(60)) >> f.answer


def _bare() -> Any:
    return each(f.find_facet, over=Facets)


def _end() -> Any:
    return f.list_facets >> _bare()


def _loop(body: object = f.add_one, until: object = five, at_most: Any = 3) -> Any:
    return f.find >> repeat(body, until=until, at_most=at_most) >> f.answer


def _route(choices: Any = None, by: Any = f.by_length) -> Any:
    return (
        f.find >> route({"short": f.add_one, "long": None} if choices is None else choices, by=by) >> f.answer
    )


def _sometimes() -> Any:
    return route({"short": f.find, "long": None}, by=f.by_length)


def _own(around: Any) -> Any:
    own = workflow("own", f.find)
    object.__setattr__(own, "body", around(own))
    return own


def _deep(depth: int) -> Any:
    graph: Any = f.find
    for number in range(depth):
        graph = workflow(f"w{number}", graph)
    return graph


def _loops(depth: int) -> Any:
    graph: Any = f.add_one
    for _ in range(depth):
        graph = repeat(graph, until=five, at_most=2)
    return f.find >> graph


def _five_kinds() -> Any:
    return workflow(
        "a|b",
        f.find.within(attempts=0)
        >> 5
        >> f.list_facets
        >> fuse(each(f.search_queries, over=Facets, at_once=0), by=rrf()),
    )


async def labelled(question: Question) -> Literal["a"]:
    """Chooses one."""
    return "a"


BROKEN.add("a route to another label", lambda: _route({"b": f.add_one}, labelled), "'a'", "'b'")
