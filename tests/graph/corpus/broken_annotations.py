"""Annotations that no graph can use: missing, unresolved, or of a type that cannot flow."""

import asyncio
import collections
import threading
import typing
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, NoReturn, Optional, TypedDict, TypeVar, Union

import numpy as np
from pydantic import BaseModel, ConfigDict

from orchestrator import Answer, Hits, Queries, Question, Run, node
from orchestrator.ports import Documents
from tests.graph import flows as f
from tests.graph.corpus.case import Cases

BROKEN = Cases()

T = TypeVar("T")


@dataclass
class Draft:
    """A dataclass that can be changed."""

    text: str


@dataclass(frozen=True)
class HoldsList:
    """Frozen outside, a list inside."""

    names: list[str]


@dataclass(frozen=True)
class HoldsBareList:
    """Frozen outside, a list of anything inside."""

    names: list


@dataclass(frozen=True)
class HoldsDict:
    """Frozen outside, a dict inside."""

    by_name: dict[str, int]


@dataclass(frozen=True)
class HoldsSet:
    """Frozen outside, a set inside."""

    names: set[str]


@dataclass(frozen=True)
class HoldsDraft:
    """Frozen outside, a dataclass that can be changed inside."""

    drafts: tuple[Draft, ...]


@dataclass(frozen=True)
class HoldsDeep:
    """What can be changed lies three types down."""

    inner: tuple[tuple[HoldsDraft | None, ...], ...]


@dataclass(frozen=True)
class HoldsLock:
    """Frozen, and nothing that can be written down."""

    lock: threading.Lock = None


@dataclass(frozen=True)
class HoldsFunction:
    """A function cannot be written down."""

    key: Callable[[str], str] = str.lower


@dataclass(frozen=True)
class HoldsAnything:
    """A field that may be anything, and so a list."""

    value: Any


@dataclass(frozen=True)
class HoldsObject:
    """A field that may be anything, too."""

    value: object


@dataclass(frozen=True)
class Tree:
    """Holds itself, and a list on the way."""

    children: tuple["Tree", ...]
    names: list[str]


class FrozenModel(BaseModel):
    """A frozen model with a list."""

    model_config = ConfigDict(frozen=True)
    names: list[str] = []


class OpenModel(BaseModel):
    """A model that can be changed."""

    text: str


class ModelOfModels(BaseModel):
    """A frozen model of models that can be changed."""

    model_config = ConfigDict(frozen=True)
    models: tuple[OpenModel, ...] = ()


@dataclass(frozen=True)
class Box(Generic[T]):
    """A type that is not whole without another."""

    value: T


class Row(TypedDict):
    """A dict by another name."""

    name: str


def writes(tp: Any) -> object:
    """A graph of one node that writes `tp`."""

    async def makes(question: Question):
        raise NotImplementedError

    makes.__annotations__["return"] = tp
    return node(makes)


def reads(tp: Any) -> object:
    """A graph of one node that reads `tp`."""

    async def takes(value) -> Answer:
        raise NotImplementedError

    takes.__annotations__["value"] = tp
    return f.find >> f.answer >> node(takes)


