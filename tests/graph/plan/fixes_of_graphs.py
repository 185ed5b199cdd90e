"""Advice on reads, writes, fusions, maps, routes, loops, workflows and ports."""

from __future__ import annotations

from typing import Annotated

from orchestrator import (
    SKIP,
    Hits,
    Queries,
    Question,
    each,
    fuse,
    node,
    route,
    workflow,
)
from orchestrator.nodes import rrf
from orchestrator.ports import Documents
from orchestrator.types import Facets
from tests.graph import flows as f
from tests.graph.corpus import broken_routes as routes
from tests.graph.plan import fix_nodes as n
from tests.graph.plan.fix import Fixes

FIXES = Fixes()

# Reads and writes.
FIXES.add("put a node that writes Hits before it", lambda: f.answer, lambda: f.find >> f.answer)
FIXES.add(
    '.reading(hits="first")',
    lambda: f.write_first >> f.answer,
    lambda: f.write_first >> f.answer.reading(hits="first"),
)
FIXES.add(
    "annotate it Hits, which is there without a name",
    lambda: f.find >> n.takes_first(),
    lambda: f.find >> f.answer,
)
FIXES.add(
    "drop the parameter 'first', or read what is there: .reading(first=\"first\")",
    lambda: n.both >> n.misspelt,
    lambda: n.both >> n.misspelt.reading(first="first"),
)
FIXES.add("drop the parameter 'first'", lambda: f.find >> n.misspelt, lambda: f.find >> f.answer)
FIXES.add(
    "write Hits on the other paths too, or read `Hits | None`",
    lambda: route({"short": f.find, "long": None}, by=f.by_length) >> f.answer,
    lambda: route({"short": f.find, "long": None}, by=f.by_length) >> f.answer_if_any,
)
FIXES.add(
    "write Hits on the other paths too, or read `Hits | None`",
    lambda: route({"short": f.find, "long": None}, by=f.by_length) >> f.answer,
    lambda: route({"short": f.find, "long": f.find_other}, by=f.by_length) >> f.answer,
)
FIXES.add(
    "write Hits on the other paths too.",
    lambda: fuse(f.find | route({"short": f.find_other, "long": None}, by=f.by_length), by=rrf(60)),
    lambda: fuse(f.find | route({"short": f.find_other, "long": f.find(9)}, by=f.by_length), by=rrf(60)),
)
FIXES.add(
    "compose a node that reads Queries right behind it",
    lambda: f.find >> f.rewrite >> f.answer,
    lambda: f.find >> f.rewrite >> n.read_queries,
)
FIXES.add(
    "or keep it: workflow('graph', …, outputs=(Queries,))",
    lambda: f.find >> f.rewrite >> f.answer,
    lambda: n.usual(f.find >> f.rewrite >> f.answer, outputs=(Queries,)),
)
FIXES.add(
    "or keep it: workflow('graph', …, outputs=(Facets, Queries,))",
    lambda: n.usual(f.find >> f.rewrite >> f.list_facets >> f.answer, outputs=(Facets,)),
    lambda: n.usual(f.find >> f.rewrite >> f.list_facets >> f.answer, outputs=(Facets, Queries)),
)
FIXES.add(
    'outputs=(Annotated[Hits, "first"],))',
    lambda: f.find >> f.write_first >> f.answer,
    lambda: n.usual(f.find >> f.write_first >> f.answer, outputs=(Annotated[Hits, "first"],)),
)
FIXES.add(
    "or keep it: workflow('inner', …, outputs=(Queries,))",
    lambda: workflow("inner", f.rewrite >> f.find) >> f.answer,
    lambda: n.usual(workflow("inner", f.rewrite >> f.find, outputs=(Queries,)) >> n.read_queries),
)
FIXES.add(
    "right behind it, or drop it",
    lambda: f.find >> f.find_other >> f.answer,
    lambda: f.find_other >> f.answer,
)
FIXES.add(
    "right behind it, or drop it",
    lambda: f.find >> f.find_other >> f.answer,
    lambda: f.find >> f.add_one >> f.answer,
)
FIXES.add(
    "join them, fuse(… | …, by=…), by a node that reads tuple[Hits, ...]",
    lambda: (f.find | f.find_other) >> f.answer,
    lambda: fuse(f.find | f.find_other, by=rrf(60)) >> f.answer,
)
FIXES.add(
    'or give one a name of its own, .writing("other"), and read it',
    lambda: (f.find | f.find_other) >> f.answer,
    lambda: (f.find | f.find_other.writing("other")) >> n.compare_other,
)

