"""Settings of nodes, and what a node is told of its place: timeouts, attempts, caches, channels."""

import math
import threading
from dataclasses import dataclass
from typing import Annotated, Literal

from orchestrator import Answer, Hits, Node, Queries, Question, node
from orchestrator.errors import BadInput, OrchestratorError
from orchestrator.nodes import Retrieve, rrf
from orchestrator.ports import Documents
from tests.graph import flows as f
from tests.graph.corpus.case import Cases

BROKEN = Cases()


@dataclass
class Options:
    """Settings that can be changed."""

    k: int = 3


async def needs_k(question: Question, *, k: int) -> Hits:
    """A setting without a default."""
    return Hits()


async def needs_two(question: Question, *, k: int, mark: str) -> Hits:
    """Two settings without a default."""
    return Hits()


async def list_default(question: Question, *, names: list[str] = []) -> Hits:  # noqa: B006
    """A list, which all runs would share."""
    return Hits()


async def dict_default(question: Question, *, weights: dict[str, float] = {}) -> Hits:  # noqa: B006
    """A dict, which all runs would share."""
    return Hits()


async def set_default(question: Question, *, names: set[str] = set()) -> Hits:  # noqa: B006
    """A set, which all runs would share."""
    return Hits()


async def hidden_list_default(question: Question, *, names: tuple[str, ...] = []) -> Hits:
    """Says that it is a tuple."""
    return Hits()


async def text_default(question: Question, *, k: int = "three") -> Hits:
    """Of another type."""
    return Hits()


async def none_default(question: Question, *, k: int = None) -> Hits:  # noqa: RUF013
    """Of another type."""
    return Hits()


async def other_word_default(question: Question, *, mode: Literal["bm25", "dense"] = "bm52") -> Hits:
    """A misspelt word."""
    return Hits()


async def changing_default(question: Question, *, options: Options = Options()) -> Hits:  # noqa: B008
    """An object that can be changed."""
    return Hits()


async def lock_default(question: Question, *, lock: object = threading.Lock()) -> Hits:
    """Nothing that can be compared between processes."""
    return Hits()


async def port_setting(question: Question, *, documents: Documents) -> Hits:
    """A port behind the star, where settings are."""
    return Hits()


async def read_setting(question: Question, *, hits: Hits) -> Answer:
    """A value behind the star, where settings are."""
    return Answer("")


async def writes_two(question: Question) -> tuple[Hits, Queries]:
    """Two values."""
    return Hits(), Queries(())


async def writes_none(hits: Hits) -> None:
    """No value."""


async def fetches(hits: Hits, documents: Documents) -> Answer:
    """Reads a value and a port."""
    return Answer("")


class NeedsK(Node):
    """A setting without a default."""

    k: int

    async def __call__(self, question: Question) -> Hits:
        return Hits()


class Names(Node):
    """A list is a setting that can be changed."""

    names: list[str]

    async def __call__(self, question: Question) -> Hits:
        return Hits()


class Weights(Node):
    """A dict is a setting that can be changed."""

    weights: dict[str, float]

    async def __call__(self, question: Question) -> Hits:
        return Hits()


class Wrapped(Node):
    """A setting whose value can be changed."""

    options: Options

    async def __call__(self, question: Question) -> Hits:
        return Hits()


class Inside(Node):
    """A list inside of a tuple."""

    names: tuple[list[str], ...]

    async def __call__(self, question: Question) -> Hits:
        return Hits()


def default_of_another_type() -> object:
    """A class whose default nobody looked at."""

    class Badly(Node):
        k: int = "three"

        async def __call__(self, question: Question) -> Hits:
            return Hits()

    return Badly() >> f.answer


def default_list() -> object:
    """A class whose default is a list."""

    class Shared(Node):
        names: list[str] = []  # noqa: RUF012

        async def __call__(self, question: Question) -> Hits:
            return Hits()

    return Shared() >> f.answer


def default_dict() -> object:
    """A class whose default is a dict."""

    class SharedDict(Node):
        weights: dict[str, float] = {}  # noqa: RUF012

        async def __call__(self, question: Question) -> Hits:
            return Hits()

    return SharedDict() >> f.answer