#: What a node may not write: name → (type, words about it).
WRITTEN: dict[str, tuple[Any, tuple[str, ...]]] = {
    "an unresolved name": ("Nowhere", ("Nowhere",)),
    "an unresolved name in a module": ("types.Hits", ("types",)),
    "a name that does not parse": ("Hits[", ("Hits[",)),
    "a sentence": ("a list of hits", ("a list of hits",)),
    "an empty string": ("", ("return",)),
    "a list around a type": ([Hits], ("[", "Hits")),
    "a tuple around types": ((Hits, Queries), ("tuple[", "Hits")),
    "a dict around a type": ({"hits": Hits}, ("dict", "Hits")),
    "a value": (Hits(), ("Hits",)),
    "a number": (5, ("5",)),
    "a list": (list[Hits], ("list[", "tuple")),
    "a bare list": (list, ("list", "tuple")),
    "a set": (set[str], ("set[str]", "frozenset")),
    "a dict": (dict[str, int], ("dict[str, int]",)),
    "a bare dict": (dict, ("dict",)),
    "a bare tuple": (tuple, ("tuple",)),
    "an empty tuple": (tuple[()], ("tuple",)),
    "a tuple of lists": (tuple[list[str], ...], ("list[str]",)),
    "a pair with a list": (tuple[Hits, list[str]], ("list[str]",)),
    "a pair with None": (tuple[Hits, None], ("None",)),
    "a pair with anything": (tuple[Hits, Any], ("Any",)),
    "one type twice": (tuple[Hits, Hits], ("twice",)),
    "one named channel twice": (tuple[Annotated[Hits, "a"], Annotated[Hits, "a"]], ("twice",)),
    "anything": (Any, ("return",)),
    "an object": (object, ("object",)),
    "a function": (Callable[[Hits], Hits], ("Callable",)),
    "a bare function": (Callable, ("Callable",)),
    "a type variable": (T, ("T",)),
    "an awaitable": (Awaitable[Hits], ("Awaitable",)),
    "a coroutine": (Coroutine[Any, Any, Hits], ("Coroutine",)),
    "an iterator": (Iterator[Hits], ("Iterator",)),
    "an asynchronous iterator": (AsyncIterator[Hits], ("AsyncIterator",)),
    "a class": (type[Hits], ("type[",)),
    "never": (NoReturn, ("NoReturn",)),
    "a final": (typing.Final[Hits], ("Final",)),
    "a dataclass that changes": (Draft, ("Draft", "frozen")),
    "a model that changes": (OpenModel, ("OpenModel", "frozen")),
    "a dict of known keys": (Row, ("Row",)),
    "an array": (np.ndarray, ("ndarray",)),
    "a byte array": (bytearray, ("bytearray",)),
    "a deque": (collections.deque[str], ("deque",)),
    "a counter": (collections.Counter, ("Counter",)),
    "a lock": (type(threading.Lock()), ("lock",)),
    "a queue": (asyncio.Queue, ("Queue",)),
    "a list in a frozen type": (HoldsList, ("HoldsList", "names")),
    "a bare list in a frozen type": (HoldsBareList, ("HoldsBareList", "names")),
    "a dict in a frozen type": (HoldsDict, ("HoldsDict", "by_name")),
    "a set in a frozen type": (HoldsSet, ("HoldsSet", "names")),
    "a changing type in a frozen one": (HoldsDraft, ("HoldsDraft", "Draft")),
    "a changing type deep inside": (HoldsDeep, ("Draft",)),
    "a changing type behind a name": (Annotated[HoldsDraft, "draft"], ("Draft",)),
    "a changing type in a tuple": (tuple[HoldsList, ...], ("HoldsList",)),
    "a changing type in a pair": (tuple[Hits, HoldsDict], ("HoldsDict",)),
    "a list in a frozen model": (FrozenModel, ("FrozenModel", "names")),
    "a changing model in a frozen one": (ModelOfModels, ("OpenModel",)),
    "a list in a type that holds itself": (Tree, ("Tree", "names")),
    "a lock in a frozen type": (HoldsLock, ("HoldsLock", "lock")),
    "a function in a frozen type": (HoldsFunction, ("HoldsFunction", "key")),
    "anything in a frozen type": (HoldsAnything, ("HoldsAnything", "value")),
    "an object in a frozen type": (HoldsObject, ("HoldsObject", "value")),
    "a type that lacks another": (Box[T], ("Box",)),
    "a box of a list": (Box[list[str]], ("Box", "list[str]")),
    "a channel with a number for its name": (Annotated[Hits, 1], ("1",)),
    "a channel with an empty name": (Annotated[Hits, ""], ("name",)),
    "a channel with None for its name": (Annotated[Hits, None], ("None",)),
    "a channel with a type for its name": (Annotated[Hits, Queries], ("Queries",)),
    "an optional value": (Hits | None, ("union",)),
    "an optional value, the old way": (Optional[Hits], ("union",)),  # noqa: UP045
    "an optional pair": (tuple[Hits, Queries] | None, ("union",)),
    "a pair with an optional value": (tuple[Hits | None, Queries], ("union",)),
    "an optional named value": (Annotated[Hits, "first"] | None, ("union",)),
    "a union": (Union[Hits, Queries], ("union",)),  # noqa: UP007
    "a port": (Documents, ("Documents",)),
    "the run": (Run, ("Run",)),
}

