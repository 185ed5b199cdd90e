"""Values of a durable run come back as what they were, or their type is refused before it runs."""

from __future__ import annotations

import collections
import collections.abc
import dataclasses
import datetime
import decimal
import enum
import fractions
import io
import ipaddress
import math
import pathlib
import random
import re
import types
import typing
import uuid
import zoneinfo
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, TypeVar

import numpy as np
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sql import SqlRuns, open_database
from orchestrator import ANONYMOUS, Answer, Hits, Question, Workflow, node, route, workflow
from orchestrator.errors import BadInput, NodeError, PlanChanged
from orchestrator.graph.channel import type_name
from orchestrator.graph.channel_type import flow_problem
from orchestrator.graph.serialise import dump, load, pack, readable, unpack
from orchestrator.ports import Runs
from orchestrator.types import Citation, Hit, Principal
from tests.graph.corpus.case import Case, parameters
from tests.graph.corpus.right_types import FLOWING
from tests.graph.right_graphs import RIGHT
from tests.graph.sample_value import NoSample, sample

ItemT = TypeVar("ItemT")
Metres = NewType("Metres", float)


class Colour(enum.Enum):
    """Values that JSON has not, and an alias."""

    RED = (255, 0, 0)
    BLUE = (0, 0, 255)
    AZURE = (0, 0, 255)  # noqa: PIE796


class Level(enum.IntEnum):
    """Numbers by name."""

    LOW = 1
    HIGH = 2


class Access(enum.Flag):
    """Members that combine."""

    READ = enum.auto()
    WRITE = enum.auto()


class Word(str):
    """A derived text that prints as something else."""

    def __str__(self) -> str:
        return "never mind"


class Tag(str):
    """A derived text with a slot."""

    __slots__ = ("kind",)
    kind: str

    def __new__(cls, text: str, kind: str = "") -> typing.Self:
        made = super().__new__(cls, text)
        made.kind = kind
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tag) and (str(self), self.kind) == (str(other), other.kind)

    def __hash__(self) -> int:
        return hash((str(self), self.kind))


class Opaque(enum.Enum):
    """A member whose value could not be written; its name can."""

    ONE = object()


class Names(tuple[str, ...]):
    """A derived tuple that says what it holds."""

    __slots__ = ()


class Point(NamedTuple):
    """A named tuple."""

    x: int
    y: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class Inner:
    """Nested, with whatever fields."""

    day: datetime.date
    parts: tuple[Point, ...] = ()


@dataclasses.dataclass(frozen=True)
class Outer:
    """Computes a field, and holds itself."""

    inner: Inner
    kind: Colour
    next: Outer | None = None
    twice: int = dataclasses.field(init=False, default=0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "twice", 2 * len(self.inner.parts))


@dataclasses.dataclass(frozen=True)
class Special(Outer):
    """A subclass with a field more."""

    note: str = ""


@dataclasses.dataclass(frozen=True)
class Box(Generic[ItemT]):
    """Generic."""

    item: ItemT


class Model(pydantic.BaseModel):
    """A model with an alias, a private attribute and a validator that must not run twice."""

    model_config = pydantic.ConfigDict(frozen=True, extra="allow")
    name: str = pydantic.Field(alias="Name")
    when: datetime.datetime
    _seen: int = pydantic.PrivateAttr(default=0)

    @pydantic.field_validator("name")
    @classmethod
    def _longer(cls, name: str) -> str:
        return name + "!"


