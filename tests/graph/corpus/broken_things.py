"""Things that are no nodes, where a node is asked for."""

import functools
import operator
from collections.abc import AsyncIterator, Iterator

from orchestrator import Answer, Hits, Node, Question, each, node, route, workflow
from orchestrator.errors import BadInput
from tests.graph import flows as f
from tests.graph.corpus.case import Cases

BROKEN = Cases()


async def plain(question: Question) -> Hits:
    """A function that nobody decorated."""
    return Hits()


async def with_setting(question: Question, *, k: int) -> Hits:
    """Something to bind a setting of."""
    return Hits()


class Searcher:
    """An object that can be called, and is no `Node`."""

    async def __call__(self, question: Question) -> Hits:
        return Hits()

    async def search(self, question: Question) -> Hits:
        """A method that is decorated without its object."""
        return Hits()


class Wordless(Node):
    """A node that does nothing: its `__call__` is missing."""

    k: int = 1


class Careless(Node):
    """A node whose work has no annotations."""

    async def __call__(self, hits):
        return hits


class Streaming(Node):
    """A node whose work yields."""

    async def __call__(self, question: Question) -> Answer:
        yield Answer("")


def yields(question: Question) -> Iterator[Hits]:
    """A generator."""
    yield Hits()


async def yields_later(question: Question) -> AsyncIterator[Hits]:
    """A generator that awaits."""
    yield Hits()


def a_coroutine() -> object:
    """What a function that was called instead of named gives."""
    coroutine = plain(Question("q"))
    coroutine.close()
    return coroutine


# Given to node().
BROKEN.add("node of a partial", lambda: node(functools.partial(with_setting, k=3)) >> f.answer, "partial")
BROKEN.add("node of a callable object", lambda: node(Searcher()) >> f.answer, "Searcher")
BROKEN.add("node of a number", lambda: node(5) >> f.answer, "int")
BROKEN.add("node of a string", lambda: node("find") >> f.answer, "str")
BROKEN.add("node of nothing", lambda: node(None) >> f.answer, "None")
BROKEN.add("node of a list", lambda: node([plain]) >> f.answer, "list")
BROKEN.add("node of a class", lambda: node(Searcher) >> f.answer, "Searcher", "class")
BROKEN.add("node of a type that flows", lambda: node(Hits) >> f.answer, "Hits", "class")
BROKEN.add("node of a node class", lambda: node(f.Shout), "Shout", "class")
BROKEN.add("node of a node", lambda: node(f.find) >> f.answer, "find", "@node")
BROKEN.add("node of a workflow", lambda: node(workflow("inner", f.find)) >> f.answer, "inner", "workflow")
BROKEN.add("node of a lambda", lambda: node(lambda question: Hits()) >> f.answer, "annotate", node="lambda")
BROKEN.add("node of a coroutine", lambda: node(a_coroutine()) >> f.answer, "coroutine")
BROKEN.add("node of a generator", lambda: node(yields) >> f.answer, "generator", node="yields")
BROKEN.add(
    "node of an asynchronous generator",
    lambda: node(yields_later) >> f.answer,
    "generator",
    node="yields_later",
)
BROKEN.add("node of a builtin", lambda: node(len) >> f.answer_if_any, "len")
BROKEN.add("node of a builtin without a signature", lambda: node(max) >> f.answer_if_any, "max")
BROKEN.add("node of a builtin class", lambda: node(dict) >> f.answer_if_any, "dict")
BROKEN.add("node of an item getter", lambda: node(operator.itemgetter(0)) >> f.answer_if_any, "itemgetter")
BROKEN.add("node of a method without its object", lambda: node(Searcher.search) >> f.answer, "self")
BROKEN.add("node of a property", lambda: node(Hits.ids) >> f.answer, "property")

# Composed with >> and |.
BROKEN.add("a partial in a sequence", lambda: functools.partial(with_setting, k=3) >> f.answer, "partial")
BROKEN.add("a callable object in a sequence", lambda: f.find >> Searcher() >> f.answer, "Searcher")
BROKEN.add("a plain function in a sequence", lambda: plain >> f.answer, "@node", node="plain")
BROKEN.add("the function of a node", lambda: f.find >> f.answer.function, "@node", node="answer")
BROKEN.add("a lambda in a sequence", lambda: f.find >> (lambda hits: hits) >> f.answer, "@node")
BROKEN.add("a number in a sequence", lambda: f.find >> 5, "int")
BROKEN.add("None in a sequence", lambda: f.find >> None >> f.answer, "None")
BROKEN.add("None at the beginning", lambda: None >> f.find, "None")
BROKEN.add("an ellipsis in a sequence", lambda: f.find >> ... >> f.answer, "ellipsis")
BROKEN.add("a truth in a sequence", lambda: f.find >> True, "bool")
BROKEN.add("a list in a sequence", lambda: f.find >> [f.add_one, f.answer], "list")
BROKEN.add("a dict in a sequence", lambda: f.find >> {"short": f.add_one} >> f.answer, "dict")
BROKEN.add("a coroutine in a sequence", lambda: f.find >> a_coroutine() >> f.answer, "coroutine")
BROKEN.add("a node class in a sequence", lambda: f.find >> f.Shout, "Shout(…)")
BROKEN.add("a type in a sequence", lambda: f.find >> Hits >> f.answer, "Hits", "class")
BROKEN.add("a builtin in a sequence", lambda: f.find >> print >> f.answer, "print")
BROKEN.add("a module in a sequence", lambda: f.find >> f, "module")
BROKEN.add("a generator object in a sequence", lambda: f.find >> (n for n in (f.answer,)), "generator")
BROKEN.add("None beside a node", lambda: (f.find | None) >> f.answer, "None")
BROKEN.add("a number beside a node", lambda: (f.find | 5) >> f.answer, "int")
BROKEN.add("a list beside a node", lambda: (f.find | [f.find_other]) >> f.answer, "list")
BROKEN.add("a class beside a node", lambda: (f.Shout | f.find) >> f.answer, "Shout(…)")
BROKEN.add("a string beside a node", lambda: ("find" | f.find) >> f.answer, "str")
BROKEN.add("a function beside a node", lambda: (f.find | plain) >> f.answer, "@node", node="plain")

