"""Values that nobody reads, and reads of what nobody writes."""

import sqlite3
from typing import Annotated, Optional

from orchestrator import Answer, Hits, Queries, Question, each, fuse, node, repeat, route, workflow
from orchestrator.types import Context, Facets
from tests.graph import flows as f
from tests.graph.corpus.case import Cases

BROKEN = Cases()


@node
async def find_and_rewrite(question: Question) -> tuple[Hits, Queries]:
    """Two values."""
    return Hits(), Queries(())


@node
async def find_twice(question: Question) -> tuple[Hits, Annotated[Hits, "first"]]:
    """Two rankings."""
    return Hits(), Hits()


@node
async def note(hits: Hits) -> None:
    """Reads, and writes nothing."""


@node
async def tell_context(context: Context) -> Answer:
    """Reads a context."""
    return Answer("")


@node
async def read_database(question: Question, database: sqlite3.Connection) -> Hits:
    """Asks for a class, and not for a port."""
    return Hits()


@node
async def misspelt(hits: Hits, first: Annotated[Hits, "frist"] | None) -> Answer:
    """An optional name that nobody writes."""
    return Answer("")


@node
async def misspelt_inside(hits: Hits, first: Annotated[Hits | None, "frist"]) -> Answer:
    """The same with the None inside."""
    return Answer("")


@node
async def misspelt_old(hits: Hits, first: Optional[Annotated[Hits, "frist"]]) -> Answer:  # noqa: UP045
    """The same in the old spelling."""
    return Answer("")


@node
async def by_case(hits: Hits, first: Annotated[Hits, "First"] | None) -> Answer:
    """The same but for a capital."""
    return Answer("")


@node
async def reads_two(text: Answer, context: Context) -> Answer:
    """Reads two that nobody writes."""
    return text


async def by_facets(facets: Facets | None) -> bool:
    """Reads what may be there."""
    return facets is not None


# What nobody reads.
BROKEN.add("a value that nobody reads", lambda: f.find >> f.rewrite >> f.answer, "dead end", node="rewrite")
BROKEN.add("a value that is overwritten unread", lambda: f.find >> f.find_other >> f.answer, "dead end")
BROKEN.add("a value beside the way", lambda: (f.find | f.rewrite) >> f.answer, "dead end", node="rewrite")
BROKEN.add("a name that nobody reads", lambda: f.find >> f.write_first >> f.answer, "Hits:first", "dead end")
BROKEN.add("a second value that nobody reads", lambda: find_and_rewrite >> f.answer, "Queries", "dead end")
BROKEN.add("a second name that nobody reads", lambda: find_twice >> f.answer, "Hits:first", "dead end")
BROKEN.add(
    "three values that nobody reads",
    lambda: f.find >> f.rewrite >> f.list_facets >> f.write_first >> f.answer,
    "Queries",
    "Facets",
    "Hits:first",
    "dead end",
)
BROKEN.add("an answer that is answered again", lambda: f.find >> f.answer >> f.answer, "dead end", "Answer")
BROKEN.add("a value behind the last reader", lambda: f.find >> f.write_first, "dead end", "Hits", node="find")
BROKEN.add(
    "a value of a nested workflow that nobody reads",
    lambda: f.find >> workflow("inner", f.rewrite) >> f.answer,
    "Queries",
    "dead end",
)
BROKEN.add(
    "a value inside of a workflow that nobody reads",
    lambda: workflow("inner", f.rewrite >> f.find) >> f.answer,
    "Queries",
    "dead end",
)
BROKEN.add(
    "a value of both branches that nobody reads",
    lambda: f.find >> route({"short": f.rewrite, "long": f.list_facets}, by=f.by_length) >> f.answer,
    "Queries",
    "Facets",
    "dead end",
)
BROKEN.add(
    "a value that a route overwrites on every path",
    lambda: f.find >> route({"short": f.find_other, "long": f.find(5)}, by=f.by_length) >> f.answer,
    "dead end",
    node="find",
)
BROKEN.add(
    "a value of an item that nobody reads",
    lambda: f.list_facets >> fuse(each(f.rewrite >> f.find_facet, over=Facets), by=f.rank_fusion) >> f.answer,
    "Queries",
    "dead end",
)
BROKEN.add("facets that nobody goes through", lambda: f.find >> f.list_facets >> f.answer, "Facets")
BROKEN.add("a fused ranking that is overwritten", lambda: _fused() >> f.find >> f.answer, "dead end", "Hits")

