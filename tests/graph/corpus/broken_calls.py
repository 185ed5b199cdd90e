"""Calls and operators that compose nothing: arguments that are missing, places that only a node has."""

import functools
import types
from typing import Any

import numpy as np

from orchestrator import SKIP, Answer, Hits, Node, Question, each, fuse, node, repeat, route, workflow
from orchestrator.errors import BadInput
from orchestrator.nodes import rrf
from orchestrator.ports import Documents
from orchestrator.types import Facets
from tests.graph import flows as f
from tests.graph.corpus.case import Cases

BROKEN = Cases()


async def enough(hits: Hits) -> bool:
    """A condition."""
    return True


class Machine:
    """Callable, static and class methods, and a call that is no coroutine."""

    def __call__(self, question: Question) -> Hits:
        return Hits()

    @classmethod
    def made(cls, question: Question) -> Hits:
        """A method of the class."""
        return Hits()


SEQUENCE: Any = f.find >> f.answer
FORK: Any = f.find | f.find_other
MAP: Any = f.list_facets >> fuse(each(f.find_facet, over=Facets), by=rrf(60))
LOOP: Any = repeat(f.add_one, until=enough, at_most=2)
CHOICE: Any = route({"short": f.add_one, "long": None}, by=f.by_length)
INNER: Any = workflow("inner", f.find)
untyped: Any = node
#: The same, without what a type checker would say of the calls below.
fuse_: Any = fuse
each_: Any = each
route_: Any = route
repeat_: Any = repeat
workflow_: Any = workflow

# Given to node().
BROKEN.add("node of a callable with a plain call", lambda: node(Machine()) >> f.answer, "Machine")
BROKEN.add("node of a partial that looks like its function", lambda: node(_partial()) >> f.answer, "partial")
BROKEN.add("node of a partial method", lambda: node(functools.partialmethod(enough)), "partialmethod")
BROKEN.add("node of a namespace", lambda: node(types.SimpleNamespace()) >> f.answer, "SimpleNamespace")
BROKEN.add("node of two functions", lambda: untyped(enough, enough) >> f.answer, "function")
BROKEN.add("node with a policy", lambda: untyped(timeout=3)(enough) >> f.answer, "within")
BROKEN.add("node of a broken node, in a policy", lambda: node(5).within(timeout=2) >> f.answer, "int")
BROKEN.add("node of a broken node, renamed", lambda: node(5).named("x").writing("y") >> f.answer, "int")
BROKEN.add("node of a broken node, with settings", lambda: node(5)(k=3) >> f.answer, "int")
BROKEN.add("node of a sequence", lambda: node(SEQUENCE), "sequence")
BROKEN.add("node of a type of values", lambda: node(tuple[Hits, ...]) >> f.answer, "tuple")
BROKEN.add("node of print", lambda: node(print) >> f.answer, "print")
BROKEN.add("node of a method of a value", lambda: node("find".upper) >> f.answer, "upper")

# Told to what is no node.
for name, built in {
    "a sequence": SEQUENCE,
    "a fork": FORK,
    "a map": MAP,
    "a loop": LOOP,
    "a choice": CHOICE,
    "a workflow": INNER,
    "nothing": SKIP,
}.items():
    BROKEN.add(f"a timeout of {name}", lambda built=built: built.within(timeout=2), "within")
    BROKEN.add(f"a name of {name}", lambda built=built: built.named("x"), "named")
    BROKEN.add(f"a channel of {name}", lambda built=built: f.find >> built.writing("x"), "writing")
    BROKEN.add(f"a rebound read of {name}", lambda built=built: f.find >> built.reading(hits="x"), "reading")
BROKEN.add("settings behind a place", lambda: f.find.named("x")(k=3) >> f.answer, "settings")

# Other operators.
for name, built in {
    "plus": lambda: f.find + f.answer,
    "and": lambda: f.find & f.answer,
    "greater": lambda: f.find > f.answer,
    "the other way": lambda: f.answer << f.find,
}.items():
    BROKEN.add(f"nodes joined by {name}", built, ">>")

