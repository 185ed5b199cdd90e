"""`repeat`: conditions that the body cannot change, rounds that are no number, bodies that do nothing."""

import functools
import math
from typing import Annotated, Any, Literal

from orchestrator import SKIP, Answer, Hits, Queries, Question, each, fuse, node, repeat, route, workflow
from orchestrator.ports import Documents
from orchestrator.types import Facets, History
from tests.graph import flows as f
from tests.graph.corpus.case import Cases

BROKEN = Cases()


async def five(hits: Hits) -> bool:
    """Enough were found."""
    return len(hits) >= 5


async def asked_enough(queries: Queries) -> bool:
    """Reads queries."""
    return len(queries) > 3


async def long_question(question: Question) -> bool:
    """The question stays as it is."""
    return len(question.text) > 3


async def five_first(first: Annotated[Hits, "first"]) -> bool:
    """Reads a named channel."""
    return len(first) >= 5


async def five_misspelt(first: Annotated[Hits, "frist"] | None) -> bool:
    """Reads a misspelt channel, and so never anything."""
    return first is not None


async def known_user(history: History) -> bool:
    """Reads what the workflow is not given."""
    return bool(history.user)


async def same_documents(hits: Hits, documents: Documents) -> bool:
    """Asks a port."""
    return True


async def some(hits: Hits) -> int:
    """A number."""
    return len(hits)


async def word(hits: Hits) -> str:
    """A word."""
    return "yes"


async def chosen(hits: Hits) -> Literal["stop", "go"]:
    """A choice, as for a route."""
    return "stop"


async def maybe(hits: Hits) -> bool | None:
    """Yes, no, or nothing."""
    return None


async def effect(hits: Hits) -> None:
    """Nothing."""


async def whatever(hits: Hits) -> Any:
    """Anything."""
    return True


async def pair(hits: Hits) -> tuple[bool, Hits]:
    """Two values."""
    return True, hits


async def unannotated(hits: Hits):
    """Does not say what it returns."""
    return True


async def unannotated_read(hits) -> bool:
    """Does not say what it reads."""
    return True


async def unresolved(hits: "Nowhere") -> bool:  # noqa: F821
    """Reads an unknown type."""
    return True


async def yields(hits: Hits) -> bool:
    """A generator."""
    yield True


async def at_least(hits: Hits, *, k: int) -> bool:
    """A setting that is not given."""
    return len(hits) >= k


async def plain(hits: Hits) -> Hits:
    """A function that nobody decorated."""
    return hits


@node
async def note(hits: Hits) -> None:
    """Writes nothing."""


@node
async def rewrite_again(queries: Queries) -> Queries:
    """Other queries."""
    return queries


def grow(until: object = five, body: object = f.add_one, at_most: object = 3) -> object:
    """The usual loop with another condition, body or number of rounds."""
    return f.find >> repeat(body, until=until, at_most=at_most) >> f.answer


BROKEN.add("a loop of no rounds", lambda: grow(at_most=0), "at_most")
BROKEN.add("a loop of fewer than no rounds", lambda: grow(at_most=-1), "at_most")
BROKEN.add("a loop of rounds as text", lambda: grow(at_most="3"), "at_most")
BROKEN.add("a loop of true rounds", lambda: grow(at_most=True), "at_most")
BROKEN.add("a loop of two and a half rounds", lambda: grow(at_most=2.5), "at_most")
BROKEN.add("a loop without a number of rounds", lambda: grow(at_most=None), "at_most")
BROKEN.add("a loop of endless rounds", lambda: grow(at_most=math.inf), "at_most")
BROKEN.add("a loop of rounds that are no number", lambda: grow(at_most=math.nan), "at_most")
BROKEN.add("a loop of rounds as a list", lambda: grow(at_most=[3]), "at_most")

BROKEN.add("a loop of nothing", lambda: grow(body=SKIP), "nothing")
BROKEN.add("a loop of None", lambda: grow(body=None), "None")
BROKEN.add("a loop of a number", lambda: grow(body=5), "int")
BROKEN.add("a loop of a plain function", lambda: grow(body=plain), "@node", node="plain")
BROKEN.add("a loop of a class", lambda: grow(body=f.Shout), "Shout(…)")
BROKEN.add("a loop of a list", lambda: grow(body=[f.add_one]), "list")
BROKEN.add(
    "a loop of choices that do nothing",
    lambda: grow(body=route({"short": None, "long": SKIP}, by=f.by_length)),
    "five",
)

