"""Which types a channel may have: those whose values cannot change, and come back as they were written."""

from __future__ import annotations

import collections
import collections.abc
import dataclasses
import datetime
import decimal
import inspect
import pathlib
import typing
import uuid
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, cast

from orchestrator.graph.channel import channel_of, is_union, type_name
from orchestrator.graph.context import Run
from orchestrator.graph.names import a_kind_of, name_problem
from orchestrator.graph.problem import Problem
from orchestrator.graph.sample_value import sample
from orchestrator.graph.serialise import adapter, dump, pack, unpack
from orchestrator.graph.type_parts import Variables, bare, class_of, fields_of

#: Types of values that cannot change and have no parts.
PLAIN: tuple[Any, ...] = (
    str, int, float, bool, bytes, type(None), complex, datetime.datetime, datetime.date, datetime.time,
    datetime.timedelta, decimal.Decimal, uuid.UUID, pathlib.Path, pathlib.PurePath,
)  # fmt: skip
MUTABLE: tuple[Any, ...] = (
    list, dict, set, bytearray, memoryview, collections.deque, collections.abc.MutableSequence,
    collections.abc.MutableMapping, collections.abc.MutableSet,
)  # fmt: skip
USED_UP: tuple[Any, ...] = (
    collections.abc.Iterator, collections.abc.AsyncIterator, collections.abc.Awaitable,
    collections.abc.AsyncIterable,
)  # fmt: skip

_FUNCTION: Any = collections.abc.Callable
_CHANGES = (
    "can be changed by whoever reads it",
    "use tuple for list, frozenset for set, and a frozen dataclass or a tuple of pairs for dict",
)
_PLAIN_VALUES = "make it a frozen dataclass or a frozen pydantic model of plain values"
_ONE_TYPE = "name one type: a frozen dataclass, a frozen model, or a plain type such as str"


def is_port(tp: Any) -> bool:
    """Whether a type is a Protocol, and so injected rather than read from the state."""
    return isinstance(tp, type) and bool(getattr(tp, "_is_protocol", False))


def annotation_problem(annotation: Any) -> Problem | None:
    """Why something cannot stand where the type of a channel must, such as in `outputs`."""
    if isinstance(annotation, str):
        return Problem(
            f"{annotation!r} is a text, and no type", "write the type itself, imported and without quotes"
        )
    marks = marks_problem(annotation)
    if marks is not None:
        return marks
    tp = channel_of(annotation).type
    if tp is None or tp is type(None):
        return Problem("None is no type of a value", _ONE_TYPE)
    if is_union(tp):
        return Problem(f"{type_name(tp)} is a union", "name one type; a channel holds one")
    if is_port(tp):
        return Problem(
            f"{type_name(tp)} is a port, which nodes are given",
            "leave it out here; pass it in ports={…} of the run",
        )
    if tp is Run:
        return Problem("Run is given to every node that asks for it", "leave it out here")
    return flow_problem(tp)


def marks_problem(annotation: Any) -> Problem | None:
    """What is wrong with the name in `Annotated[X, "name"]`."""
    if typing.get_origin(annotation) is not typing.Annotated:
        return None
    tp, *marks = typing.get_args(annotation)
    names = [mark for mark in marks if isinstance(mark, str)]
    fix = f'name the channel: Annotated[{type_name(tp)}, "first"], or write {type_name(tp)} alone'
    for name in names:
        wrong = name_problem("channel", name)
        if wrong is not None:
            return Problem(f"{type_name(annotation)} {wrong.problem}", fix)
    if len(names) > 1:
        return Problem(f"{type_name(annotation)} has {len(names)} names", fix)
    # What pydantic reads of an annotation, such as a Field, is not ours to judge.
    odd: list[Any] = [
        mark for mark in marks if mark is None or isinstance(mark, (int, float, bytes, tuple, list, type))
    ]
    if odd and not names:
        return Problem(f"{type_name(annotation)} names its channel by {odd[0]!r}, which is no text", fix)
    return None


def flow_problem(tp: Any) -> Problem | None:
    """Why values of a type cannot flow from node to node; None if they can."""
    try:
        return _judged(tp)
    except TypeError:  # not hashable, and so no type
        return Problem(f"{type_name(tp)} is {a_kind_of(type(tp).__name__)}, and no type", _ONE_TYPE)


@lru_cache(maxsize=1024)
def _judged(tp: Any) -> Problem | None:
    found = next(_parts_that_cannot(tp, "", {}, []), None)
    if found is not None:
        return found
    reason = _unserialisable(tp)
    if reason is not None:
        return Problem(f"{type_name(tp)} cannot be serialised ({reason})", _PLAIN_VALUES)
    return _not_the_same(tp)


