"""`each`: over what cannot be gone through, with bodies that give nothing, and without a collector."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from orchestrator import SKIP, Answer, Hits, Queries, Question, each, fuse, node, route, workflow
from orchestrator.types import Facets
from tests.graph import flows as f
from tests.graph.corpus.case import Cases

BROKEN = Cases()


@dataclass(frozen=True)
class Untyped:
    """Can be gone through, and does not say what comes."""

    names: tuple[str, ...] = ()

    def __iter__(self) -> Iterator:
        return iter(self.names)


@dataclass(frozen=True)
class Silent:
    """The same without any annotation."""

    names: tuple[str, ...] = ()

    def __iter__(self):
        return iter(self.names)


@dataclass(frozen=True)
class Lists:
    """Its items can be changed."""

    names: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[list[str]]:
        return iter([list(self.names)])


@node
async def untyped(question: Question) -> Untyped:
    """Items without a type."""
    return Untyped()


@node
async def silent(question: Question) -> Silent:
    """Items without a type."""
    return Silent()


@node
async def lists(question: Question) -> Lists:
    """Items that can be changed."""
    return Lists()


@node
async def of_list(names: list[str]) -> Hits:
    """Reads such an item."""
    return Hits()


@node
async def note(facet: str) -> None:
    """Gives nothing."""


@node
async def answer_facet(facet: str) -> Answer:
    """Another type than the fusion reads."""
    return Answer(facet)


@node
async def find_and_answer(facet: str) -> tuple[Hits, Answer]:
    """Two values for one item."""
    return Hits(), Answer(facet)


async def choose(facet: str) -> Literal["a", "b"]:
    """Chooses by the item."""
    return "a"


async def plain(facet: str) -> Hits:
    """A function that nobody decorated."""
    return Hits()


def over(what: object, body: object = f.find_facet, **how: object) -> object:
    """The usual graph with another collection, body or number at once."""
    return f.list_facets >> fuse(each(body, over=what, **how), by=f.rank_fusion) >> f.answer


BROKEN.add("each over a name", lambda: over("facets"), "facets")
BROKEN.add("each over the name of a type", lambda: over("Facets"), "'Facets'")
BROKEN.add("each over a list", lambda: over(["a", "b"]), "list")
BROKEN.add("each over a tuple of values", lambda: over(("a", "b")), "tuple")
BROKEN.add("each over a number", lambda: over(5), "5")
BROKEN.add("each over nothing", lambda: over(None), "None")
BROKEN.add("each over a value", lambda: over(Facets(("a",))), "Facets")
BROKEN.add("each over a node", lambda: over(f.list_facets), "list_facets")
BROKEN.add("each over an unknown list type", lambda: over(list[str]), "list[str]")
BROKEN.add("each over a bare list", lambda: over(list), "list")
BROKEN.add("each over what nobody writes", lambda: over(Queries, f.search_queries), "Queries")
BROKEN.add("each over a named channel that nobody writes", lambda: over(Annotated[Facets, "frist"]), "frist")
BROKEN.add("each over a channel without a name", lambda: over(Annotated[Facets, 1]), "1")
BROKEN.add("each over what has no items", lambda: over(Question), "Question")
BROKEN.add("each over text", lambda: over(Answer, f.find_facet), "Answer")
BROKEN.add(
    "each over items without a type",
    lambda: untyped >> fuse(each(f.find_facet, over=Untyped), by=f.rank_fusion),
    "Untyped",
    "type",
)
BROKEN.add(
    "each over items without an annotation",
    lambda: silent >> fuse(each(f.find_facet, over=Silent), by=f.rank_fusion),
    "Silent",
)
BROKEN.add(
    "each over items that can be changed",
    lambda: lists >> fuse(each(of_list, over=Lists), by=f.rank_fusion),
    "list[str]",
)
BROKEN.add(
    "each over a collection that comes later",
    lambda: fuse(each(f.find_facet, over=Facets), by=f.rank_fusion) >> f.list_facets >> f.answer,
    "Facets",
)

BROKEN.add("eight at once, as text", lambda: over(Facets, at_once="8"), "at_once")
BROKEN.add("none at once", lambda: over(Facets, at_once=0), "at_once")
BROKEN.add("fewer than none at once", lambda: over(Facets, at_once=-1), "at_once")
BROKEN.add("true at once", lambda: over(Facets, at_once=True), "at_once")
BROKEN.add("two and a half at once", lambda: over(Facets, at_once=2.5), "at_once")
BROKEN.add("no number at once", lambda: over(Facets, at_once=None), "at_once")
BROKEN.add("not a number at once", lambda: over(Facets, at_once=float("nan")), "at_once")

BROKEN.add("a body that does not read its item", lambda: over(Facets, f.find), "str")
BROKEN.add(
    "a body of two nodes that do not read the item",
    lambda: over(Facets, f.rewrite >> f.search_queries),
    "str",
)
BROKEN.add(
    "a body that reads another item",
    lambda: f.rewrite >> over(Facets, f.search_queries),
    "str",
)
BROKEN.add("a body that gives nothing", lambda: over(Facets, note), "each")
BROKEN.add("a body that does nothing", lambda: over(Facets, SKIP), "nothing")
BROKEN.add("no body", lambda: over(Facets, None), "None")
BROKEN.add("a body that is a number", lambda: over(Facets, 5), "int")
BROKEN.add("a body that is a plain function", lambda: over(Facets, plain), "@node")
BROKEN.add("a body that is a class", lambda: over(Facets, f.Shout), "Shout(…)")
BROKEN.add(
    "a body that gives its value on one path only",
    lambda: over(Facets, route({"a": f.find_facet, "b": None}, by=choose)),
    "Hits",
    "every path",
)
BROKEN.add(
    "a body whose paths end in other types",
    lambda: over(Facets, route({"a": f.find_facet, "b": answer_facet}, by=choose)),
    "Hits",
)
BROKEN.add("a body that gives another type than is fused", lambda: over(Facets, answer_facet), "Hits")
BROKEN.add(
    "a body of side by side writers", lambda: over(Facets, f.find_facet | f.find_other), "side by side"
)
BROKEN.add("a body that gives two values", lambda: over(Facets, find_and_answer), "Answer")
BROKEN.add(
    "a value of a body that is read behind it",
    lambda: (
        f.list_facets
        >> fuse(each(f.find_facet >> f.answer, over=Facets), by=f.rank_fusion)
        >> f.answer_if_any
    ),
    "Hits",
)

BROKEN.add("each without a collector", lambda: f.list_facets >> each(f.find_facet, over=Facets), "each")
BROKEN.add(
    "each before what reads one value",
    lambda: f.list_facets >> each(f.find_facet, over=Facets) >> f.answer,
    "Hits",
    node="answer",
)
BROKEN.add(
    "each before a collector of another type",
    lambda: f.list_facets >> each(answer_facet, over=Facets) >> f.rank_fusion >> f.answer,
    "tuple[Hits, ...]",
    node="rank_fusion",
)
BROKEN.add(
    "each in a workflow that ends",
    lambda: workflow("inner", f.list_facets >> each(f.find_facet, over=Facets)) >> f.rank_fusion >> f.answer,
    "each",
)
BROKEN.add(
    "two of each beside each other",
    lambda: (
        f.list_facets
        >> (each(f.find_facet, over=Facets) | each(f.find_facet, over=Facets))
        >> f.rank_fusion
        >> f.answer
    ),
    "side by side",
)
BROKEN.add(
    "each inside each without a collector",
    lambda: over(Facets, f.list_facets >> each(f.find_facet, over=Facets)),
    "each",
)
BROKEN.add(
    "each with a fusion that is none",
    lambda: f.list_facets >> fuse(each(f.find_facet, over=Facets), by=f.add_one) >> f.answer,
    "tuple",
    node="add_one",
)
BROKEN.add(
    "a collector without each",
    lambda: f.find >> f.rank_fusion >> f.answer,
    "tuple[Hits, ...]",
    node="rank_fusion",
)


@node
async def labels(question: Question) -> frozenset[str]:
    """A set, whose items have another order in each process."""
    return frozenset({"a", "b"})


BROKEN.add(
    "each over a set",
    lambda: labels >> each(f.find_facet, over=frozenset[str]) >> f.rank_fusion >> f.answer,
    "no order",
    "tuple[X, ...]",
    node="each_frozenset",
)


@dataclass(frozen=True)
class Paired:
    """Its items are said to be a pair, which is no iterator of them."""

    word: str

    def __iter__(self) -> tuple[str, int]:
        raise NotImplementedError


@node
async def paired(question: Question) -> Paired:
    """Something to go through."""
    return Paired("")


BROKEN.add(
    "each over what returns a pair where an iterator must be",
    lambda: paired >> each(f.find_facet, over=Paired) >> f.rank_fusion >> f.answer,
    "no declared type",
    node="each_paired",
)
