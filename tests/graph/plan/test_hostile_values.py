"""Values that lie or raise, in every place and in settings: faults or errors of ours, no others."""

from __future__ import annotations

import dataclasses
import decimal
import enum
import functools
import types
import weakref
from typing import Annotated, Any, Literal, Optional
from unittest import mock

import pytest

from orchestrator import Hits, Node, Question, each, fuse, node, repeat, route, workflow
from orchestrator.graph.expression import Expression, Step
from orchestrator.graph.node import ConfigurationError
from tests.graph import flows as f
from tests.graph.plan.test_raising_values import MAY_BE_RIGHT, PLACES, OwnError, annotated, fails, told


class Unsayable(Exception):
    """An error that cannot be told."""

    __str__ = __repr__ = fails


def raises(error: type[Exception]) -> Any:
    """A method that raises an error."""

    def method(*args: Any, **kwargs: Any) -> Any:
        raise error

    return method


def claims(kind: type) -> Any:
    """A value that says to be of a class."""
    return type("Liar", (), {"__class__": property(lambda self: kind)})()


def gone() -> Any:
    """A reference to what is no more."""

    class Thing:
        """What is soon gone."""

    return weakref.proxy(Thing())


def text(method: str) -> Any:
    """A text one of whose methods raises."""
    return type("Text", (str,), {method: fails})("text")


def function(**attributes: Any) -> Any:
    """A function that says of itself what is not so."""

    async def search(question: Question) -> Hits:
        return Hits()

    for name, value in attributes.items():
        setattr(search, name, value)
    return search


