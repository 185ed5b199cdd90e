"""Names that a trace, a checkpoint or the scheduler cannot hold, or that stand for two things."""

from typing import Annotated

from orchestrator import Answer, Hits, Question, each, fuse, node, repeat, route, workflow
from orchestrator.types import Facets
from tests.graph import flows as f
from tests.graph.corpus.case import Cases

BROKEN = Cases()

#: Names that nothing may have: name of the case → (name, a word about it).
NAMES: dict[str, tuple[object, str]] = {
    "None": (None, "None"),
    "nothing": ("", "name"),
    "a blank": (" ", "name"),
    "a tab": ("\t", "name"),
    "two lines": ("a\nb", "a\\nb"),
    "a line end": ("find\n", "find\\n"),
    "a null": ("a\0b", "a\\x00b"),
    "a number": (5, "5"),
    "true": (True, "True"),
    "bytes": (b"find", "b'find'"),
    "a list": (["find"], "find"),
    "a type": (Hits, "Hits"),
    "the end of the graph": ("__end__", "__end__"),
    "the start of the graph": ("__start__", "__start__"),
    "a colon": ("a:b", "a:b"),
    "a bar": ("a|b", "a|b"),
    "a hash": ("a#2", "a#2"),
}

for name, (value, word) in NAMES.items():
    BROKEN.add(f"a workflow named with {name}", lambda value=value: workflow(value, f.find >> f.answer), word)
    # An empty name of a place means the node's own.
    if value not in (None, ""):
        BROKEN.add(
            f"a node named with {name}", lambda value=value: f.find.named(value) >> f.answer_if_any, word
        )

for name in ("None", "nothing", "two lines", "a number", "the end of the graph", "a bar"):
    value, word = NAMES[name]
    BROKEN.add(
        f"a nested workflow named with {name}",
        lambda value=value: workflow(value, f.rewrite >> f.search_queries) >> f.answer,
        word,
    )

for name in ("a blank", "two lines", "a colon", "a null"):
    value, word = NAMES[name]
    BROKEN.add(
        f"a channel named with {name}",
        lambda value=value: f.find.writing(value) >> f.add_one.reading(hits=value) >> f.answer,
        word,
    )


async def two_lines(question: Question) -> Annotated[Hits, "a\nb"]:
    """A channel whose name has two lines."""
    return Hits()


async def reads_two_lines(hits: Annotated[Hits, "a\nb"]) -> Answer:
    """Reads it."""
    return Answer("")


class Odd:
    """Gives a function an odd name of its own."""

    @staticmethod
    def node(name: str) -> object:
        async def find(question: Question) -> Hits:
            return Hits()

        find.__name__ = name
        return node(find)


BROKEN.add(
    "an annotated channel of two lines",
    lambda: node(two_lines) >> node(reads_two_lines),
    "a\\nb",
    node="two_lines",
)
BROKEN.add("a function named as the end", lambda: Odd.node("__end__") >> f.answer, "__end__")
BROKEN.add("a function named as the start", lambda: Odd.node("__start__") >> f.answer, "__start__")
BROKEN.add(
    "a node named as the second of another",
    lambda: f.find.named("add_one#2") >> f.add_one >> f.add_one >> f.answer,
    "add_one#2",
)
BROKEN.add(
    "a workflow named as the end, inside each",
    lambda: (
        f.list_facets
        >> fuse(
            each(workflow("__end__", f.find_facet, inputs=(Question, str)), over=Facets), by=f.rank_fusion
        )
        >> f.answer
    ),
    "__end__",
)


async def _five(hits: Hits) -> bool:
    return len(hits) >= 5


def _beside_everything(name: str) -> object:
    """A node of this name before a loop of a route, and behind each."""
    facets = f.list_facets >> fuse(each(f.find_facet, over=Facets), by=f.rank_fusion)
    chosen = route({"short": f.add_one, "long": None}, by=f.by_length)
    grown = repeat(f.add_one >> chosen, until=_five, at_most=3)
    return facets >> f.add_one.named(name) >> grown >> f.answer


# The engine's own nodes have a point in their names.
for name in (
    "route_by_length.end",
    "repeat.begin",
    "repeat.end",
    "each_facets.item",
    "each_facets.collect",
):
    BROKEN.add(f"a node named {name}", lambda name=name: _beside_everything(name), name)

BROKEN.add("a node named by nothing", lambda: f.find.named("") >> f.answer, "empty", node="find")
BROKEN.add("a step named by nothing", lambda: f.find.within(timeout=1).named("") >> f.answer, "empty")
