"""Types that a user may let flow from one node to the next."""

import enum
import fractions
import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Generic, Literal, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict
from pydantic.dataclasses import dataclass as validated
from typing_extensions import TypeAliasType

from orchestrator import Answer, Hits, Question, each, node, route, workflow
from orchestrator.types import Filter, Hit, Principal
from tests.graph import flows as f
from tests.graph.corpus.case import Cases

RIGHT = Cases()

T = TypeVar("T")


class Colour(enum.Enum):
    """An enum."""

    red = "red"
    blue = "blue"


class Size(enum.StrEnum):
    """An enum of words."""

    small = "small"
    large = "large"


@dataclass(frozen=True)
class Plain:
    """A frozen dataclass."""

    text: str
    score: float = 0.0
    labels: frozenset[str] = frozenset()
    places: tuple[int, ...] = ()
    colour: Colour = Colour.red
    mode: Literal["short", "long"] = "short"
    filters: tuple[Filter, ...] = ()
    principal: Principal | None = None


@dataclass(frozen=True, slots=True)
class Slotted:
    """With slots, and a default that is made."""

    inner: Plain = field(default_factory=lambda: Plain(""))


@dataclass(frozen=True, kw_only=True)
class Named:
    """By keyword only."""

    text: str


class Model(BaseModel):
    """A frozen model."""

    model_config = ConfigDict(frozen=True)
    text: str
    plain: Plain | None = None
    names: tuple[str, ...] = ()


class SmallerModel(Model):
    """Inherits that it is frozen."""

    size: Size = Size.small


@validated(frozen=True)
class Validated:
    """A frozen dataclass of pydantic."""

    text: str


@dataclass(frozen=True)
class Longer(Plain):
    """Inherits its fields."""

    more: str = ""


@dataclass(frozen=True)
class Tree:
    """Holds itself."""

    text: str
    children: tuple["Tree", ...] = ()


@dataclass(frozen=True)
class Left:
    """Holds the other, which holds this."""

    right: "Right | None" = None


@dataclass(frozen=True)
class Right:
    """Holds the other, which holds this."""

    left: Left | None = None


@dataclass(frozen=True)
class Empty:
    """No field at all."""


@dataclass(frozen=True)
class Box(Generic[T]):
    """Frozen around another type."""

    value: T


@dataclass(frozen=True)
class Words:
    """Can be gone through."""

    words: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[str]:
        return iter(self.words)


class Word(str):
    """A kind of text."""


class Opaque(enum.Enum):
    """Members that are written by their names."""

    one = object()


class Names(tuple[str, ...]):
    """A kind of tuple that says what it holds."""


FLOWING: dict[str, object] = {
    "a kind of text": Word,
    "an enum of objects": Opaque,
    "a kind of tuple": Names,
    "a range": range,
    "a fraction": fractions.Fraction,
    "an address": ipaddress.IPv4Address,
    "a number of numpy": np.float64,
    "a frozen dataclass": Plain,
    "a frozen dataclass with slots": Slotted,
    "a frozen dataclass by keyword": Named,
    "a frozen dataclass that inherits": Longer,
    "a frozen dataclass without fields": Empty,
    "a frozen dataclass of pydantic": Validated,
    "a frozen model": Model,
    "a frozen model that inherits": SmallerModel,
    "a type that holds itself": Tree,
    "types that hold each other": Left,
    "a collection": Words,
    "a box of hits": Box[Hits],
    "an enum": Colour,
    "an enum of words": Size,
    "a tuple of hits": tuple[Hits, ...],
    "a tuple of words": tuple[str, ...],
    "a tuple of frozen types": tuple[Plain, ...],
    "a frozen set": frozenset[str],
    "a word": str,
    "a number": int,
    "a share": float,
    "yes or no": bool,
    "a named word": Annotated[str, "title"],
    "a named frozen type": Annotated[Plain, "first"],
}


def flowing(tp: object) -> object:
    """A graph whose first node writes `tp` and whose second reads it."""

    async def make(question: Question):
        raise NotImplementedError

    async def take(value) -> Answer:
        raise NotImplementedError

    make.__annotations__["return"] = tp
    take.__annotations__["value"] = tp
    return node(make) >> node(take)


for name, tp in FLOWING.items():
    RIGHT.add(f"{name} flows", lambda tp=tp: flowing(tp))


def two_of_one_name() -> object:
    """Two types that have one name, as those of two modules may."""

    def made(module: str) -> object:
        @dataclass(frozen=True)
        class Note:
            text: str

        Note.__module__ = module
        return Note

    one, other = made("one"), made("other")

    async def first(question: Question):
        raise NotImplementedError

    async def second(question: Question):
        raise NotImplementedError

    async def both(left, right) -> Answer:
        raise NotImplementedError

    first.__annotations__["return"] = one
    second.__annotations__["return"] = other
    both.__annotations__.update(left=one, right=other)
    return node(first) >> node(second) >> node(both)


RIGHT.add("two types of one name", two_of_one_name)


#: What `type Name = …` makes in Python 3.12.
Ranking = TypeAliasType("Ranking", tuple[Hit, ...])
First = TypeAliasType("First", Annotated[Hits, "first"])
Perhaps = TypeAliasType("Perhaps", Hits | None)
Several = TypeAliasType("Several", tuple[T, ...], type_params=(T,))
Length = TypeAliasType("Length", Literal["short", "long"])


def aliases() -> object:
    """Types by other names: what one node writes under a name, the next reads under none."""

    async def ranking(hits: Hits) -> Ranking:
        return hits.hits

    async def first(question: Question) -> First:
        return Hits()

    async def read(
        hits: tuple[Hit, ...], again: Several[Hit], first: Annotated[Hits, "first"], perhaps: Perhaps
    ) -> Answer:
        return Answer("")

    async def length(question: Question) -> Length:
        return "short"

    chosen = route({"short": f.find, "long": f.find_other}, by=length)
    return workflow("graph", chosen >> node(ranking) >> node(first) >> node(read), outputs=(Ranking,))


RIGHT.add("types by other names", aliases)


@dataclass(frozen=True)
class Page(Generic[T]):
    """A collection of any one type."""

    items: tuple[T, ...] = ()

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)


@dataclass(frozen=True)
class Rows(Generic[T]):
    """A collection of rows of any one type."""

    rows: tuple[tuple[T, ...], ...] = ()

    def __iter__(self) -> Iterator[tuple[T, ...]]:
        return iter(self.rows)


@dataclass(frozen=True)
class PageOfWords(Page[str]):
    """One of words, by inheritance."""


def each_of(collection: object, item: object) -> object:
    """A map over a collection whose items are of a type."""

    async def begin(question: Question):
        raise NotImplementedError

    async def look(item) -> Hits:
        raise NotImplementedError

    begin.__annotations__["return"] = collection
    look.__annotations__["item"] = item
    return node(begin) >> each(node(look), over=collection) >> f.rank_fusion >> f.answer


RIGHT.add("each over a generic collection", lambda: each_of(Page[int], int))
RIGHT.add("each over a generic collection of rows", lambda: each_of(Rows[int], tuple[int, ...]))
RIGHT.add("each over a collection that inherits its type", lambda: each_of(PageOfWords, str))