class Array:
    """Compared item by item, and so neither true nor false."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> Any:
        return Array()

    def __bool__(self) -> bool:
        raise ValueError("The truth value of an array is ambiguous")


class Aliases:
    """Stands for another of its kind, and that for another."""

    @property
    def __supertype__(self) -> Any:
        return Aliases()


class Sealed(Expression):
    """An expression that does not say what it is."""

    __getattribute__ = fails  # type: ignore[assignment]


class Untold(enum.Enum):
    """Members that cannot be shown."""

    ONE = 1
    __str__ = __repr__ = fails


@dataclasses.dataclass(frozen=True)
class Holder:
    """A frozen value around one that is not."""

    items: list[int] = dataclasses.field(default_factory=list)


class Module(types.ModuleType):
    """Looks up its parts itself, and finds none."""

    __getattr__ = fails


class Bad(dict):
    """A mapping whose items are no pairs."""

    def items(self) -> Any:
        return [1, 2]


ODD = ("__index__", "__int__", "__float__", "__format__", "__str__", "__le__")
VALUES: dict[str, Any] = {
    **{
        f"{name} raises {error.__name__}": type("Value", (), {f"__{name}__": raises(error)})()
        for name in ("repr", "eq", "hash", "bool", "iter", "len", "getattribute")
        for error in (Unsayable, StopIteration, RecursionError, AttributeError, KeyError)
    },
    **{name: type("Value", (), {name: lambda *_: None})() for name in ("__repr__", "__hash__")},
    **{f"says to be a {kind.__name__}": claims(kind) for kind in (Node, Step, type, str, int, tuple, dict)},
    **{f"a text without {name}": text(name) for name in ("__eq__", "__hash__", "isprintable")},
    "a mock": mock.MagicMock(),
    "a mock of a node": mock.MagicMock(spec=Node),
    "a mock of a function": mock.create_autospec(f.find),
    "gone": gone(),
    "an array": Array(),
    "a decimal that is compared to nothing": decimal.Decimal("sNaN"),
    "an odd number": type("Number", (int,), dict.fromkeys(ODD, fails))(3),
    "a number without comparison": type("Number", (float,), {"__eq__": fails, "__lt__": fails})(3.0),
    "more digits than are written": 10**5000,
    "a tuple in tuples": functools.reduce(lambda inner, _: (inner,), range(3000), ()),
    "a member": Untold.ONE,
    "an open value": Holder(),
    "a module": Module("module"),
    "a bad mapping": Bad(a=1),
    "aliases": Aliases(),
    "a sealed expression": Sealed(),
    "a wrong signature": function(__signature__=Array()),
    "a wrong wrapped": function(__wrapped__=gone()),
    "a lone surrogate": "\ud800",
}  # fmt: skip


class Anything(Node):
    """A node with a setting of any type."""

    setting: Any

    async def __call__(self, question: Question) -> Hits:
        """No hits."""
        return Hits()


class Numbered(Node):
    """A node with settings of types."""

    number: int | None = None
    names: tuple[str, ...] = ()

    async def __call__(self, question: Question) -> Hits:
        """No hits."""
        return Hits()


@node
async def untyped(question: Question, *, setting: Any = None) -> Hits:
    """A function with a setting of any type."""
    return Hits()


def with_class_default(value: Any) -> Any:
    class Default(Node):
        """A node with a default."""

        setting: Any = value

        async def __call__(self, question: Question) -> Hits:
            return Hits()

    return Default()


#: Where a value is set, or part of a type; some may stand there.
SETTINGS: dict[str, Any] = {
    "a number": lambda value: f.find(k=value) >> f.answer,
    "by place": lambda value: f.find(value) >> f.answer,
    "of a class": lambda value: Anything(value) >> f.answer,
    "a number of a class": lambda value: Numbered(number=value) >> f.answer,
    "among names": lambda value: Numbered(names=(value,)) >> f.answer,
    "of any type": lambda value: untyped(setting=value) >> f.answer,
    "deep": lambda value: untyped(setting=(1, (value,))) >> f.answer,
    "kept": lambda value: untyped(setting=value).within(cache=5) >> f.answer,
    "a default of a class": lambda value: with_class_default(value) >> f.answer,
    "unknown": lambda value: f.find.within(retries=value),
    "before": lambda value: f.find.__rrshift__(value) >> f.answer,
    "beside": lambda value: fuse(f.find.__ror__(value), by=f.rank_fusion),
    "around": lambda value: (f.find @ value) >> f.find[value],
    "a label": lambda value: route({value: f.find, "long": f.find_other}, by=f.by_length) >> f.answer,
    "all at once": lambda value: (
        fuse(value, value, by=value)
        >> repeat(value, until=value, at_most=value)
        >> each(value, over=value, at_once=value)
    ),
    "a name of a channel": lambda value: annotated(returns=Annotated[Hits, value]) >> f.answer,
    "a literal": lambda value: annotated(returns=Literal[value]) >> f.answer,
    "an optional": lambda value: annotated(reads=Optional[value]) >> f.answer,  # noqa: UP045
}  # fmt: skip


def ours(build: Any, value: Any) -> None:
    """Let what Python itself refuses pass, before any of our code is asked."""
    try:
        told(build, value)
    except Exception as error:
        trace, files = error.__traceback__, []
        while trace is not None:
            files.append(trace.tb_frame.f_code.co_filename)
            trace = trace.tb_next
        assert not any("/orchestrator/" in name for name in files), files


@pytest.mark.slow
@pytest.mark.parametrize("place", [*PLACES, *MAY_BE_RIGHT, *SETTINGS])
def test_nothing_but_our_errors_comes_out(place: str) -> None:
    build = {**PLACES, **MAY_BE_RIGHT, **SETTINGS}[place]
    for value in VALUES.values():
        ours(build, value)


def test_a_bad_setting_is_named_though_it_cannot_be_shown() -> None:
    mute = VALUES["repr raises Unsayable"]
    with pytest.raises(ConfigurationError, match="find: k=a Value: "):
        f.find(k=mute)
    with pytest.raises(ConfigurationError, match=r"Numbered: number.*=a Value: "):
        Numbered(number=mute)


def test_a_node_whose_own_beginning_raises_is_named() -> None:
    class Late(Node):
        """A node that raises as it is made."""

        def __post_init__(self) -> None:
            raise OwnError("not today")

        async def __call__(self, question: Question) -> Hits:
            return Hits()

    with pytest.raises(ConfigurationError, match="Late: not today"):
        Late()


def test_a_node_whose_function_raises_is_a_fault() -> None:
    class Lost(Node):
        """A node that has lost what it calls."""

        function = property(fails)  # type: ignore[assignment]

        async def __call__(self, question: Question) -> Hits:
            return Hits()

    assert "cannot be looked at" in told(lambda _: Lost() >> f.answer, None)


def test_numbers_are_plain_ones() -> None:
    class Rounds(enum.IntEnum):
        """A number under a name."""

        THREE = 3

    def draft(rounds: Any) -> Any:
        return repeat(f.find >> f.answer, until=f.long_enough, at_most=rounds)

    assert "cannot be looked at" in told(draft, 10**5000)
    workflow("named", repeat(f.draft, until=f.long_enough, at_most=Rounds.THREE)).check()