# Fusions and maps.
FIXES.add(
    "write fuse(parallel, *, by)",
    lambda: n.fuse_(f.find | f.find_other),
    lambda: fuse(f.find | f.find_other, by=rrf()),
)
FIXES.add("write workflow(name, body, *, inputs=", lambda: n.workflow_(f.find), lambda: workflow("w", f.find))
FIXES.add(
    "give a fuser",
    lambda: fuse(f.find | f.find_other, by=f.add_one),
    lambda: fuse(f.find | f.find_other, by=rrf(60)),
)
FIXES.add(
    "give it branches, fuse(a | b, by=…), or drop the fusion",
    lambda: fuse(f.find, by=rrf(60)),
    lambda: fuse(f.find | f.find_other, by=rrf(60)),
)
FIXES.add(
    "end every branch with a node that writes Hits",
    lambda: fuse(f.find | f.rewrite, by=rrf(60)),
    lambda: fuse(f.find | (f.rewrite >> f.search_queries), by=rrf(60)),
)
FIXES.add(
    "let it return Hits, and turn that into another type behind it",
    lambda: fuse(f.find | f.find_other, by=n.into_answer),
    lambda: fuse(f.find | f.find_other, by=rrf(60)) >> f.answer,
)
FIXES.add("give at_once a whole number", lambda: n.search_over(at_once="8"), lambda: n.search_over(at_once=8))
FIXES.add(
    "map over tuple[X, ...]",
    lambda: f.find >> fuse(each(f.find_facet, over=Question), by=rrf(60)),
    lambda: n.words >> fuse(each(f.find_facet, over=tuple[str, ...]), by=rrf(60)),
)
FIXES.add(
    "let a node of the body read str",
    lambda: n.search_over(body=f.find),
    lambda: n.search_over(body=f.find_facet),
)
FIXES.add(
    "end the body with a node that returns a value", lambda: n.search_over(body=SKIP), lambda: n.search_over()
)
FIXES.add(
    "join it: fuse(each(…), by=…)",
    lambda: f.list_facets >> each(f.find_facet, over=Facets),
    lambda: f.list_facets >> fuse(each(f.find_facet, over=Facets), by=rrf(60)),
)
FIXES.add(
    "or compose a node that reads tuple[Hits, ...] behind it",
    lambda: f.list_facets >> each(f.find_facet, over=Facets),
    lambda: f.list_facets >> each(f.find_facet, over=Facets) >> n.collect,
)

# Routes and loops.
FIXES.add(
    "give route({…}, by=…) a choice for each label",
    lambda: n.chosen({}),
    lambda: n.chosen({"short": f.add_one, "long": SKIP}),
)
FIXES.add(
    'write route({"a": …, "b": …}, by=…)',
    lambda: n.chosen([f.add_one]),
    lambda: n.chosen({"short": f.add_one, "long": SKIP}),
)
FIXES.add(
    "give a choice a node, or drop the route",
    lambda: n.chosen({"short": None, "long": None}),
    lambda: n.chosen({"short": f.add_one, "long": None}),
)
FIXES.add(
    "give it a choice: {'long': …}",
    lambda: n.chosen({"short": f.add_one}),
    lambda: n.chosen({"short": f.add_one, "long": None}),
)
FIXES.add(
    "give it a choice: {Colour.blue: …}",
    lambda: n.chosen({routes.Colour.red: f.add_one}, routes.colour),
    lambda: n.chosen({routes.Colour.red: f.add_one, routes.Colour.blue: None}, routes.colour),
)
FIXES.add(
    "or drop the choice",
    lambda: n.chosen({"short": f.add_one, "long": None, "huge": None}),
    lambda: n.chosen({"short": f.add_one, "long": None}),
)
FIXES.add(
    "give the choices labels that differ",
    lambda: n.chosen({True: f.add_one}, routes.true_or_one),
    lambda: n.chosen({1: f.add_one, 2: None}, routes.one_or_two),
)
FIXES.add(
    "annotate it -> Literal['short', 'long'], an enum or bool",
    lambda: n.chosen({"short": f.add_one, "long": None}, routes.any_word),
    lambda: n.chosen({"short": f.add_one, "long": None}),
)
FIXES.add("give at_most a whole number", lambda: n.grown(at_most=2.5), lambda: n.grown(at_most=2))
FIXES.add("give repeat(…) a body that does something", lambda: n.grown(SKIP), lambda: n.grown(f.add_one))
FIXES.add("annotate it -> bool", lambda: n.grown(until=n.count), lambda: n.grown(until=n.five))
FIXES.add(
    "let it read what the body writes: Hits", lambda: n.grown(until=n.asked), lambda: n.grown(until=n.five)
)
FIXES.add(
    "let the body write what it reads",
    lambda: n.grown(route({"short": None, "long": None}, by=f.by_length)),
    lambda: n.grown(route({"short": f.add_one, "long": None}, by=f.by_length)),
)

# Workflows and ports.
FIXES.add("write outputs=(Hits,)", lambda: n.usual(outputs=Hits), lambda: n.usual(outputs=(Hits,)))
FIXES.add("write inputs=(Question,)", lambda: n.usual(inputs=Question), lambda: n.usual(inputs=(Question,)))
FIXES.add("drop Queries from its outputs", lambda: n.usual(outputs=(Queries,)), lambda: n.usual(outputs=()))
FIXES.add(
    "drop Queries from its outputs, or compose a node that writes it",
    lambda: n.usual(outputs=(Queries,)),
    lambda: n.usual(f.find >> f.rewrite >> f.answer, outputs=(Queries,)),
)
FIXES.add(
    'give the second a name: Annotated[Question, "second"]',
    lambda: n.usual(inputs=(Question, Question)),
    lambda: n.usual(inputs=(Question, Annotated[Question, "second"])),
)
FIXES.add("compose at least one node", lambda: n.usual(SKIP), lambda: n.usual(f.find))
FIXES.add(
    "compose it of workflows that are made before it",
    n.inside_of_itself,
    lambda: workflow("own", f.find >> f.answer),
)
FIXES.add(
    "give one in ports={Documents: …}",
    lambda: node(n.port_as_parameter),
    lambda: node(n.port_as_parameter),
    (Documents,),
)
FIXES.add(
    "or annotate it Documents | None", lambda: node(n.port_as_parameter), lambda: node(n.perhaps_port), ()
)
