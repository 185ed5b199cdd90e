"""Graphs near to broken ones, and right: names, types and shapes that only look odd."""

import datetime
import decimal
import enum
import functools
import math
import pathlib
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Generic, NamedTuple, NewType, Optional, TypeVar, Union

from pydantic import BaseModel, ConfigDict, Field

from orchestrator import (
    Answer,
    Hits,
    Question,
    Run,
    node,
    workflow,
)
from orchestrator.ports import Cache, Documents
from orchestrator.types import Hit
from tests.graph import flows as f
from tests.graph.corpus.case import Cases
from tests.graph.corpus.right_types import Colour, Plain, Words, flowing

RIGHT = Cases()

T = TypeVar("T")
UserId = NewType("UserId", str)


@dataclass(frozen=True)
class Times:
    """Values of the standard library."""

    at: datetime.datetime
    day: datetime.date
    took: datetime.timedelta
    id: uuid.UUID
    price: decimal.Decimal
    path: pathlib.Path
    user: UserId
    data: bytes = b""
    share: float = math.nan


class Point(NamedTuple):
    """A tuple with names."""

    x: float
    y: float


@dataclass(frozen=True)
class Two(Generic[T]):
    """Two of one type."""

    values: tuple[T, ...]
    next: "Two[T] | None" = None


@dataclass(frozen=True)
class Marks(Two[str]):
    """Two by inheritance."""

    LIMITS: ClassVar[list[int]] = [1, 2]


@dataclass(frozen=True)
class Checked:
    """Refuses what is not positive."""

    size: Annotated[int, Field(gt=5)] = 10

    def __post_init__(self) -> None:
        if self.size <= 5:
            raise ValueError("too small")


class Bounded(BaseModel):
    """A model whose fields have bounds."""

    model_config = ConfigDict(frozen=True)
    share: float = Field(ge=0.9, le=1.0, default=1.0)
    words: tuple[Annotated[str, Field(min_length=3)], ...] = ()


@dataclass(frozen=True, eq=False)
class Same:
    """Equal to itself only."""

    text: str = ""


@dataclass(frozen=True)
class Mixed:
    """Unions of plain types."""

    value: str | int | float | None = None
    pairs: tuple[tuple[str, str | int], ...] = ()
    either: Union[Plain, Point, None] = None  # noqa: UP007
    colours: frozenset[Colour] = frozenset()
    kept: tuple[Point, ...] = field(default=(), compare=False)


class Priority(enum.IntEnum):
    """Numbers."""

    low = 0
    high = 1


for name, tp in {
    "times and ids": Times,
    "a named tuple": Point,
    "a tuple of named tuples": tuple[Point, ...],
    "a generic of words": Two[str],
    "a generic of a generic": Two[Two[Plain]],
    "a generic by inheritance": Marks,
    "a type that refuses some values": Checked,
    "a model of bounded values": Bounded,
    "a type that is equal to itself only": Same,
    "unions of plain types": Mixed,
    "a day": datetime.date,
    "a moment": datetime.datetime,
    "an id": uuid.UUID,
    "a price": decimal.Decimal,
    "a renamed word": UserId,
    "an enum of numbers": Priority,
    "bytes": bytes,
    "a tuple of tuples": tuple[tuple[str, int], ...],
    "a frozen set of colours": frozenset[Colour],
    "a bounded number": Annotated[int, Field(gt=3)],
    "a bounded number by name": Annotated[int, Field(gt=3), "count"],
    "a channel with a point in its name": Annotated[Hits, "bm25+dense 1.0"],
    "a channel with a name in other letters": Annotated[Hits, "ранжування"],
}.items():
    RIGHT.add(f"{name} can flow", lambda tp=tp: flowing(tp))


class Searcher:
    """An object whose methods are nodes."""

    def __init__(self, k: int) -> None:
        self.k = k

    async def search(self, question: Question) -> Hits:
        """A method."""
        return Hits().top(self.k)

    @staticmethod
    async def other(question: Question) -> Hits:
        """A function in a class."""
        return Hits()


def logged(function: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator of the user's."""

    @functools.wraps(function)
    async def inner(*args: Any, **kwargs: Any) -> Any:
        return await function(*args, **kwargs)

    return inner


@logged
async def decorated(question: Question, *, k: int = 3) -> Hits:
    """A function behind a decorator."""
    return Hits()


@node
async def perhaps_run(hits: Hits, run: Run | None) -> Answer:
    """The run is always there."""
    return Answer("")


@node
async def perhaps_run_old(hits: Hits, run: Optional[Run], documents: Documents | None = None) -> Answer:  # noqa: UP045
    """The run, and a port with None as its default."""
    return Answer("")


@node
async def perhaps_hits(question: Question, hits: Hits | None = None) -> Answer:
    """An optional read with None as its default."""
    return Answer("")


@node
async def odd_settings(
    question: Question,
    *,
    share: float = math.nan,
    pattern: re.Pattern[str] = re.compile("a"),
    key: Callable[[str], str] = str.lower,
    path: pathlib.Path = pathlib.Path("a"),
    at: datetime.date = datetime.date(2020, 1, 1),
    either: int | str = 3,
    words: tuple[str, ...] | None = None,
    whatever: Any = 3,
) -> Hits:
    """Settings of odd types, all of which can be told apart."""
    return Hits()


@node
async def words(question: Question) -> Words:
    """A collection of the user's."""
    return Words()


def of_word(word: object) -> Any:
    """A node that closes over a value."""

    @node
    async def find_of(question: Question) -> Hits:
        return Hits((Hit(str(word), 1.0),))

    return find_of


# Nodes.
RIGHT.add("a method of an object", lambda: node(Searcher(3).search) >> f.answer)
RIGHT.add("a function in a class", lambda: node(Searcher.other) >> f.answer)
RIGHT.add("a function behind a decorator", lambda: node(decorated)(k=2) >> f.answer)
RIGHT.add("an optional run", lambda: f.find >> perhaps_run)
RIGHT.add("an optional run and a port with a default", lambda: f.find >> perhaps_run_old, ports=())
RIGHT.add("an optional read with a default", lambda: perhaps_hits)
RIGHT.add("settings of odd types", lambda: odd_settings >> f.answer)
RIGHT.add("settings of odd types that are given", lambda: odd_settings(key=str.upper, either="a") >> f.answer)
RIGHT.add("a cached node of a closure", lambda: of_word("a").within(cache=60) >> f.answer)
RIGHT.add(
    "a cached node of a closure over values", lambda: of_word(({"a": 1}, [2])).within(cache=60) >> f.answer
)
RIGHT.add("a cached method", lambda: node(Searcher(3).search).within(cache=60) >> f.answer)
RIGHT.add("a cached class", lambda: f.Shout(2).within(cache=9))
RIGHT.add("a cached node behind a decorator", lambda: node(decorated).within(cache=1.5) >> f.answer)
RIGHT.add("a node of a closure over what nobody knows", lambda: of_word(object()) >> f.answer)
RIGHT.add("a port of a cached node", lambda: f.find >> perhaps_run.within(cache=60), ports=(Cache,))

# Names.
for name in (
    "bm25+dense",
    "find.v2",
    "find 2",
    "a/b",
    "1",
    "é",
    "end",
    "__init__",
    "begin.x",
    "Question",
    "fork",
    "repeat",
):
    RIGHT.add(f"a node named {name}", lambda name=name: f.find.named(name) >> f.answer)
    RIGHT.add(f"a workflow named {name}", lambda name=name: workflow(name, f.find >> f.answer))
    RIGHT.add(f"a workflow named {name}, inside", lambda name=name: workflow(name, f.find) >> f.answer)