BROKEN.add("a condition of a number", lambda: grow(some), "bool", node="some")
BROKEN.add("a condition of a word", lambda: grow(word), "bool", node="word")
BROKEN.add("a condition of a choice", lambda: grow(chosen), "bool", node="chosen")
BROKEN.add("a condition of perhaps", lambda: grow(maybe), "bool", node="maybe")
BROKEN.add("a condition of nothing", lambda: grow(effect), "bool", node="effect")
BROKEN.add("a condition of anything", lambda: grow(whatever), "return", node="whatever")
BROKEN.add("a condition of two values", lambda: grow(pair), "bool", node="pair")
BROKEN.add("a condition without a return type", lambda: grow(unannotated), "return", node="unannotated")
BROKEN.add("a condition without a type to read", lambda: grow(unannotated_read), "annotate", "hits")
BROKEN.add("a condition of an unknown type", lambda: grow(unresolved), "Nowhere", node="unresolved")
BROKEN.add("a condition that yields", lambda: grow(yields), "generator", node="yields")
BROKEN.add("a condition that lacks a setting", lambda: grow(at_least), "k=", node="at_least")
BROKEN.add("a condition that is true", lambda: grow(True), "bool")
BROKEN.add("a condition that is None", lambda: grow(None), "None")
BROKEN.add("a condition that is a word", lambda: grow("five"), "str")
BROKEN.add("a condition that is a class", lambda: grow(Facets), "Facets")
BROKEN.add("a condition that is a lambda", lambda: grow(lambda hits: True), "annotate")
BROKEN.add("a condition that is a partial", lambda: grow(functools.partial(at_least, k=3)), "partial")
BROKEN.add("a condition that is a node of hits", lambda: grow(f.add_one), "bool", node="add_one")
BROKEN.add("a condition that is a sequence", lambda: grow(f.find_other >> node(five)), "one node")
BROKEN.add("a condition of no attempts", lambda: grow(node(five).within(attempts=0)), "attempt", node="five")

BROKEN.add("a condition that nobody writes for", lambda: grow(asked_enough), "Queries", node="asked_enough")
BROKEN.add("a condition on no input", lambda: grow(known_user), "History", node="known_user")
BROKEN.add("a condition on a channel that is not there", lambda: grow(five_first), "Hits:first")
BROKEN.add("a condition on a misspelt channel", lambda: grow(five_misspelt), "frist", node="five_misspelt")
BROKEN.add("a condition on the question", lambda: grow(long_question), "Question", node="long_question")
BROKEN.add(
    "a condition on what was written before the loop",
    lambda: f.rewrite >> f.find >> repeat(f.add_one, until=asked_enough, at_most=3) >> f.answer,
    "Queries",
    node="asked_enough",
)
BROKEN.add(
    "a condition on what another name holds",
    lambda: f.write_first >> f.find >> repeat(f.add_one, until=five_first, at_most=3) >> f.compare,
    "Hits:first",
    node="five_first",
)
BROKEN.add("a body without an effect on the condition", lambda: grow(body=note), "Hits", node="five")
BROKEN.add(
    "a loop in a loop whose condition is the outer one's",
    lambda: (
        f.rewrite
        >> f.find
        >> repeat(rewrite_again >> repeat(f.add_one, until=asked_enough, at_most=2), until=five, at_most=3)
        >> f.answer
    ),
    "Queries",
    node="asked_enough",
)
BROKEN.add(
    "a condition whose port is missing",
    lambda: grow(same_documents),
    "Documents",
    node="same_documents",
    ports=(),
)
BROKEN.add(
    "a condition on a value inside of a workflow",
    lambda: (
        f.find
        >> repeat(workflow("inner", f.rewrite >> f.search_queries), until=asked_enough, at_most=3)
        >> f.answer
    ),
    "Queries",
    node="asked_enough",
)
BROKEN.add(
    "a condition on a value of each item",
    lambda: (
        f.list_facets
        >> repeat(
            fuse(each(f.find_facet >> f.answer.writing("one"), over=Facets), by=f.rank_fusion),
            until=_one_long,
            at_most=3,
        )
        >> f.answer
    ),
    "Answer:one",
)

BROKEN.add(
    "a first round that reads what the body writes",
    lambda: repeat(f.add_one, until=five, at_most=3) >> f.answer,
    "Hits",
    node="add_one",
)
BROKEN.add(
    "a first round that reads what comes later in it",
    lambda: repeat(f.search_queries >> f.rewrite, until=five, at_most=3) >> f.answer,
    "Queries",
    node="search_queries",
)
BROKEN.add(
    "a body with a dead end",
    lambda: grow(body=f.add_one >> f.list_facets),
    "dead end",
    "Facets",
    node="list_facets",
)
BROKEN.add("a loop of side by side writers", lambda: grow(body=f.add_one | f.find_other), "side by side")
BROKEN.add(
    "a loop that ends in each",
    lambda: f.list_facets >> repeat(each(f.find_facet, over=Facets), until=five, at_most=3) >> f.answer,
    "Hits",
)
BROKEN.add(
    "a value that one path of a body writes",
    lambda: repeat(route({"short": f.find, "long": None}, by=f.by_length), until=five, at_most=3) >> f.answer,
    "every path",
    node="five",
)


async def _one_long(one: Annotated[Answer, "one"]) -> bool:
    return len(one.text) > 3