# Arguments that are missing or unknown.
BROKEN.add("a fusion without its fuser", lambda: fuse_(FORK) >> f.answer, "by")
BROKEN.add("a fusion of two arguments", lambda: fuse_(f.find, f.find_other, by=rrf(60)), "fuse")
BROKEN.add("each without a collection", lambda: f.list_facets >> each_(f.find_facet), "over")
BROKEN.add("each with a misspelt number", lambda: each_(f.find_facet, over=Facets, at_one=3), "at_one")
BROKEN.add("a route without its selector", lambda: f.find >> route_({"a": f.add_one}), "by")
BROKEN.add("a route by words", lambda: f.find >> route_(short=f.add_one, by=f.by_length), "choices")
BROKEN.add("a loop without its condition", lambda: f.find >> repeat_(f.add_one, at_most=3), "until")
BROKEN.add("a loop without its bound", lambda: f.find >> repeat_(f.add_one, until=enough), "at_most")
BROKEN.add("a workflow without its name", lambda: workflow_(SEQUENCE), "body")
BROKEN.add("a workflow with an unknown argument", lambda: workflow_("w", SEQUENCE, output=Hits), "output")
BROKEN.add("a policy of an unknown part", lambda: f.find.within(retries=3) >> f.answer, "retries")
BROKEN.add("a policy by its place", lambda: f.find.within(3) >> f.answer, "within")
BROKEN.add("a policy of an unknown part, later", lambda: f.find.named("x").within(tries=3), "tries")
BROKEN.add("a name without a name", lambda: f.find.named() >> f.answer, "name")
BROKEN.add("a channel by its place", lambda: f.find >> f.answer.reading("first"), "reading")


def _partial() -> object:
    return functools.update_wrapper(functools.partial(f.find.function, k=3), f.find.function)


def _named(name: str) -> object:
    """A class with a setting that every node has."""
    return type("Odd", (Node,), {"__annotations__": {name: str}, name: "x", "__module__": __name__})


for name in ("title", "function", "settings", "within"):
    BROKEN.add(f"a setting that is called {name}", lambda name=name: _named(name), name, refused=BadInput)


class Late(Node):
    """A field behind one with a default is given by name."""

    k: int = 1

    async def __call__(self, question: Question) -> Answer:
        return Answer("")


BROKEN.add(
    "a class that is called with a question",
    lambda: Late(question=Question("q")),
    "question",
    refused=BadInput,
)


class Static(Node):
    """Its work is no method."""

    @staticmethod
    async def __call__(question: Question) -> Hits:
        return Hits()


class OfClass(Node):
    """Its work is one of the class."""

    @classmethod
    async def __call__(cls, question: Question) -> Hits:
        return Hits()


class Numbered(Node):
    """Its name is a number."""

    label = 5

    async def __call__(self, question: Question) -> Hits:
        return Hits()


class NeedsDocuments(Node):
    """A port where settings are."""

    documents: Documents | None = None

    async def __call__(self, question: Question) -> Hits:
        return Hits()


BROKEN.add("a node whose work is static", lambda: Static() >> f.answer, "__call__", node="static")
BROKEN.add("a node whose work is its class's", lambda: OfClass() >> f.answer, "__call__", node="of_class")
BROKEN.add("a node whose label is a number", lambda: Numbered() >> f.answer, "5")
BROKEN.add("a port as a field", lambda: NeedsDocuments() >> f.answer, "Documents", node="needs_documents")
BROKEN.add("a node named with an array", lambda: f.find.named(np.zeros(2)) >> f.answer, "name")
BROKEN.add("a fusion of a node named with a number", lambda: fuse(f.find.named(5) | f.rewrite, by=rrf()), "5")
BROKEN.add("a sequence behind an array", lambda: np.zeros(2) >> f.find >> f.answer, "ndarray")
