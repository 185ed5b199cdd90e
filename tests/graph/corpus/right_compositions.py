"""Compositions that are right: sequences, forks, maps, and workflows inside of workflows."""

from typing import Annotated, Literal

from orchestrator import (
    SKIP,
    Answer,
    Hits,
    Queries,
    Question,
    each,
    fuse,
    node,
    repeat,
    route,
    workflow,
)
from orchestrator.nodes import convex, rrf
from orchestrator.ports import Documents
from orchestrator.types import Facets, History, Query
from tests.graph import flows as f
from tests.graph.corpus.case import Cases

RIGHT = Cases()


async def asks(question: Question) -> bool:
    """Chooses yes."""
    return True


async def by_facet(facet: str) -> Literal["short", "long"]:
    """Chooses by an item."""
    return "short"


async def five(hits: Hits) -> bool:
    """Enough were found."""
    return len(hits) >= 5


@node
async def two_hits(question: Question) -> tuple[Hits, Annotated[Hits, "first"]]:
    """Two rankings."""
    return Hits(), Hits()


@node
async def hits_and_queries(question: Question) -> tuple[Hits, Queries]:
    """Two values."""
    return Hits(), Queries(())


@node
async def tell(question: Question, hits: Hits, queries: Queries) -> Answer:
    """Reads both."""
    return Answer("")


@node
async def tell_answers(texts: tuple[Answer, ...]) -> Answer:
    """A collector."""
    return Answer("")


@node
async def tell_facets(facets: Facets, rankings: tuple[Hits, ...]) -> Answer:
    """A collector that reads something else, too."""
    return Answer("")


@node
async def answer_facet(facet: str, hits: Hits) -> Answer:
    """Reads an item and what was there before."""
    return Answer("")


@node
async def search_query(query: Query) -> Hits:
    """Reads an item that is a type of ours."""
    return Hits()


@node
async def question_of(facet: str) -> Annotated[Question, "part"]:
    """Another question."""
    return Question(facet)


@node
async def recommend(history: History) -> Hits:
    """Reads an input."""
    return Hits()


@node
async def fetch(hits: Hits, documents: Documents) -> Answer:
    """Reads a port."""
    return Answer("")


@node
async def letters(question: Question) -> tuple[str, ...]:
    """A tuple to go through."""
    return ()


FORK = f.find | f.find_other
FACETS = each(f.find_facet, over=Facets)
FOUND = f.list_facets >> fuse(FACETS, by=f.rank_fusion)
INNER = workflow("inner", f.rewrite >> f.search_queries)

# Sequences and names.
RIGHT.add("a sequence", lambda: f.find >> f.add_one >> f.answer)
RIGHT.add("a sequence in brackets", lambda: f.find >> (f.add_one >> (f.add_one >> f.answer)))
RIGHT.add("a sequence around nothing", lambda: f.find >> SKIP >> f.answer)
RIGHT.add("a sequence of three hundred", lambda: _long(300))
RIGHT.add("two values of one node", lambda: hits_and_queries >> tell)
RIGHT.add("two names of one node", lambda: two_hits >> f.compare)
RIGHT.add("a value under a name", lambda: f.find >> f.find_other.writing("first") >> f.compare)
RIGHT.add("a value from a name", lambda: f.find.writing("mine") >> f.answer.reading(hits="mine"))
RIGHT.add("a name to a name", lambda: f.find.writing("a") >> f.add_one.reading(hits="a") >> f.answer)
RIGHT.add("a name that is optional", lambda: f.find.writing("a") >> f.answer_if_any.reading(hits="a"))
RIGHT.add("a value that is read twice", lambda: f.find >> f.answer.writing("a") >> _tell_both)
RIGHT.add("a value that is read and kept", lambda: _kept(f.find >> f.rewrite >> f.answer, Queries))
# The outputs are types, and a name is a part of one; nothing else could keep the channel.
RIGHT.add("a name that is kept", lambda: _kept(f.find >> f.write_first >> f.answer, Annotated[Hits, "first"]))
RIGHT.add("a last value that is kept, too", lambda: _kept(f.find >> f.answer, Answer))
RIGHT.add("no outputs but the last", lambda: workflow("w", f.find >> f.answer, outputs=()))
RIGHT.add("several outputs", lambda: workflow("w", f.find >> f.rewrite >> f.answer, outputs=(Hits, Queries)))

