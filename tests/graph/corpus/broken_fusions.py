"""Branches side by side: without a fusion, with a fusion that does not fit, and reading each other."""

import functools
from typing import Annotated

from orchestrator import SKIP, Answer, Hits, Queries, Question, each, fuse, node, route, workflow
from orchestrator.nodes import rrf
from orchestrator.types import Facets
from tests.graph import flows as f
from tests.graph.corpus.case import Cases

BROKEN = Cases()


async def plain_fusion(rankings: tuple[Hits, ...]) -> Hits:
    """A function that nobody decorated."""
    return rankings[0]


@node
async def fuse_queries(queries: tuple[Queries, ...]) -> Queries:
    """A fusion of queries."""
    return queries[0]


@node
async def fuse_into_answer(rankings: tuple[Hits, ...]) -> Answer:
    """Writes another type than it fuses."""
    return Answer("")


@node
async def fuse_into_two(rankings: tuple[Hits, ...]) -> tuple[Hits, Answer]:
    """Writes two."""
    return Hits(), Answer("")


@node
async def fuse_into_nothing(rankings: tuple[Hits, ...]) -> None:
    """Writes nothing."""


@node
async def fuse_list(rankings: list[Hits]) -> Hits:
    """Reads a list."""
    return rankings[0]


@node
async def fuse_pair(rankings: tuple[Hits, Hits]) -> Hits:
    """Reads two and no more."""
    return rankings[0]


@node
async def fuse_bare(rankings: tuple) -> Hits:
    """Does not say of what."""
    return rankings[0]


@node
async def fuse_untyped(rankings) -> Hits:
    """Does not say what it reads."""
    return rankings[0]


@node
async def fuse_nothing(question: Question) -> Hits:
    """Reads no rankings."""
    return Hits()


@node
async def fuse_two(rankings: tuple[Hits, ...], queries: tuple[Queries, ...]) -> Hits:
    """Reads rankings and a tuple that nobody makes."""
    return rankings[0]


@node
async def fuse_with_answer(rankings: tuple[Hits, ...], text: Answer) -> Hits:
    """Reads what nobody writes, beside the rankings."""
    return rankings[0]


@node
async def fuse_with_setting(rankings: tuple[Hits, ...], *, k: int) -> Hits:
    """A setting that is not given."""
    return rankings[0]


@node
async def note(question: Question) -> None:
    """Writes nothing."""


@node
async def find_and_rewrite(question: Question) -> tuple[Hits, Queries]:
    """Writes two."""
    return Hits(), Queries(())


@node
async def tell_both(first: Annotated[Hits, "first"], second: Annotated[Hits, "second"]) -> Answer:
    """Reads two names."""
    return Answer("")


def fused(branches: object = f.find | f.find_other, by: object = f.rank_fusion) -> object:
    """The usual fusion of other branches, or by something else."""
    return fuse(branches, by=by) >> f.answer


BROKEN.add("a fusion of one", lambda: fused(f.find), "not parallel", node="rank_fusion")
BROKEN.add("a fusion of a sequence", lambda: fused(f.find >> f.add_one), "not parallel", node="rank_fusion")
BROKEN.add(
    "a fusion of a route",
    lambda: fused(route({"short": f.find, "long": f.find_other}, by=f.by_length)),
    "not parallel",
)
BROKEN.add(
    "a fusion of a workflow", lambda: fused(workflow("inner", f.find)), "not parallel", node="rank_fusion"
)
BROKEN.add("a fusion of nothing", lambda: fused(SKIP), "not parallel")
BROKEN.add("a fusion of None", lambda: fused(None), "None")
BROKEN.add("a fusion of a number", lambda: fused(5), "int")
BROKEN.add("a fusion of a list", lambda: fused([f.find, f.find_other]), "list")
BROKEN.add("a fusion of a tuple", lambda: fused((f.find, f.find_other)), "tuple")
BROKEN.add("a fusion of a fusion", lambda: fused(fuse(f.find | f.find_other, by=rrf(60))), "not parallel")