UTC = datetime.UTC
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
NEW_YEAR = datetime.datetime(2024, 1, 1, tzinfo=UTC)
INNER = Inner(datetime.date(2024, 2, 29), (Point(1, 2.5), Point(2)))
#: type → values of it.
SAMPLES: list[tuple[Any, list[Any]]] = [
    (str, ["", "text", "\0", "\ud800 lone", "𝄞"]),
    (int, [0, -(2**63), 2**64, -(2**64), 10**50]),
    (float, [0.0, -0.0, 1e-300, math.inf, -math.inf, math.nan]),
    (bool, [True, False]),
    (bytes, [b"", b"\xff\xfe\x00"]),
    (complex, [1 + 2j]),
    (range, [range(1, 10, 3)]),
    (datetime.datetime, [
        datetime.datetime(2024, 1, 1, 12, 30, 1, 5), datetime.datetime(2024, 1, 1, tzinfo=UTC),
        datetime.datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN, fold=1),
        datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=5.5), "X")),
    ]),
    (datetime.date, [datetime.date(1, 1, 1)]),
    (datetime.time, [datetime.time(1, 2, 3, 4, tzinfo=UTC)]),
    (datetime.timedelta, [datetime.timedelta(days=-1, microseconds=7)]),
    (datetime.timezone, [UTC]),
    (zoneinfo.ZoneInfo, [BERLIN]),
    (uuid.UUID, [uuid.UUID(int=5)]),
    (decimal.Decimal, [decimal.Decimal("1.10"), decimal.Decimal("-Infinity")]),
    (fractions.Fraction, [fractions.Fraction(1, 3)]),
    (pathlib.Path, [pathlib.Path("/a/b")]),
    (pathlib.PurePosixPath, [pathlib.PurePosixPath("a/b")]),
    (pathlib.PureWindowsPath, [pathlib.PureWindowsPath("c:/a")]),
    (ipaddress.IPv4Address, [ipaddress.IPv4Address("127.0.0.1")]),
    (ipaddress.IPv6Network, [ipaddress.IPv6Network("2001:db8::/32")]),
    (Colour, list(Colour)),
    (Level, list(Level)),
    (Access, [Access.READ, Access.READ | Access.WRITE, Access(0)]),
    (Word, [Word("word")]),
    (Tag, [Tag("word", "noun")]),
    (Opaque, list(Opaque)),
    (Names, [Names(("a", "b")), Names()]),
    (Point, [Point(1, 2.0)]),
    (Inner, [INNER]),
    (Outer, [Outer(INNER, Colour.RED, Outer(INNER, Colour.AZURE)), Special(INNER, Colour.BLUE, note="n")]),
    (Box[int], [Box(1)]),
    (Box[tuple[Colour, ...]], [Box((Colour.RED,))]),
    (Model, [Model.model_validate({"Name": "n", "when": NEW_YEAR, "more": (1, 2)})]),
    (Hits, [Hits((Hit("a", 1.0, "bm25"), Hit("b", math.nan)))]),
    (Answer, [Answer("text", (Citation(1, "a", "t", "s", "x", labels=("l",)),), ("d",))]),
    (Principal, [ANONYMOUS]),
    (tuple[Hits, ...], [(), (Hits((Hit("a", 1.0),)), Hits())]),
    (tuple[int, str, Colour], [(1, "a", Colour.RED)]),
    (tuple[()], [()]),
    (frozenset[Inner], [frozenset({INNER, Inner(datetime.date(1, 1, 1))})]),
    (frozenset[str], [frozenset({"a", "b", "c"})]),
    (Literal["a", 1, True], ["a", 1, True]),
    (Literal[Colour.RED], [Colour.RED]),
    (int | str, [1, "1"]),
    (Inner | Outer | None, [INNER, None]),
    (Annotated[Hits, "first"], [Hits()]),
    (Metres, [Metres(1.5)]),
    (float, [np.float64(0.5), np.float32(0.1), 3]),
    (np.int64, [np.int64(-5)]),
]  # fmt: skip
#: Named by their place, since what a set prints differs from process to process.
EACH = [
    pytest.param(tp, value, id=f"{number}-{place}-{type_name(tp)}")
    for number, (tp, values) in enumerate(SAMPLES)
    for place, value in enumerate(values)
]


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal and of the same classes, through and through."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float) and math.isnan(one):
        return math.isnan(other)
    if isinstance(one, float):
        return math.copysign(1, one) == math.copysign(1, other) and one == other
    if isinstance(one, datetime.datetime | datetime.time):
        return one == other and one.fold == other.fold and same(one.tzinfo, other.tzinfo)
    if isinstance(one, datetime.timezone):
        return repr(one) == repr(other)
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, frozenset):
        # Nothing equals a set that holds what is not a number.
        return same(sorted(one, key=repr), sorted(other, key=repr))
    if isinstance(one, dict):
        return same(list(one.items()), list(other.items()))
    if isinstance(one, pydantic.BaseModel):
        return same(one.__getstate__(), other.__getstate__())
    if dataclasses.is_dataclass(one) and not isinstance(one, enum.Enum):
        fields = dataclasses.fields(one)
        return all(same(getattr(one, each.name), getattr(other, each.name)) for each in fields)
    return bool(one == other)


def test_there_are_forty_types() -> None:
    assert len({repr(tp) for tp, _ in SAMPLES}) >= 40


@pytest.mark.parametrize(("tp", "value"), EACH)
def test_a_value_comes_back_as_what_it_was(tp: Any, value: Any) -> None:
    assert flow_problem(tp) is None
    assert same(unpack(pack(value, tp), tp), value)
    assert same(load(dump(value, tp), tp), value)
    readable(value, tp)  # a record of it can always be written