# Forks and fusions.
RIGHT.add("a fusion", lambda: fuse(FORK, by=f.rank_fusion) >> f.answer)
RIGHT.add("a fusion with a setting", lambda: fuse(FORK, by=f.rank_fusion(k=10)) >> f.answer)
RIGHT.add("a fusion at the end", lambda: fuse(FORK, by=rrf(60)))
RIGHT.add("a weighted fusion", lambda: fuse(FORK, by=convex()) >> f.answer)
RIGHT.add("a fusion of three", lambda: fuse(FORK | f.find(7), by=rrf()) >> f.answer)
RIGHT.add("a fusion of one node twice", lambda: fuse(f.find | f.find, by=rrf(60)) >> f.answer)
RIGHT.add("a fusion of chains", lambda: fuse((f.rewrite >> f.search_queries) | f.find, by=rrf()) >> f.answer)
RIGHT.add("a fusion in a fusion", lambda: fuse(fuse(FORK, by=rrf(10)) | f.find(9), by=rrf(60)) >> f.answer)
RIGHT.add("a fusion of workflows", lambda: fuse(INNER | f.find, by=rrf(60)) >> f.answer)
RIGHT.add("a fusion behind a value", lambda: f.find >> fuse(f.add_one | f.find_other, by=rrf()) >> f.answer)
RIGHT.add("a fusion in a policy", lambda: fuse(FORK, by=f.rank_fusion.within(timeout=2)) >> f.answer)
RIGHT.add(
    "a fusion of a route",
    lambda: fuse(f.find | route({True: f.find_other, False: f.find(9)}, by=asks), by=rrf()) >> f.answer,
)
RIGHT.add("a fork of types", lambda: (f.find | f.rewrite) >> tell)
RIGHT.add("a fork of names", lambda: (f.find | f.write_first) >> f.compare)
RIGHT.add("a fork of renamed values", lambda: (f.find | f.find_other.writing("first")) >> f.compare)
RIGHT.add("a fork of workflows", lambda: (workflow("a", f.find) | workflow("b", f.rewrite)) >> tell)

# Each.
RIGHT.add("each and a fusion", lambda: FOUND >> f.answer)
RIGHT.add("each and a collector", lambda: f.list_facets >> FACETS >> tell_facets)
RIGHT.add("each and a fusion behind it", lambda: f.list_facets >> FACETS >> f.rank_fusion >> f.answer)
RIGHT.add("each at once", lambda: f.list_facets >> each(f.find_facet, over=Facets, at_once=1) >> tell_facets)
RIGHT.add("each of a tuple", lambda: letters >> fuse(each(f.find_facet, over=tuple[str, ...]), by=rrf()))
RIGHT.add("each of a type of ours", lambda: f.rewrite >> fuse(each(search_query, over=Queries), by=rrf()))
RIGHT.add(
    "each of a chain", lambda: f.list_facets >> each(f.find_facet >> f.answer, over=Facets) >> tell_answers
)
RIGHT.add(
    "each that reads what was before",
    lambda: f.find >> f.list_facets >> each(answer_facet, over=Facets) >> tell_answers,
)
RIGHT.add(
    "each with a fusion inside",
    lambda: f.list_facets >> fuse(each(fuse(f.find_facet | f.find, by=rrf(9)), over=Facets), by=rrf(60)),
)
RIGHT.add(
    "each with a route inside",
    lambda: (
        f.list_facets
        >> fuse(each(route({"short": f.find_facet, "long": f.find}, by=by_facet), over=Facets), by=rrf())
    ),
)
RIGHT.add(
    "each with a loop inside",
    lambda: (
        f.list_facets
        >> fuse(each(f.find_facet >> repeat(f.add_one, until=five, at_most=3), over=Facets), by=rrf())
    ),
)
RIGHT.add(
    "each of a workflow",
    lambda: (
        f.list_facets
        >> fuse(each(workflow("one", f.find_facet, inputs=(Question, str)), over=Facets), by=rrf())
    ),
)
RIGHT.add(
    "each of another question",
    lambda: (
        f.list_facets >> fuse(each(question_of >> f.find.reading(question="part"), over=Facets), by=rrf())
    ),
)

# Workflows inside of workflows.
RIGHT.add("a workflow as a node", lambda: INNER >> f.answer)
RIGHT.add("a workflow twice", lambda: f.find >> _more() >> _more() >> f.answer)
RIGHT.add("a workflow in a workflow", lambda: workflow("outer", INNER >> f.add_one) >> f.answer)
RIGHT.add(
    "a workflow of other inputs", lambda: f.find >> workflow("more", f.add_one, inputs=(Hits,)) >> f.answer
)
RIGHT.add(
    "a workflow of two outputs",
    lambda: workflow("two", f.rewrite >> f.search_queries, outputs=(Queries,)) >> tell,
)
RIGHT.add(
    "a workflow from two inputs", lambda: workflow("w", recommend >> f.answer, inputs=(Question, History))
)
RIGHT.add("a workflow from hits", lambda: workflow("w", f.add_one, inputs=(Hits,)))
RIGHT.add(
    "a workflow with a port inside",
    lambda: f.find >> workflow("w", fetch, inputs=(Hits,)),
    ports=(Documents,),
)
RIGHT.add("a workflow of its own name inside", lambda: workflow("w", workflow("w", f.find) >> f.answer))
RIGHT.add("a workflow inside of thirty", lambda: _nested(30) >> f.answer)


@node
async def _tell_both(hits: Hits, text: Annotated[Answer, "a"]) -> Answer:
    return text


def _kept(body: object, tp: object) -> object:
    return workflow("w", body, outputs=(tp,))


def _long(length: int) -> object:
    graph = f.find >> f.add_one
    for _ in range(length):
        graph = graph >> f.add_one
    return graph >> f.answer


def _nested(depth: int) -> object:
    graph = workflow("inner", f.find)
    for _ in range(depth):
        graph = workflow("inner", graph)
    return graph


def _more() -> object:
    return workflow("more", f.add_one, inputs=(Hits,))