# What nobody writes.
BROKEN.add("a read of what nobody writes", lambda: f.answer, "Hits", node="answer")
BROKEN.add("a read of what comes later", lambda: f.answer >> f.find, "Hits", node="answer")
BROKEN.add("a read of another type", lambda: f.find >> tell_context, "Context", node="tell_context")
BROKEN.add("reads of two that nobody writes", lambda: reads_two, "Answer", "Context", node="reads_two")
BROKEN.add("a read of a class", lambda: read_database >> f.answer, "Connection", node="read_database")
BROKEN.add("a read of a name", lambda: f.find >> f.compare, "Hits:first", node="compare")
BROKEN.add("a read of no name", lambda: f.write_first >> f.answer, "Hits", node="answer")
BROKEN.add(
    "a read of a misspelt name", lambda: f.find >> f.answer.reading(hits="frist"), "frist", node="answer"
)
BROKEN.add("an optional read of a misspelt name", lambda: find_twice >> misspelt, "frist", node="misspelt")
BROKEN.add("an optional name that nobody writes", lambda: f.find >> misspelt, "frist", node="misspelt")
BROKEN.add(
    "an optional name with None inside", lambda: f.find >> misspelt_inside, "frist", node="misspelt_inside"
)
BROKEN.add("an optional name, the old way", lambda: f.find >> misspelt_old, "frist", node="misspelt_old")
BROKEN.add("an optional name in capitals", lambda: find_twice >> by_case, "First", node="by_case")
BROKEN.add(
    "an optional read that is sent to a misspelt name",
    lambda: f.write_first >> f.answer_if_any.reading(hits="frist"),
    "frist",
    node="answer_if_any",
)
BROKEN.add("a read of a value behind an effect", lambda: f.find >> note >> f.search_queries, "Queries")
BROKEN.add(
    "a read of a tuple that nobody makes", lambda: f.find >> f.rank_fusion >> f.answer, "tuple[Hits, ...]"
)
BROKEN.add(
    "a read beside a loop of what nobody writes",
    lambda: (f.find >> repeat(f.add_one, until=_five, at_most=2) | f.search_queries) >> f.answer,
    "Queries",
)
BROKEN.add(
    "a read of what a workflow keeps inside",
    lambda: workflow("inner", f.rewrite >> f.search_queries) >> f.search_queries >> f.answer,
    "Queries",
    node="search_queries",
)
BROKEN.add(
    "a read of an item behind each",
    lambda: (
        f.list_facets
        >> fuse(each(f.find_facet, over=Facets), by=f.rank_fusion)
        >> f.find_facet.named("again")
        >> f.answer
    ),
    "str",
    node="again",
)
BROKEN.add(
    "a value of one path that nobody reads",
    lambda: route({True: f.list_facets >> f.find, False: f.find}, by=by_facets) >> f.answer,
    "dead end",
    "Facets",
)
BROKEN.add(
    "faults of four kinds at once",
    lambda: (
        (f.find | f.find_other)
        >> f.compare
        >> f.rewrite.within(attempts=0)
        >> each(5, over="facets")
        >> "end"
    ),
    "side by side",
    "Hits:first",
    "attempt",
    "str",
    "int",
    "facets",
)


def _fused() -> object:
    return fuse(f.find | f.find_other, by=f.rank_fusion)


async def _five(hits: Hits) -> bool:
    return len(hits) >= 5