def keyword_in_call() -> object:
    """A class with a setting behind the star of its work."""

    class Behind(Node):
        async def __call__(self, question: Question, *, k: int = 3) -> Hits:
            return Hits()

    return Behind() >> f.answer


#: Seconds, attempts and times to keep that mean nothing: name → what `within` is given.
POLICIES: dict[str, dict[str, object]] = {
    "a timeout as text": {"timeout": "5"},
    "a timeout that is no number": {"timeout": math.nan},
    "a timeout of no time": {"timeout": 0},
    "a timeout before now": {"timeout": -1},
    "a timeout of minus infinity": {"timeout": -math.inf},
    "a timeout that is true": {"timeout": True},
    "a timeout as a list": {"timeout": [5]},
    "attempts as text": {"attempts": "3"},
    "two and a half attempts": {"attempts": 2.5},
    "no attempts": {"attempts": 0},
    "fewer than no attempts": {"attempts": -1},
    "attempts that are true": {"attempts": True},
    "attempts that are no number": {"attempts": math.nan},
    "a cache as text": {"cache": "600"},
    "a cache before now": {"cache": -1},
    "a cache that is no number": {"cache": math.nan},
    "a cache that is true": {"cache": True},
}

for name, policy in POLICIES.items():
    BROKEN.add(
        name,
        lambda policy=policy: f.find.within(**policy) >> f.answer,
        *(word.rstrip("s") for word in policy),
        node="find",
    )

BROKEN.add(
    "a bad timeout of a later place",
    lambda: f.find.named("first").within(timeout="5") >> f.answer,
    "timeout",
    node="first",
)
BROKEN.add(
    "three bad policies at once",
    lambda: f.find.within(timeout=0, attempts=0, cache=-1) >> f.answer,
    "timeout",
    "attempt",
    "cache",
    node="find",
)

# Settings are refused where they are given.
BROKEN.add("a setting of another type", lambda: f.find(k="many"), "find", "k=", refused=BadInput)
BROKEN.add("a setting that is None", lambda: f.find(k=None), "find", "k=", refused=BadInput)
BROKEN.add("a setting that there is not", lambda: f.find(size=3), "find", "size", refused=BadInput)
BROKEN.add("more settings than there are", lambda: f.find(1, 2), "find", refused=BadInput)
BROKEN.add("a field of another type", lambda: f.Shout(times="many"), "Shout", "times", refused=BadInput)
BROKEN.add("a field of another word", lambda: f.Shout(mark="."), "Shout", "mark", refused=BadInput)
BROKEN.add("a field that there is not", lambda: f.Shout(volume=3), "Shout", "volume", refused=BadInput)
BROKEN.add("more fields than there are", lambda: f.Shout(1, "!", 3), "Shout", refused=BadInput)
BROKEN.add("a field without its value", lambda: NeedsK() >> f.answer, "NeedsK", "k", refused=BadInput)
BROKEN.add("a field that is given twice", lambda: f.Shout(1, times=2), "Shout", "times", refused=BadInput)
BROKEN.add("a setting that is given twice", lambda: f.find(1, k=2), "find", "k", refused=BadInput)
BROKEN.add("a shipped node with a misspelt setting", lambda: Retrieve(kk=3), "kk", refused=BadInput)
BROKEN.add("a shipped node with a misspelt word", lambda: Retrieve(mode="bm52"), "mode", refused=BadInput)
BROKEN.add("a shipped fusion with a bad setting", lambda: rrf("sixty"), "k", refused=BadInput)

BROKEN.add("a missing setting", lambda: node(needs_k) >> f.answer, "k=", node="needs_k")
BROKEN.add("two missing settings", lambda: node(needs_two) >> f.answer, "k=", "mark=", node="needs_two")
BROKEN.add("one setting of two", lambda: node(needs_two)(k=3) >> f.answer, "mark=", node="needs_two")