# Given to workflow().
BROKEN.add("a workflow of a number", lambda: workflow("w", 5), "int")
BROKEN.add("a workflow of nothing", lambda: workflow("w", None), "None")
BROKEN.add("a workflow of a list", lambda: workflow("w", [f.find, f.answer]), "list")
BROKEN.add("a workflow of a tuple", lambda: workflow("w", (f.find, f.answer)), "tuple")
BROKEN.add("a workflow of a dict", lambda: workflow("w", {"a": f.find}), "dict")
BROKEN.add("a workflow of a string", lambda: workflow("w", "find >> answer"), "str")
BROKEN.add("a workflow of a class", lambda: workflow("w", f.Shout), "Shout(…)")
BROKEN.add("a workflow of a function", lambda: workflow("w", plain), "@node", node="plain")
BROKEN.add("a workflow of the operator itself", lambda: workflow("w", each), "each")
BROKEN.add("a workflow of the maker of workflows", lambda: f.find >> workflow, "workflow")
BROKEN.add("a workflow of a router", lambda: workflow("w", route), "route")
BROKEN.add("a workflow of a question", lambda: workflow("w", Question("q")), "Question")

# Nodes that are half written.
BROKEN.add("a node without its work", lambda: Wordless() >> f.answer_if_any, "__call__", node="wordless")
BROKEN.add("a node whose work is not annotated", lambda: f.find >> Careless(), "annotate", node="careless")
BROKEN.add("a node whose work yields", Streaming, "generator", node="streaming")
BROKEN.add(
    "a node that is called with values",
    lambda: f.find >> f.answer(Question("q"), Hits()),
    "answer",
    refused=BadInput,
)
BROKEN.add(
    "a node class that is called with values", lambda: f.Shout(Question("q"), 1), "Shout", refused=BadInput
)
BROKEN.add("the bare Node", lambda: Node() >> f.answer_if_any, "Node", "__call__")

# Operators that compose nothing.
for name, build in {
    "-": lambda: f.find - f.answer,
    "*": lambda: 3 * f.find,
    "/": lambda: f.find / f.answer,
    "//": lambda: f.find // f.answer,
    "%": lambda: f.find % f.answer,
    "**": lambda: f.find**2,
    "@": lambda: f.find @ f.answer,
    "^": lambda: f.find ^ f.answer,
    "<": lambda: f.find < f.answer,
    ">=": lambda: f.find >= f.answer,
    "~": lambda: ~f.find,
}.items():
    BROKEN.add(f"nodes joined by {name}", build, f"joined by {name}", ">>")


class Found:
    """A class that decorates a classmethod before there is the class."""

    @node
    @classmethod
    async def find(cls, question: Question) -> Hits:
        """A method of the class."""
        return Hits()


BROKEN.add("a classmethod of no class yet", lambda: Found.find >> f.answer, "classmethod", node="find")


class Wild:
    """An object that answers to nothing, not even to repr."""

    def __getattr__(self, name: str) -> object:
        raise RuntimeError(name)

    def __repr__(self) -> str:
        raise RuntimeError("no words")


def marked(**attributes: object) -> object:
    """A node of a function with attributes that Python follows."""

    async def find(question: Question) -> Hits:
        return Hits()

    for name, value in attributes.items():
        setattr(find, name, find if value == "itself" else value)
    return node(find) >> f.answer


BROKEN.add("an object that answers to nothing", lambda: f.find >> Wild() >> f.answer, "a Wild")
BROKEN.add("a function that wraps itself", lambda: marked(__wrapped__="itself"), "signature", node="find")
BROKEN.add("a function that wraps no function", lambda: marked(__wrapped__=5), "signature", node="find")
BROKEN.add("a signature that is none", lambda: marked(__signature__="(question)"), "signature", node="find")