def test_a_time_that_pydantic_read_is_the_same_time() -> None:
    read = pydantic.TypeAdapter(datetime.datetime).validate_json('"2024-01-01T00:00:00+05:30"')
    assert type(read.tzinfo) is not datetime.timezone
    found = unpack(pack(read, datetime.datetime), datetime.datetime)
    assert (found, found.utcoffset()) == (read, datetime.timedelta(hours=5.5))


@given(st.randoms(use_true_random=False), st.integers(0, 4))
def test_so_does_whatever_is_made_of_such_values(rng: random.Random, depth: int) -> None:
    tp, value = built(rng, depth)
    assert flow_problem(tp) is None
    assert same(unpack(pack(value, tp), tp), value)


def built(rng: random.Random, depth: int) -> tuple[Any, Any]:
    """A random type made of the samples', and a value of it."""
    if depth == 0:
        tp, values = rng.choice(SAMPLES)
        return tp, rng.choice(values)
    inner, value = built(rng, depth - 1)
    other, beside = built(rng, 0)
    hashable = isinstance(value, collections.abc.Hashable) and not isinstance(value, tuple | Box | Outer)
    choices = [
        (tuple[inner, ...], (value,) * rng.randint(0, 3)),
        (tuple[inner, other], (value, beside)),
        (Box[inner], Box(value)),
        (tuple[tuple[str, inner], ...], (("key", value), ("\ud800", value))),
        (inner | None, rng.choice([value, None])),
    ]
    if hashable and not isinstance(value, float | pydantic.BaseModel | Sequence):
        choices.append((frozenset[inner], frozenset({value})))
    return rng.choice(choices)


def test_equal_values_are_equal_bytes_whatever_the_order_of_their_sets() -> None:
    words = [f"word {number}" for number in range(50)]
    assert pack(frozenset(words), frozenset[str]) == pack(frozenset(reversed(words)), frozenset[str])


def test_what_a_declared_type_does_not_name_is_refused_when_it_is_kept() -> None:
    class Stray:
        pass

    with pytest.raises(BadInput, match="holds a Stray"):
        pack((Stray(),), tuple[Hits, ...])
    with pytest.raises(BadInput, match="holds a Inner"):
        pack(INNER, Hits)


def test_bytes_can_name_no_other_class() -> None:
    with pytest.raises(PlanChanged, match="Inner"):
        unpack(pack(INNER, Inner), Hits)


class Changing:
    """No value at all."""


class Typed(typing.TypedDict):
    """A dict by another name."""

    a: int


@dataclasses.dataclass
class Mutable:
    """Not frozen."""

    a: int


@dataclasses.dataclass(frozen=True)
class Deep:
    """Frozen outside only."""

    boxes: tuple[Box[list[int]], ...]


class Untold(tuple):  # type: ignore[type-arg]
    """A derived tuple of anything."""


@dataclasses.dataclass(frozen=True)
class Unresolved:
    """Names what is not there."""

    a: Nowhere  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    "tp",
    [
        Any, object, list[int], list, dict[str, int], set[int], bytearray, Typed, collections.deque[int],
        collections.Counter, collections.defaultdict[str, int], collections.abc.MutableMapping[str, int],
        tuple, frozenset, tuple[Any, ...], tuple[list[int], ...], Mapping[str, list[int]], int | list[int],
        Sequence[Hit], Mapping[Colour, Hits], collections.abc.Set[int], types.MappingProxyType[str, int],
        Untold, np.str_, np.object_, re.Pattern[str], ValueError, pydantic.SecretStr,
        collections.abc.Callable[[], int], collections.abc.Awaitable[int], collections.abc.Iterator[int],
        type[int], TypeVar("NoT"), Box, Box[list[int]], Changing, Mutable, Deep, Unresolved, np.ndarray,
        Box[Changing], types.ModuleType, collections.abc.Generator[int], Runs,
    ],
    ids=type_name,
)  # fmt: skip
def test_a_type_whose_values_would_not_come_back_or_could_change_is_refused(tp: Any) -> None:
    found = flow_problem(tp)
    assert found is not None
    assert found.problem
    assert found.fix