BROKEN.add("a fusion by no fusion", lambda: fused(by=f.add_one), "tuple", node="add_one")
BROKEN.add("a fusion by what reads no ranking", lambda: fused(by=fuse_nothing), "tuple", node="fuse_nothing")
BROKEN.add("a fusion by a plain function", lambda: fused(by=plain_fusion), "@node", node="plain_fusion")
BROKEN.add("a fusion by a word", lambda: fused(by="rrf"), "str")
BROKEN.add("a fusion by a number", lambda: fused(by=60), "int")
BROKEN.add("a fusion by None", lambda: fused(by=None), "None")
BROKEN.add("a fusion by a class", lambda: fused(by=f.Shout), "Shout(…)")
BROKEN.add("a fusion by a lambda", lambda: fused(by=lambda rankings: rankings[0]), "@node")
BROKEN.add("a fusion by a partial", lambda: fused(by=functools.partial(plain_fusion)), "partial")
BROKEN.add("a fusion by a sequence", lambda: fused(by=f.rank_fusion >> f.add_one), "one node")
BROKEN.add("a fusion by a workflow", lambda: fused(by=workflow("inner", f.rank_fusion)), "inner")
BROKEN.add("a fusion by a builtin", lambda: fused(by=sum), "sum")
BROKEN.add("a fusion of another type", lambda: fused(by=fuse_queries), "Queries", "Hits")
BROKEN.add("a fusion into another type", lambda: fused(by=fuse_into_answer), "Hits", node="fuse_into_answer")
BROKEN.add("a fusion into nothing", lambda: fused(by=fuse_into_nothing), "Hits", node="fuse_into_nothing")
BROKEN.add("a fusion into two", lambda: fused(by=fuse_into_two), "Answer", node="fuse_into_two")
BROKEN.add("a fusion of a list of hits", lambda: fused(by=fuse_list), "tuple", node="fuse_list")
BROKEN.add("a fusion of a pair", lambda: fused(by=fuse_pair), "tuple", node="fuse_pair")
BROKEN.add("a fusion of anything", lambda: fused(by=fuse_bare), "tuple", node="fuse_bare")
BROKEN.add("a fusion without a type", lambda: fused(by=fuse_untyped), "annotate", node="fuse_untyped")
BROKEN.add("a fusion of two tuples", lambda: fused(by=fuse_two), "Queries", node="fuse_two")
BROKEN.add("a fusion that reads what is not there", lambda: fused(by=fuse_with_answer), "Answer")
BROKEN.add(
    "a fusion that lacks a setting", lambda: fused(by=fuse_with_setting), "k=", node="fuse_with_setting"
)
BROKEN.add(
    "a fusion of no attempts",
    lambda: fused(by=f.rank_fusion.within(attempts=0)),
    "attempt",
    node="rank_fusion",
)
BROKEN.add("a fusion of two types", lambda: fused(f.find | f.rewrite), "Hits", node="rewrite")
BROKEN.add("a fusion of three types", lambda: fused(f.find | f.rewrite | f.list_facets), "Queries", "Facets")
BROKEN.add("a fusion of a branch that does nothing", lambda: fused(f.find | SKIP), "nothing")
BROKEN.add("a fusion of a branch that writes nothing", lambda: fused(f.find | note), "Hits", node="note")
BROKEN.add("a fusion of a number beside a node", lambda: fused(f.find | 5), "int")
BROKEN.add(
    "a fusion of a branch that writes on one path",
    lambda: fused(f.find | route({"short": f.find_other, "long": None}, by=f.by_length)),
    "Hits",
)
BROKEN.add(
    "a fusion of a branch that ends in each",
    lambda: f.list_facets >> fused(f.find | each(f.find_facet, over=Facets)),
    "Hits",
)
BROKEN.add(
    "a fusion whose branches write a second value side by side",
    lambda: (
        fuse((f.rewrite >> f.search_queries) | (find_and_rewrite >> f.add_one), by=f.rank_fusion)
        >> f.search_queries
        >> f.answer
    ),
    "Queries",
    "side by side",
)

BROKEN.add("two writers", lambda: (f.find | f.find_other) >> f.answer, "side by side")
BROKEN.add("three writers", lambda: (f.find | f.find_other | f.find(5)) >> f.answer, "side by side")
BROKEN.add("one writer, twice", lambda: (f.find | f.find) >> f.answer, "side by side")
BROKEN.add("two writers at the end", lambda: f.find | f.find_other, "side by side")
BROKEN.add(
    "two writers of one name",
    lambda: f.find >> (f.write_first | f.find_other.writing("first")) >> f.compare,
    "side by side",
    "Hits:first",
)
BROKEN.add(
    "a writer beside a chain", lambda: (f.find | (f.rewrite >> f.search_queries)) >> f.answer, "side by side"
)
BROKEN.add(
    "a writer beside a node of two values",
    lambda: (f.find | find_and_rewrite) >> f.search_queries >> f.answer,
    "side by side",
)
BROKEN.add(
    "a writer beside a workflow",
    lambda: (f.find | workflow("inner", f.find_other)) >> f.answer,
    "side by side",
)
BROKEN.add(
    "a writer beside a route",
    lambda: (f.find | route({"short": f.find_other, "long": None}, by=f.by_length)) >> f.answer,
    "side by side",
)
BROKEN.add(
    "writers in a fork of a fork",
    lambda: ((f.find >> (f.rewrite | f.list_facets)) | f.find_other) >> f.answer,
    "side by side",
)
BROKEN.add(
    "a branch that reads the other's value",
    lambda: (f.rewrite | f.search_queries) >> f.answer,
    "Queries",
    node="search_queries",
)
BROKEN.add(
    "a branch that reads the other's name",
    lambda: f.find >> (f.write_first | f.compare),
    "Hits:first",
    node="compare",
)
BROKEN.add(
    "a branch of two that reads the other's value",
    lambda: fused(f.rewrite >> f.search_queries | f.search_queries >> f.add_one),
    "Queries",
    node="search_queries",
)
BROKEN.add(
    "a branch that reads the first of two names",
    lambda: (f.write_first | f.add_one.reading(hits="first").writing("second")) >> node(tell_both.function),
    "Hits:first",
    node="add_one",
)
