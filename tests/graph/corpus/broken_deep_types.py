"""Types that are frozen outside: what in them can change, cannot be written down, or is not said."""

import asyncio
import enum
import io
import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, NamedTuple, NewType, Optional, TypedDict, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict
from pydantic.dataclasses import dataclass as validated

from orchestrator import Answer, Hits, Queries, Question, Run, node
from orchestrator.ports import Documents
from tests.graph import flows as f
from tests.graph.corpus.broken_annotations import Draft, HoldsDraft, HoldsList, OpenModel, reads, writes
from tests.graph.corpus.case import Cases

BROKEN = Cases()

T = TypeVar("T")
Names = NewType("Names", list)


@dataclass(frozen=True)
class HoldsSequence:
    """A sequence may be a list."""

    names: Sequence[str]


@dataclass(frozen=True)
class HoldsMapping:
    """A mapping may be a dict."""

    by_name: Mapping[str, int]


@dataclass(frozen=True)
class HoldsIterable:
    """What is gone through once."""

    names: Iterable[str]


@dataclass(frozen=True)
class HoldsArray:
    """An array can be changed."""

    vector: np.ndarray


@dataclass(frozen=True)
class HoldsFile:
    """An open file."""

    file: io.BytesIO


@dataclass(frozen=True)
class HoldsEvent:
    """Something to wait for."""

    event: asyncio.Event


@dataclass(frozen=True)
class HoldsThread:
    """A thread."""

    thread: threading.Thread


@dataclass(frozen=True)
class HoldsPerhapsList:
    """A list, or nothing."""

    names: list[str] | None = None


@dataclass(frozen=True)
class HoldsNamed:
    """A list under another name."""

    names: Names


@dataclass(frozen=True)
class HoldsAnnotated:
    """A list with a remark."""

    names: Annotated[list[str], "sorted"]


@dataclass(frozen=True)
class HoldsBareTuple:
    """A tuple of anything."""

    names: tuple


@dataclass(frozen=True)
class HoldsBareFrozenset:
    """A set of anything."""

    names: frozenset


@dataclass(frozen=True)
class HoldsClass:
    """A class is no value."""

    kind: type[Hits]


@dataclass(frozen=True)
class HoldsFactory:
    """A function that makes values, or nothing."""

    make: Optional[Callable[[], str]] = None  # noqa: UP045


@dataclass(frozen=True)
class HoldsModel:
    """A model that can be changed."""

    models: frozenset[OpenModel] = frozenset()


@dataclass(frozen=True)
class HoldsRow:
    """A dict of known keys."""

    row: "Row"


class Row(TypedDict):
    """A dict."""

    name: str


@dataclass(frozen=True)
class Pair(Generic[T]):
    """Two of one type."""

    values: tuple[T, ...]


@dataclass(frozen=True)
class Lists(Pair[list[str]]):
    """A pair of lists, by inheritance."""


@dataclass(frozen=True)
class HoldsPair:
    """A pair of lists, by its argument."""

    pair: Pair[list[str]]


class Entry(NamedTuple):
    """A tuple with a list."""

    name: str
    names: list[str]


@dataclass(frozen=True)
class Linked:
    """Holds the next, which holds a list."""

    next: "Linked | None" = None
    inner: tuple[HoldsList, ...] = ()


class ModelOfDict(BaseModel):
    """A frozen model with a dict."""

    model_config = ConfigDict(frozen=True)
    by_name: dict[str, int] = {}


class ModelOfAny(BaseModel):
    """A frozen model of anything."""

    model_config = ConfigDict(frozen=True)
    value: Any = None


@validated(frozen=True)
class ValidatedList:
    """A frozen dataclass of pydantic with a list."""

    names: list[str] = field(default_factory=list)


@validated
class ValidatedOpen:
    """A dataclass of pydantic that can be changed."""

    text: str = ""


