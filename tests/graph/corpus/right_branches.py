"""Routes and loops that are right."""

import enum
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from orchestrator import (
    SKIP,
    Answer,
    Hits,
    Node,
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
from orchestrator.ports import LanguageModel
from orchestrator.types import Facets
from tests.graph import flows as f
from tests.graph.corpus.case import Cases

RIGHT = Cases()


class Colour(enum.Enum):
    """Two colours."""

    red = "red"
    blue = "blue"


class Size(enum.StrEnum):
    """Two words."""

    small = "small"
    large = "large"


@node
async def perhaps_first(hits: Hits, first: Annotated[Hits, "first"] | None) -> Answer:
    """An optional read of a name."""
    return Answer("")


async def colour(question: Question) -> Colour:
    """Chooses a colour."""
    return Colour.red


async def size(hits: Hits) -> Size:
    """Chooses a word."""
    return Size.small


async def any_hits(hits: Hits | None) -> bool:
    """Chooses by what may be there."""
    return hits is not None


async def one_or_two(question: Question) -> Literal[1, 2]:
    """Chooses a number."""
    return 1


async def three_ways(question: Question) -> Literal["a", "b", "c"]:
    """Chooses one of three."""
    return "a"


async def by_model(question: Question, model: LanguageModel) -> Literal["short", "long"]:
    """Asks a port."""
    return "short"


async def by_facet(facet: str) -> Literal["short", "long"]:
    """Chooses by an item."""
    return "short"


def in_thread(question: Question) -> bool:
    """A selector as a plain def."""
    return True


class ByLength(Node):
    """A selector with a setting."""

    at: int = 5

    async def __call__(self, question: Question) -> Literal["short", "long"]:
        return "short"


async def five(hits: Hits) -> bool:
    """Enough were found."""
    return len(hits) >= 5


async def five_if_any(hits: Hits | None) -> bool:
    """Enough, or none yet."""
    return hits is not None


async def long_for_question(question: Question, text: Answer) -> bool:
    """Reads what the body writes, and something else."""
    return len(text.text) > len(question.text)


async def model_is_content(hits: Hits, model: LanguageModel) -> bool:
    """Asks a port of what the body writes."""
    return True


async def port_is_content(model: LanguageModel) -> bool:
    """Asks a port, and nothing of the state."""
    return True


async def out_of_time(run: Run) -> bool:
    """Asks the run."""
    return run.exhausted


async def five_first(first: Annotated[Hits, "first"]) -> bool:
    """Reads a name."""
    return len(first) >= 5


@node
async def at_least(hits: Hits, *, k: int) -> bool:
    """A condition with a setting."""
    return len(hits) >= k


FOUND = f.list_facets >> fuse(each(f.find_facet, over=Facets), by=f.rank_fusion)
INNER = workflow("inner", f.rewrite >> f.search_queries)

# Routes.
RIGHT.add("a route by words", lambda: _chosen({"short": f.add_one, "long": f.find_other}, f.by_length))
RIGHT.add("a route around", lambda: _chosen({"short": f.add_one, "long": SKIP}, f.by_length))
RIGHT.add("a route around with None", lambda: _chosen({"short": f.add_one, "long": None}, f.by_length))
RIGHT.add("a route by a bool", lambda: _chosen({True: f.add_one, False: SKIP}, five))
RIGHT.add("a route by an enum", lambda: _chosen({Colour.red: f.add_one, Colour.blue: SKIP}, colour))
RIGHT.add("a route by an enum of words", lambda: _chosen({Size.small: f.add_one, Size.large: SKIP}, size))
RIGHT.add("a route by numbers", lambda: _chosen({1: f.add_one, 2: SKIP}, one_or_two))
RIGHT.add(
    "a route of three", lambda: _chosen({"a": f.add_one, "b": f.add_one >> f.add_one, "c": SKIP}, three_ways)
)
RIGHT.add("a route by a node", lambda: _chosen({"short": f.add_one, "long": SKIP}, node(f.by_length)))
RIGHT.add("a route by a class", lambda: _chosen({"short": f.add_one, "long": SKIP}, ByLength(at=3)))
RIGHT.add("a route by a plain def", lambda: _chosen({True: f.add_one, False: SKIP}, in_thread))
RIGHT.add(
    "a route in a policy", lambda: _chosen({True: f.add_one, False: SKIP}, node(five).within(timeout=1))
)
RIGHT.add(
    "a route by a port",
    lambda: _chosen({"short": f.add_one, "long": None}, by_model),
    ports=(LanguageModel,),
)
RIGHT.add("a route in a route", lambda: _chosen({True: _chosen_inside(), False: f.add_one}, five))
RIGHT.add(
    "a route at the end", lambda: f.find >> route({"short": f.answer, "long": f.answer}, by=f.by_length)
)
RIGHT.add(
    "a route that writes on every path",
    lambda: route({"short": f.find, "long": f.rewrite >> f.search_queries}, by=f.by_length) >> f.answer,
)
RIGHT.add(
    "a route whose value is optional behind it",
    lambda: route({"short": f.find, "long": None}, by=f.by_length) >> f.answer_if_any,
)
RIGHT.add(
    "a route by what may be there",
    lambda: route({True: SKIP, False: f.find}, by=any_hits) >> f.answer_if_any,
)
RIGHT.add("a route of workflows", lambda: route({"short": INNER, "long": f.find}, by=f.by_length) >> f.answer)

RIGHT.add(
    "a route whose name is optional behind it",
    lambda: f.find >> route({"short": f.write_first, "long": None}, by=f.by_length) >> perhaps_first,
)

# Loops.
RIGHT.add("a loop", lambda: f.find >> repeat(f.add_one, until=five, at_most=3) >> f.answer)
RIGHT.add("a loop that begins with nothing", lambda: repeat(f.draft, until=f.long_enough, at_most=3))
RIGHT.add("a loop of one round", lambda: f.find >> repeat(f.add_one, until=five, at_most=1) >> f.answer)
RIGHT.add("a loop of a chain", lambda: f.find >> repeat(f.add_one >> f.add_one, until=five, at_most=3))
RIGHT.add("a loop on two values", lambda: repeat(f.draft, until=long_for_question, at_most=3))
RIGHT.add("a loop on what may be there", lambda: repeat(f.find, until=five_if_any, at_most=2) >> f.answer)
RIGHT.add("a loop on a setting", lambda: f.find >> repeat(f.add_one, until=at_least(k=4), at_most=3))
RIGHT.add(
    "a loop on a port and a value",
    lambda: f.find >> repeat(f.add_one, until=model_is_content, at_most=3),
    ports=(LanguageModel,),
)
RIGHT.add(
    "a loop on a port",
    lambda: f.find >> repeat(f.add_one, until=port_is_content, at_most=3),
    ports=(LanguageModel,),
)
RIGHT.add("a loop on the run", lambda: f.find >> repeat(f.add_one, until=out_of_time, at_most=3))
RIGHT.add(
    "a loop on a name",
    lambda: (
        f.find
        >> f.write_first
        >> repeat(f.add_one.reading(hits="first").writing("first"), until=five_first, at_most=3)
        >> f.compare
    ),
)
RIGHT.add(
    "a loop of a fusion",
    lambda: f.find >> repeat(fuse(f.add_one | f.find_other, by=rrf()), until=five, at_most=3),
)
RIGHT.add("a loop of a route", lambda: f.find >> repeat(_chosen_inside(), until=five, at_most=3) >> f.answer)
RIGHT.add("a loop of each", lambda: repeat(FOUND, until=five, at_most=3) >> f.answer)
RIGHT.add(
    "a loop of a loop",
    lambda: f.find >> repeat(repeat(f.add_one, until=five, at_most=2), until=at_least(k=9), at_most=3),
)
RIGHT.add(
    "a loop of a workflow",
    lambda: f.find >> repeat(workflow("more", f.add_one, inputs=(Hits,)), until=five, at_most=3) >> f.answer,
)


def _chosen(choices: Mapping[Any, object], by: object) -> object:
    return f.find >> route(choices, by=by) >> f.answer


def _chosen_inside() -> object:
    return route({"short": f.add_one, "long": None}, by=f.by_length)