@pytest.mark.parametrize(
    ("tp", "value"),
    [
        (Changing, Changing()), (Box[Changing], Box(Changing())), (types.ModuleType, types),
        (object, object()),
        (np.ndarray, np.zeros(2)), (re.Pattern[str], re.compile("a")), (ValueError, ValueError("a")),
        (collections.abc.Callable[[int], int], abs), (type[int], int), (io.BytesIO, io.BytesIO()),
        (pydantic.SecretStr, pydantic.SecretStr("a")), (Mutable, Mutable(1)),
        (collections.abc.Iterator[int], iter(())), (tuple[Changing, ...], (Changing(),)),
    ],
    ids=lambda given: type_name(given) if isinstance(given, type | types.GenericAlias) else "",
)  # fmt: skip
def test_what_cannot_be_written_is_refused_by_the_check(tp: Any, value: Any) -> None:
    assert flow_problem(tp) is not None
    if not isinstance(value, Mutable):
        with pytest.raises(BadInput, match="which its declared type does not name"):
            pack(value, tp)


@pytest.mark.quick(every=8)
@pytest.mark.parametrize("case", parameters(RIGHT))
def test_what_flows_in_a_graph_that_the_check_accepts_comes_back(case: Case) -> None:
    built = case.build()
    graph = built if isinstance(built, Workflow) else workflow("graph", built)
    for tp in {repr(slot.channel.type): slot.channel.type for slot in graph.plan.slots}.values():
        try:
            value = sample(tp)
        except NoSample:
            continue
        assert same(unpack(pack(value, tp), tp), value), tp


def test_nearly_every_type_of_the_corpus_has_a_sample() -> None:
    without = [name for name, tp in FLOWING.items() if not _has_sample(tp)]
    assert without == [
        "a kind of text",
        "a kind of tuple",
        "a range",
        "a fraction",
        "an address",
        "a number of numpy",
    ]


def _has_sample(tp: Any) -> bool:
    try:
        sample(tp)
    except NoSample:
        return False
    return True


def test_a_fault_deep_inside_says_where_it_is() -> None:
    found = flow_problem(Deep)
    assert found is not None
    assert found.problem == "Box[list[int]].item: list[int] can be changed by whoever reads it"


# -- through a run ---------------------------------------------------------------------------------


BREAK: list[bool] = []


@node
async def begin(question: Question) -> Outer:
    """A subclass where the class is declared."""
    return Special(INNER, Colour.BLUE, note=question.text)


@node
async def gather(outer: Outer) -> tuple[Outer, ...]:
    """Several."""
    return (outer, outer)


async def by_colour(outer: Outer) -> Colour:
    """Routes by an enum, whose value JSON would change."""
    return outer.kind


@node
async def tell(outers: tuple[Outer, ...]) -> Answer:
    """Breaks once."""
    if BREAK:
        raise ValueError("broken for now")
    assert all(type(outer) is Special for outer in outers)
    return Answer(" ".join(outer.note for outer in outers if isinstance(outer, Special)))


@pytest.mark.quick(every=2)
@pytest.mark.parametrize("text", ["plain", "lone \ud800"])
async def test_values_and_choices_come_back_in_a_resumed_run(tmp_path: pathlib.Path, text: str) -> None:
    database = open_database(tmp_path / "state.db")
    runs = SqlRuns(database)
    choices = route({Colour.RED: gather, Colour.BLUE: gather}, by=by_colour)
    wf = workflow("w", begin >> choices >> tell)
    BREAK.append(True)
    with pytest.raises(NodeError, match="broken for now"):
        await wf.run(Question(text, ANONYMOUS), ports={Runs: runs}, durability="step", run_id="r")
    BREAK.clear()
    result = await wf.resume("r", ports={Runs: runs}, principal=ANONYMOUS)
    assert result.answer is not None
    assert result.answer.text == f"{text} {text}"
    await runs.close()
    database.close()


async def test_a_node_that_returns_what_cannot_be_kept_is_named(tmp_path: pathlib.Path) -> None:
    @node
    async def smuggle(question: Question) -> Box[int]:
        return Box(Changing())  # type: ignore[arg-type]

    @node
    async def ends(box: Box[int]) -> Answer:
        return Answer("")

    database = open_database(tmp_path / "state.db")
    runs = SqlRuns(database)
    with pytest.raises(BadInput, match=r"^\[smuggle\] A value of Box\[int\] holds a Changing") as refused:
        await workflow("w", smuggle >> ends).run(
            Question("q", ANONYMOUS), ports={Runs: runs}, durability="step"
        )
    assert refused.value.hint
    await runs.close()
    database.close()


@dataclasses.dataclass(frozen=True)
class Link:
    """A chain of any length."""

    next: Link | None = None


def test_a_value_that_lies_too_deep_within_itself_says_so() -> None:
    chain = Link()
    assert unpack(pack(chain, Link), Link) == chain
    for _ in range(5_000):
        chain = Link(chain)
    with pytest.raises(BadInput, match=r"A value of Link lies too deep within itself") as refused:
        pack(chain, Link)
    assert refused.value.hint