BROKEN.add("a list by default", lambda: node(list_default) >> f.answer, "names", "tuple", node="list_default")
BROKEN.add("a dict by default", lambda: node(dict_default) >> f.answer, "weights", node="dict_default")
BROKEN.add("a set by default", lambda: node(set_default) >> f.answer, "names", node="set_default")
BROKEN.add(
    "a list for a tuple by default",
    lambda: node(hidden_list_default) >> f.answer,
    "names",
    node="hidden_list_default",
)
BROKEN.add("a word for a number by default", lambda: node(text_default) >> f.answer, "k", "three")
BROKEN.add("None for a number by default", lambda: node(none_default) >> f.answer, "k", "None")
BROKEN.add("a misspelt word by default", lambda: node(other_word_default) >> f.answer, "mode", "bm52")
BROKEN.add("a changing object by default", lambda: node(changing_default) >> f.answer, "options")
BROKEN.add("a lock by default", lambda: node(lock_default) >> f.answer, "lock", node="lock_default")
BROKEN.add("a port as a setting", lambda: node(port_setting) >> f.answer, "documents", node="port_setting")
BROKEN.add("a value as a setting", lambda: f.find >> node(read_setting), "hits", node="read_setting")
BROKEN.add("a list in a field", lambda: Names(["a"]) >> f.answer, "tuple", node="names")
BROKEN.add("a dict in a field", lambda: Weights({"a": 1.0}) >> f.answer, "weights", node="weights")
BROKEN.add("a changing object in a field", lambda: Wrapped(Options()) >> f.answer, "options", node="wrapped")
BROKEN.add("a list inside a field", lambda: Inside((["a"],)) >> f.answer, "names", node="inside")
BROKEN.add(
    "a field whose default has another type", default_of_another_type, "k", "three", refused=OrchestratorError
)
BROKEN.add("a field whose default is a list", default_list, "names", refused=OrchestratorError)
BROKEN.add("a field whose default is a dict", default_dict, "weights", refused=OrchestratorError)
BROKEN.add("a setting behind the star of a class", keyword_in_call, "k", node="behind")

# Channels of one place.
BROKEN.add("a parameter that there is not", lambda: f.find >> f.answer.reading(hit="x"), "hit", node="answer")
BROKEN.add(
    "a port that is read", lambda: f.find >> node(fetches).reading(documents="x"), "documents", node="fetches"
)
BROKEN.add("a setting that is read", lambda: f.find.reading(k="x") >> f.answer, "k", node="find")
BROKEN.add("a channel that is a number", lambda: f.find >> f.answer.reading(hits=5), "5", node="answer")
BROKEN.add("a channel without a name", lambda: f.find >> f.answer.reading(hits=""), "name", node="answer")
BROKEN.add("a channel that is a type", lambda: f.find >> f.answer.reading(hits=Hits), "Hits", node="answer")
BROKEN.add("a written channel that is a number", lambda: f.find.writing(5) >> f.answer, "5", node="find")
BROKEN.add("a written channel without a name", lambda: f.find.writing("") >> f.answer, "name", node="find")
BROKEN.add("a written channel that is a type", lambda: f.find.writing(Hits) >> f.answer, "Hits", node="find")
BROKEN.add(
    "one name for two values",
    lambda: node(writes_two).writing("first") >> f.compare,
    "Queries",
    node="writes_two",
)
BROKEN.add(
    "a name for no value", lambda: f.find >> node(writes_none).writing("first"), "writing", node="writes_none"
)
BROKEN.add(
    "a channel of another type",
    lambda: f.rewrite.writing("first") >> f.find >> f.compare,
    "Hits:first",
    node="compare",
)
BROKEN.add(
    "a channel with a misspelt name",
    lambda: f.find >> f.find_other.writing("frist") >> f.compare,
    "Hits:first",
    node="compare",
)
BROKEN.add(
    "an annotated name that is another's",
    lambda: f.find.writing(Annotated[Hits, "first"]) >> f.answer,
    "Annotated",
    node="find",
)


class Wordless:
    """A value that cannot be written."""

    def __repr__(self) -> str:
        raise RuntimeError("no words")


async def takes_anything(question: Question, *, k: object = None) -> Hits:
    """A setting of any type."""
    return Hits()


BROKEN.add(
    "a list of what cannot be written as a setting",
    lambda: node(takes_anything)(k=[Wordless()]) >> f.answer,
    "k=a list",
    node="takes_anything",
)