class Plain:
    """A class that says nothing of itself."""

    def __init__(self) -> None:
        self.names: list[str] = []


class ModelOfConnection(BaseModel):
    """A frozen model that lets anything in."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)
    connection: sqlite3.Connection


@dataclass(frozen=True)
class HoldsUnknown:
    """A field of a type that is not there."""

    unknown: "Nowhere"  # noqa: F821


class Odd(enum.Flag):
    """Flags, which can be joined to more than can be listed."""

    a = 1
    b = 2


class Filling(enum.Enum):
    """Members whose values can be changed."""

    empty = []  # noqa: RUF012
    one = ["one"]  # noqa: RUF012


#: name → (type, words about it).
DEEP: dict[str, tuple[Any, tuple[str, ...]]] = {
    "a sequence in a frozen type": (HoldsSequence, ("HoldsSequence", "names")),
    "a mapping in a frozen type": (HoldsMapping, ("HoldsMapping", "by_name")),
    "an iterable in a frozen type": (HoldsIterable, ("HoldsIterable", "names")),
    "an array in a frozen type": (HoldsArray, ("HoldsArray",)),
    "a file in a frozen type": (HoldsFile, ("HoldsFile",)),
    "an event in a frozen type": (HoldsEvent, ("HoldsEvent",)),
    "a thread in a frozen type": (HoldsThread, ("HoldsThread",)),
    "a list or nothing in a frozen type": (HoldsPerhapsList, ("HoldsPerhapsList", "names")),
    "a renamed list in a frozen type": (HoldsNamed, ("HoldsNamed", "names")),
    "a remarked list in a frozen type": (HoldsAnnotated, ("HoldsAnnotated", "names")),
    "a bare tuple in a frozen type": (HoldsBareTuple, ("HoldsBareTuple", "names")),
    "a bare frozenset in a frozen type": (HoldsBareFrozenset, ("HoldsBareFrozenset", "names")),
    "a class in a frozen type": (HoldsClass, ("HoldsClass", "kind")),
    "a function or nothing in a frozen type": (HoldsFactory, ("HoldsFactory", "make")),
    "open models in a frozen type": (HoldsModel, ("OpenModel",)),
    "a row in a frozen type": (HoldsRow, ("HoldsRow", "row")),
    "a list by inheritance": (Lists, ("Lists", "list[str]")),
    "a list by an argument": (HoldsPair, ("list[str]",)),
    "a list in a named tuple": (Entry, ("Entry", "names")),
    "a list behind a link": (Linked, ("HoldsList", "names")),
    "a dict in a frozen model": (ModelOfDict, ("ModelOfDict", "by_name")),
    "anything in a frozen model": (ModelOfAny, ("ModelOfAny", "value")),
    "a list in a validated dataclass": (ValidatedList, ("ValidatedList", "names")),
    "a validated dataclass that changes": (ValidatedOpen, ("ValidatedOpen", "frozen")),
    "a class that says nothing": (Plain, ("Plain",)),
    "a connection in a frozen model": (ModelOfConnection, ("ModelOfConnection", "connection")),
    "an unresolved field": (HoldsUnknown, ("HoldsUnknown", "Nowhere")),
    "a tuple of an unresolved name": (tuple["Nowhere", ...], ("Nowhere",)),  # noqa: F821
    "a renamed list": (Names, ("list",)),
    "a sequence": (Sequence[str], ("Sequence[str]",)),
    "a mapping": (Mapping[str, int], ("Mapping[str, int]",)),
    "a mapping that changes": (MutableMapping[str, int], ("MutableMapping",)),
    "an iterable": (Iterable[Hits], ("Iterable[Hits]",)),
    "a bare frozenset": (frozenset, ("frozenset",)),
    "an enum of lists": (Filling, ("Filling", "changed")),
    "a frozenset of what changes": (frozenset[Draft], ("Draft",)),
    "a tuple of unions with a list": (tuple[str | list[str], ...], ("list[str]",)),
    "a tuple of anything": (tuple[Any, ...], ("Any",)),
    "a tuple of functions": (tuple[Callable[[], str], ...], ("Callable",)),
    "a tuple of pairs with a dict": (tuple[tuple[str, dict[str, str]], ...], ("dict[str, str]",)),
    "a pair of open ones": (tuple[Queries, Draft], ("Draft",)),
    "an exception": (ValueError, ("ValueError",)),
    "a channel with two names": (Annotated[Hits, "a", "b"], ("names",)),
    "a channel with a list for its name": (Annotated[Hits, ("first",)], ("first",)),
    "a channel with a blank name": (Annotated[Hits, " "], ("name",)),
    "a channel with a colon": (Annotated[Hits, "a:b"], ("a:b",)),
    "a channel with a true name": (Annotated[Hits, True], ("True",)),
}

for name, (tp, words) in DEEP.items():
    BROKEN.add(f"writes {name}", lambda tp=tp: writes(tp), *words, node="makes")

for name, (tp, words) in {
    "what holds what changes, perhaps": (HoldsDraft | None, ("Draft",)),
    "anything, perhaps": (Any | None, ("Any",)),
    "an object, perhaps": (object | None, ("object",)),
    "a function, perhaps": (Callable[[Hits], Hits] | None, ("Callable",)),
    "a list, perhaps": (list[Hits] | None, ("list[Hits]",)),
    "a type variable, perhaps": (Optional[T], ("T",)),  # noqa: UP045
    "a named port": (Annotated[Documents, "mine"], ("Documents",)),
    "a named run": (Annotated[Run, "mine"], ("Run",)),
    "two ports, perhaps": (Documents | Answer | None, ("union",)),
}.items():
    BROKEN.add(f"reads {name}", lambda tp=tp: reads(tp), *words, node="takes")


async def by_place(question: Question, /) -> Hits:
    """A parameter that has no name."""
    return Hits()


async def defaulted(question: Question, hits: Hits = Hits()) -> Answer:  # noqa: B008
    """A read with a default that it never takes."""
    return Answer("")


async def defaulted_list(question: Question, hits: Hits | None = []) -> Answer:  # noqa: B006
    """A read with a default that can be changed."""
    return Answer("")


async def optional_runs(question: Question, run: Run | None, other: Run) -> Hits:
    """The run, twice, once perhaps."""
    return Hits()


async def untyped_setting(question: Question, *, k=3) -> Hits:
    """A setting without a type."""
    return Hits()


async def run_setting(question: Question, *, run: Run | None = None) -> Hits:
    """The run behind the star."""
    return Hits()


async def port_setting(question: Question, *, documents: Documents | None = None) -> Hits:
    """A port behind the star, with a default that it would always have."""
    return Hits()


BROKEN.add("a parameter by its place", lambda: node(by_place) >> f.answer, "question", node="by_place")
BROKEN.add("a default of a read", lambda: f.find >> node(defaulted), "default", node="defaulted")
BROKEN.add("a list as the default of a read", lambda: f.find >> node(defaulted_list), "default")
BROKEN.add(
    "the run, twice, once perhaps", lambda: node(optional_runs) >> f.answer, "Run", node="optional_runs"
)
BROKEN.add("a setting without a type", lambda: node(untyped_setting) >> f.answer, "'k'", "type")
BROKEN.add("the run as a setting", lambda: node(run_setting) >> f.answer, "Run", node="run_setting")
BROKEN.add("an optional port as a setting", lambda: node(port_setting) >> f.answer, "Documents")


async def without_saying(question: Question, hits: Hits = None) -> Answer:  # type: ignore[assignment]
    """A read that may be None by its default, and not by its type."""
    return Answer("")


BROKEN.add(
    "None as the default of what is always read",
    lambda: f.find >> node(without_saying),
    "default",
    node="without_saying",
)