def _unserialisable(tp: Any) -> str | None:
    """What pydantic says of a type that it cannot write and read."""
    try:
        # A type whose parts are not there yet has no schema before it is used.
        made = adapter(tp)
        made.rebuild(raise_errors=True)
    except Exception as error:
        return str(error).splitlines()[0].split(". ")[0][:120].rstrip(".")
    return None


def _not_the_same(tp: Any) -> Problem | None:
    """Write a sample and read it back."""
    try:
        value = sample(tp)
    except Exception:
        return None  # values that only the program can make are proved when they first flow
    fix = "give it fields that pydantic writes and reads back unchanged"
    try:
        back = unpack(pack(value, tp), tp)
        same = type(back) is type(value) and (back == value or dump(back, tp) == dump(value, tp))
    except Exception as error:
        reason = str(error).splitlines()[0][:120].rstrip(". ") if str(error) else type(error).__name__
        return Problem(f"{type_name(tp)} cannot be written and read back ({reason})", fix)
    return None if same else Problem(f"{type_name(tp)} comes back from a checkpoint as another value", fix)


# -- what a type is made of ------------------------------------------------------------------------


def _parts_that_cannot(tp: Any, owner: str, variables: Variables, seen: list[Any]) -> Iterator[Problem]:
    tp = bare(tp, variables)
    name = f"{owner}: {type_name(tp)}" if owner else type_name(tp)
    if tp is None or tp is type(None) or typing.get_origin(tp) is typing.Literal:
        return
    if any(tp is known or tp == known for known in seen):
        return
    seen.append(tp)
    inside = [argument for argument in typing.get_args(tp) if argument is not Ellipsis]
    if not is_union(tp):
        reason = _why_not(tp)
        if reason is not None:
            yield Problem(f"{name} {reason[0]}", reason[1])
            return
        fields = fields_of(tp)
        if fields is not None:
            for field, hint, bound in fields:
                yield from _parts_that_cannot(hint, f"{type_name(tp)}.{field}", bound, seen)
            return
        if owner and not inside and isinstance(tp, type):
            reason = _unserialisable(tp)
            if reason is not None:
                yield Problem(f"{name} cannot be serialised ({reason})", _PLAIN_VALUES)
    for argument in inside:
        yield from _parts_that_cannot(argument, owner or type_name(tp), variables, seen)


def _why_not(tp: Any) -> tuple[str, str] | None:
    """Why a type cannot flow, whatever its parts are."""
    kind = class_of(tp)
    if tp is Any or tp is object or tp is inspect.Parameter.empty:
        return "may be anything, and so cannot be checked", _ONE_TYPE
    if isinstance(tp, (typing.TypeVar, typing.ParamSpec)):
        return "is a type variable, which stands for no type here", "name the type that it stands for"
    if isinstance(tp, (str, typing.ForwardRef)):
        return "cannot be resolved", "import the type at the top of its module"
    if kind in (_FUNCTION, type):
        return "is code, which cannot be written down", "make it a setting, or a node of its own"
    if not isinstance(kind, type):
        if type(kind).__module__ == "typing":
            return "is not a type of values", _ONE_TYPE
        return f"is {a_kind_of(type(kind).__name__)}, and no type", _ONE_TYPE
    if kind is tuple or kind is frozenset:
        if not typing.get_args(tp):
            return "does not say what it holds", f"write {type_name(kind)}[{_held(kind)}]"
        return None
    return _why_no_class(kind)


def _why_no_class(kind: Any) -> tuple[str, str] | None:
    if typing.is_typeddict(kind) or issubclass(kind, MUTABLE):
        return _CHANGES
    if issubclass(kind, USED_UP):
        return "is used up by its first reader", "return the value itself, or a tuple of the values"
    if kind.__module__ in ("collections.abc", "_collections_abc"):
        return "may be a list or dict, which can be changed by whoever reads it", _CHANGES[1]
    if is_port(kind):
        return "is a port, which nodes are given", "ask for it as a parameter of the node that uses it"
    if kind is Run:
        return "is the run, which nodes are given", "ask for it as a parameter of the node that uses it"
    name = type_name(kind)
    if dataclasses.is_dataclass(kind) and not cast("Any", kind).__dataclass_params__.frozen:
        return (
            "is a dataclass that can be changed by whoever reads it",
            f"declare {name} with @dataclass(frozen=True)",
        )
    config = getattr(kind, "model_config", None)
    if isinstance(config, dict) and not cast("dict[str, Any]", config).get("frozen"):
        return (
            "is a model that can be changed by whoever reads it",
            f"declare {name} frozen: model_config = ConfigDict(frozen=True)",
        )
    return None


def _held(kind: Any) -> str:
    return "X, ..." if kind is tuple else "X"
