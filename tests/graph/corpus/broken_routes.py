"""`route`: choices and selectors that do not fit each other, and what is read after it."""

import enum
import functools
from typing import Annotated, Any, Literal

from orchestrator import SKIP, Answer, Hits, Question, Run, node, route
from orchestrator.ports import Documents, LanguageModel
from orchestrator.types import History
from tests.graph import flows as f
from tests.graph.corpus.case import Cases

BROKEN = Cases()


class Colour(enum.Enum):
    """Two colours."""

    red = "red"
    blue = "blue"


class Rank(enum.IntEnum):
    """Two numbers."""

    low = 0
    high = 1


class Nothing(enum.Enum):
    """No member at all."""


async def colour(question: Question) -> Colour:
    """Chooses a colour."""
    return Colour.red


async def rank(question: Question) -> Rank:
    """Chooses a number."""
    return Rank.low


async def no_member(question: Question) -> Nothing:
    """Cannot choose."""
    raise NotImplementedError


async def yes_or_no(question: Question) -> bool:
    """Chooses yes."""
    return True


async def one_or_two(question: Question) -> Literal[1, 2]:
    """Chooses a number."""
    return 1


async def true_or_one(question: Question) -> Literal[True, 1]:
    """Two labels that are equal."""
    return True


async def any_word(question: Question) -> str:
    """Could choose any word."""
    return "short"


async def any_number(question: Question) -> int:
    """Could choose any number."""
    return 1


async def any_share(question: Question) -> float:
    """Could choose any number."""
    return 0.5


async def anything(question: Question) -> Any:
    """Could choose anything."""
    return "short"


async def no_choice(question: Question) -> None:
    """Chooses nothing."""


async def gives_hits(question: Question) -> Hits:
    """A node, and no selector."""
    return Hits()


async def maybe(question: Question) -> Literal["short", "long"] | None:
    """May choose nothing."""
    return None


async def word_or_number(question: Question) -> Literal["short"] | int:
    """May choose any number."""
    return 1


async def two_choices(question: Question) -> tuple[Literal["short"], Literal["long"]]:
    """Chooses twice."""
    return "short", "long"


async def unannotated(question: Question):
    """Does not say what it chooses."""
    return "short"


async def unannotated_read(question) -> Literal["short", "long"]:
    """Does not say what it reads."""
    return "short"


async def unresolved(question: Question) -> "Nowhere":  # noqa: F821
    """Chooses of an unknown type."""
    return "short"


async def by_answer(text: Answer) -> Literal["short", "long"]:
    """Reads what comes later."""
    return "short"


async def by_first(first: Annotated[Hits, "first"]) -> Literal["short", "long"]:
    """Reads a named channel."""
    return "short"


async def by_misspelt(first: Annotated[Hits, "frist"] | None) -> Literal["short", "long"]:
    """Reads a misspelt channel, and so never anything."""
    return "short"


async def by_history(history: History) -> Literal["short", "long"]:
    """Reads what the workflow is not given."""
    return "short"


async def by_model(question: Question, model: LanguageModel) -> Literal["short", "long"]:
    """Asks a port."""
    return "short"


async def by_documents(run: Run, documents: Documents) -> bool:
    """Asks another port."""
    return True


async def with_setting(question: Question, *, length: int) -> Literal["short", "long"]:
    """A setting that is not given."""
    return "short"


async def yields(question: Question) -> Literal["short", "long"]:
    """A generator."""
    yield "short"


async def plain(hits: Hits) -> Hits:
    """A function that nobody decorated."""
    return hits


def words(*, by: object = f.by_length, **choices: object) -> object:
    """The usual route with other choices or another selector."""
    return f.find >> route(choices, by=by) >> f.answer


def usual(by: object) -> object:
    """The usual route by another selector."""
    return words(by=by, short=f.add_one, long=None)


def choose(choices: object, by: object) -> object:
    """A route of other labels than words."""
    return f.find >> route(choices, by=by) >> f.answer


BROKEN.add("a route to nothing", lambda: words(), "nothing", node="by_length")
BROKEN.add(
    "a route whose choices all do nothing", lambda: words(short=None, long=SKIP), "nothing", node="by_length"
)
BROKEN.add("a route without one of its choices", lambda: words(short=f.add_one), "'long'", node="by_length")
BROKEN.add("a route with a misspelt choice", lambda: words(short=f.add_one, lnog=SKIP), "'lnog'", "'long'")
BROKEN.add(
    "a route with a choice too many", lambda: words(short=f.add_one, long=None, huge=f.add_one), "'huge'"
)
BROKEN.add("a route without a colour", lambda: choose({Colour.red: f.add_one}, colour), "blue")
BROKEN.add("a route by the names of colours", lambda: choose({"red": f.add_one, "blue": SKIP}, colour), "red")
BROKEN.add("a route without a rank", lambda: choose({Rank.low: f.add_one}, rank), "high")
BROKEN.add("a route for yes only", lambda: choose({True: f.add_one}, yes_or_no), "False")
BROKEN.add(
    "a route by the words of a bool", lambda: choose({"True": f.add_one, "False": SKIP}, yes_or_no), "'True'"
)
BROKEN.add(
    "a route for yes, no and maybe",
    lambda: choose({True: f.add_one, False: SKIP, None: SKIP}, yes_or_no),
    "None",
)
BROKEN.add("a route by numbers as words", lambda: choose({"1": f.add_one, "2": SKIP}, one_or_two), "'1'")
BROKEN.add("a route by equal labels", lambda: choose({True: f.add_one}, true_or_one), "Literal[True, 1]")
BROKEN.add("a route by a type without members", lambda: choose({"a": f.add_one}, no_member), "'a'")
BROKEN.add("a route of a list", lambda: choose([f.add_one, f.find], f.by_length), "list")
BROKEN.add("a route of a tuple", lambda: choose((f.add_one,), f.by_length), "tuple")
BROKEN.add("a route of one node", lambda: choose(f.add_one, f.by_length), "add_one")
BROKEN.add("a route of None", lambda: choose(None, f.by_length), "None")
BROKEN.add("a route of a word", lambda: choose("short", f.by_length), "str")
BROKEN.add("a choice that is a number", lambda: words(short=5, long=None), "int")
BROKEN.add("a choice that is a function", lambda: words(short=plain, long=None), "@node", node="plain")
BROKEN.add("a choice that is a class", lambda: words(short=f.Shout, long=None), "Shout(…)")
BROKEN.add("a choice that is a list", lambda: words(short=[f.add_one], long=None), "list")
BROKEN.add("a choice that is a label", lambda: words(short="long", long=f.add_one), "str")