for name, (tp, words) in WRITTEN.items():
    BROKEN.add(f"writes {name}", lambda tp=tp: writes(tp), *words, node="makes")

#: What a node may not read.
READ: dict[str, tuple[Any, tuple[str, ...]]] = {
    "an unresolved name": ("Nowhere", ("Nowhere",)),
    "a name that does not parse": ("Hits |", ("Hits |",)),
    "a list around a type": ([Question], ("[", "Question")),
    "a tuple around types": ((Question, Hits), ("Question",)),
    "a value": (Question("q"), ("Question",)),
    "a string that is no name": ("the question", ("the question",)),
    "a list": (list[Answer], ("list[",)),
    "a bare tuple": (tuple, ("tuple",)),
    "a bare dict": (dict, ("dict",)),
    "anything": (Any, ("annotate",)),
    "an object": (object, ("object",)),
    "a function": (Callable[[Hits], Hits], ("Callable",)),
    "a type variable": (T, ("T",)),
    "an awaitable": (Awaitable[Answer], ("Awaitable",)),
    "a class": (type[Answer], ("type[",)),
    "None": (None, ("None",)),
    "a union": (Hits | Answer, ("union",)),
    "an optional union": (Hits | Answer | None, ("union",)),
    "a choice of words": (Literal["short", "long"], ("Literal",)),
    "a channel with a number for its name": (Annotated[Answer, 1], ("1",)),
    "a channel with an empty name": (Annotated[Answer, ""], ("name",)),
    "a port or a value": (Documents | Answer, ("union",)),
}

for name, (tp, words) in READ.items():
    BROKEN.add(f"reads {name}", lambda tp=tp: reads(tp), *words, node="takes")


async def bare_read(hits) -> Answer:
    """A parameter without a type."""
    return Answer("")


async def bare_return(question: Question):
    """A result without a type."""
    return Hits()


async def all_bare(question, hits):
    """Nothing has a type."""
    return Answer("")


async def many(*hits: Hits) -> Answer:
    """Any number of values."""
    return Answer("")


async def by_name(question: Question, **others: Hits) -> Answer:
    """Any number of named values."""
    return Answer("")


async def positional_setting(question: Question, k: int = 3) -> Hits:
    """A setting that is not behind the star, and so read from the state."""
    return Hits()


async def unresolved_setting(question: Question, *, how: "Nowhere" = None) -> Hits:  # noqa: F821
    """A setting of an unknown type."""
    return Hits()


async def forgets_what_it_writes(question: Question) -> None:
    """Finds, and says that it writes nothing."""


async def two_runs(question: Question, run: Run, other: Run) -> Hits:
    """The run, twice."""
    return Hits()


BROKEN.add("reads without a type", lambda: f.find >> node(bare_read), "annotate", "hits", node="bare_read")
BROKEN.add(
    "writes without a type", lambda: node(bare_return) >> f.answer_if_any, "return", node="bare_return"
)
BROKEN.add(
    "no type anywhere", lambda: f.find >> node(all_bare), "question", "hits", "return", node="all_bare"
)
BROKEN.add("any number of values", lambda: f.find >> node(many), "variadic", node="many")
BROKEN.add("any number of named values", lambda: node(by_name), "others", node="by_name")
BROKEN.add(
    "a setting before the star",
    lambda: node(positional_setting) >> f.answer,
    "int",
    node="positional_setting",
)
BROKEN.add(
    "a setting of an unknown type",
    lambda: node(unresolved_setting) >> f.answer,
    "Nowhere",
    node="unresolved_setting",
)
BROKEN.add(
    "a node that forgets what it writes",
    lambda: node(forgets_what_it_writes) >> f.answer,
    "Hits",
    node="answer",
)
BROKEN.add("the run, twice", lambda: node(two_runs) >> f.answer, "Run", node="two_runs")