BROKEN.add("a selector of any word", lambda: usual(any_word), "Literal", node="any_word")
BROKEN.add("a selector of any number", lambda: usual(any_number), "int", node="any_number")
BROKEN.add("a selector of any share", lambda: usual(any_share), "float", node="any_share")
BROKEN.add("a selector of anything", lambda: usual(anything), "return", node="anything")
BROKEN.add("a selector of nothing", lambda: usual(no_choice), "None", node="no_choice")
BROKEN.add("a selector of hits", lambda: usual(gives_hits), "Hits", node="gives_hits")
BROKEN.add("a selector that may choose nothing", lambda: usual(maybe), "None", node="maybe")
BROKEN.add("a selector of a word or any number", lambda: usual(word_or_number), "int", node="word_or_number")
BROKEN.add("a selector that chooses twice", lambda: usual(two_choices), "tuple", node="two_choices")
BROKEN.add("a selector without a return type", lambda: usual(unannotated), "return", node="unannotated")
BROKEN.add(
    "a selector without a type to read",
    lambda: usual(unannotated_read),
    "annotate",
    "question",
    node="unannotated_read",
)
BROKEN.add("a selector of an unknown type", lambda: usual(unresolved), "Nowhere", node="unresolved")
BROKEN.add("a selector that is a word", lambda: usual("short"), "str")
BROKEN.add("a selector that is None", lambda: usual(None), "None")
BROKEN.add("a selector that is true", lambda: usual(True), "bool")
BROKEN.add("a selector that is a class", lambda: usual(Colour), "Colour")
BROKEN.add("a selector that is a lambda", lambda: usual(lambda question: "short"), "annotate")
BROKEN.add(
    "a selector that is a partial", lambda: usual(functools.partial(with_setting, length=3)), "partial"
)
BROKEN.add("a selector that is a node of hits", lambda: usual(f.find), "Hits", node="find")
BROKEN.add("a selector that is a sequence", lambda: usual(f.find >> f.by_length), "one node")
BROKEN.add("a selector that yields", lambda: usual(yields), "generator", node="yields")
BROKEN.add("a selector that lacks a setting", lambda: usual(with_setting), "length=", node="with_setting")
BROKEN.add(
    "a selector of no attempts",
    lambda: usual(node(f.by_length).within(attempts=0)),
    "attempt",
    node="by_length",
)
BROKEN.add("a selector that reads what comes later", lambda: usual(by_answer), "Answer", node="by_answer")
BROKEN.add("a selector that reads a channel", lambda: usual(by_first), "Hits:first", node="by_first")
BROKEN.add(
    "a selector that reads a misspelt channel", lambda: usual(by_misspelt), "frist", node="by_misspelt"
)
BROKEN.add("a selector that reads no input", lambda: usual(by_history), "History", node="by_history")
BROKEN.add(
    "a selector whose port is missing",
    lambda: usual(by_model),
    "LanguageModel",
    node="by_model",
    ports=(Documents,),
)
BROKEN.add(
    "a selector of yes whose port is missing",
    lambda: choose({True: f.add_one, False: SKIP}, by_documents),
    "Documents",
    node="by_documents",
    ports=(),
)

BROKEN.add(
    "branches of other types, then a read",
    lambda: route({"short": f.find, "long": f.rewrite}, by=f.by_length) >> f.answer,
    "Hits",
    "every path",
    node="answer",
)
BROKEN.add(
    "a branch without a value, then a read",
    lambda: route({"short": f.find, "long": None}, by=f.by_length) >> f.answer,
    "every path",
    node="answer",
)
BROKEN.add(
    "a branch within a branch without a value",
    lambda: (
        route(
            {"short": f.find, "long": route({True: f.find_other, False: None}, by=yes_or_no)}, by=f.by_length
        )
        >> f.answer
    ),
    "every path",
    node="answer",
)
BROKEN.add(
    "a branch that reads what the other writes",
    lambda: f.find >> route({"short": f.rewrite, "long": f.search_queries}, by=f.by_length) >> f.answer,
    "Queries",
    node="search_queries",
)
BROKEN.add(
    "a branch of names that are not read",
    lambda: route({"short": f.find, "long": f.find.writing("first")}, by=f.by_length) >> f.answer,
    "every path",
    node="answer",
)
BROKEN.add(
    "a branch with a dead end",
    lambda: words(short=f.add_one >> f.list_facets, long=None),
    "dead end",
    "Facets",
    node="list_facets",
)
BROKEN.add(
    "a branch of side by side writers",
    lambda: words(short=f.add_one | f.find_other, long=None),
    "side by side",
)
