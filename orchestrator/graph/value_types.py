"""What a declared type says of its values: which classes they are made of, and why they could not be kept.

This is the one rule for what may flow. The check words what is found here; the codec writes and reads the
classes that are found here. A value is kept as what it was made of, which needs types that say so: `Any`, a
function or an open file has no form in which it could be written, and a list could be changed by whoever
reads it. `Sequence[X]` and `Mapping[str, X]` only promise not to change what they are given, which may be a
list or a dict that its maker still changes; so they are refused like these.
"""

from __future__ import annotations

import collections
import collections.abc
import dataclasses
import datetime
import decimal
import enum
import fractions
import inspect
import ipaddress
import pathlib
import types
import typing
import uuid
import zoneinfo
from functools import lru_cache
from typing import Any, cast

from orchestrator.graph.channel import is_union, type_name
from orchestrator.graph.run_context import Run
from orchestrator.graph.type_parts import (
    Unresolved,
    Variables,
    bare,
    class_of,
    fields_of,
    held_by,
    is_model,
    is_port,
    variables_of,
)

#: Classes whose values are written as they are, or as one text.
SCALARS: frozenset[type] = frozenset(
    {
        bool, int, float, complex, str, bytes, type(None), range,
        datetime.datetime, datetime.date, datetime.time, datetime.timedelta, datetime.timezone,
        zoneinfo.ZoneInfo, uuid.UUID, decimal.Decimal, fractions.Fraction,
        pathlib.PurePath, pathlib.PurePosixPath, pathlib.PureWindowsPath, pathlib.Path, pathlib.PosixPath,
        ipaddress.IPv4Address, ipaddress.IPv6Address, ipaddress.IPv4Network, ipaddress.IPv6Network,
    }
)  # fmt: skip
#: Classes that a user may derive values from.
BASES: tuple[type, ...] = (str, bytes, int, float, complex, tuple, frozenset)
MUTABLE: tuple[Any, ...] = (
    list, dict, set, bytearray, memoryview, collections.deque, collections.abc.MutableSequence,
    collections.abc.MutableMapping, collections.abc.MutableSet,
)  # fmt: skip
_USED_UP: tuple[Any, ...] = (
    collections.abc.Iterator, collections.abc.AsyncIterator, collections.abc.Awaitable,
    collections.abc.AsyncIterable,
)  # fmt: skip
_FUNCTION: Any = collections.abc.Callable
#: numpy's scalars that are one number, by a class that they derive from.
_NUMBERS = frozenset({"number", "bool", "bool_", "datetime64"})


class Unfit(enum.Enum):
    """Why no value of a type can flow."""

    ANYTHING = "may be anything"
    VARIABLE = "stands for no type"
    UNRESOLVED = "names what cannot be found"
    CODE = "is code"
    FORM = "is no type of values"
    VALUE = "is a value, and no type"
    UNSAID = "does not say what it holds"
    CHANGES = "can change"
    MAY_CHANGE = "may be something that can change"
    OPEN_DATACLASS = "is a dataclass that is not frozen"
    OPEN_MODEL = "is a model that is not frozen"
    USED_UP = "is used up by its first reader"
    PORT = "is a port"
    RUN = "is the run"
    UNWRITABLE = "has no form to be written in"
    TWO_OF_A_NAME = "has the name of another class"


@dataclasses.dataclass(frozen=True, slots=True)
class Fault:
    """The first part of a type that cannot flow, and the field or type it stands in, such as `Hits.hits`."""

    why: Unfit
    type: Any
    owner: str = ""
    #: What Python said of it.
    reason: str = ""


@dataclasses.dataclass(slots=True)
class Survey:
    """What a type is made of: classes by their name, and the first fault that was found."""

    classes: dict[str, type] = dataclasses.field(default_factory=dict[str, type])
    fault: Fault | None = None
    _seen: list[Any] = dataclasses.field(default_factory=list[Any])

    def visit(self, tp: Any, owner: str = "", variables: Variables | None = None) -> None:
        """Look at a type and at all that it is made of."""
        tp = bare(tp, variables or {})
        if tp is None or (isinstance(tp, type) and tp in SCALARS):
            return
        if any(tp is known or tp == known for known in self._seen):
            return
        self._seen.append(tp)
        arguments = [argument for argument in typing.get_args(tp) if argument is not Ellipsis]
        if typing.get_origin(tp) is typing.Literal:
            for value in arguments:
                if isinstance(value, enum.Enum):
                    self._add(type(value), owner)
            return
        why = None if is_union(tp) else _why_not(tp)
        if why is not None:
            self._found(why, tp, owner)
            return
        kind = class_of(tp)
        if is_union(tp) or kind in (tuple, frozenset):
            for argument in arguments:
                self.visit(argument, owner or type_name(tp))
        elif not _is_number(kind):
            self._class(tp, kind, owner)

    def _class(self, tp: Any, kind: type, owner: str) -> None:
        self._add(kind, owner)
        try:
            fields = fields_of(tp)
        except Unresolved as error:
            self._found(Unfit.UNRESOLVED, tp, owner, str(error))
            return
        for name, hint, variables in fields or ():
            self.visit(hint, f"{type_name(tp)}.{name}", variables)
        if fields is None and issubclass(kind, tuple | frozenset):
            for item in held_by(tp) or ():
                if item is not Ellipsis:
                    self.visit(item, type_name(tp), variables_of(tp))

    def _add(self, cls: type, owner: str) -> None:
        if self.classes.setdefault(class_name(cls), cls) is not cls:
            self._found(Unfit.TWO_OF_A_NAME, cls, owner)

    def _found(self, why: Unfit, tp: Any, owner: str, reason: str = "") -> None:
        if self.fault is None:
            self.fault = Fault(why, tp, owner, reason)


@lru_cache(maxsize=2048)
def _surveyed(tp: Any) -> Survey:
    found = Survey()
    try:
        found.visit(tp)
    except RecursionError:  # a generic type that holds itself of another type, without an end
        found.fault = Fault(Unfit.UNWRITABLE, tp)
    return found


def survey(tp: Any) -> Survey:
    """What a type is made of; the same one each time, not to be changed."""
    try:
        return _surveyed(tp)
    except TypeError:  # not hashable, and so no type
        return Survey(fault=Fault(Unfit.VALUE, tp))


def class_name(cls: type) -> str:
    """How a class is named where its values are kept."""
    return f"{cls.__module__}:{cls.__qualname__}"


def _why_not(tp: Any) -> Unfit | None:
    """Why a type cannot flow, whatever its parts are."""
    kind = class_of(tp)
    if tp is Any or tp is object or tp is inspect.Parameter.empty:
        return Unfit.ANYTHING
    if isinstance(tp, (typing.TypeVar, typing.ParamSpec)):
        return Unfit.VARIABLE
    if isinstance(tp, (str, typing.ForwardRef)):
        return Unfit.UNRESOLVED
    if kind in (_FUNCTION, type):
        return Unfit.CODE
    if not isinstance(kind, type):
        return Unfit.FORM if type(kind).__module__ == "typing" else Unfit.VALUE
    if kind is tuple or kind is frozenset:
        # `tuple[()]` has no arguments either, and says what it holds.
        return Unfit.UNSAID if typing.get_origin(tp) is None else None
    return _why_no_class(kind)


def _why_no_class(kind: Any) -> Unfit | None:
    if typing.is_typeddict(kind) or issubclass(kind, MUTABLE):
        return Unfit.CHANGES
    if issubclass(kind, _USED_UP):
        return Unfit.USED_UP
    if kind.__module__ in ("collections.abc", "_collections_abc") or kind is types.MappingProxyType:
        return Unfit.MAY_CHANGE
    if is_port(kind):
        return Unfit.PORT
    if kind is Run:
        return Unfit.RUN
    if issubclass(kind, enum.Enum):
        return Unfit.CHANGES if any(isinstance(member.value, MUTABLE) for member in kind) else None
    if _is_number(kind):
        return None
    if dataclasses.is_dataclass(kind):
        # An exception is made in a way of its own.
        unwritable = issubclass(cast("Any", kind), BaseException)
        frozen = cast("Any", kind).__dataclass_params__.frozen
        return (Unfit.UNWRITABLE if unwritable else None) if frozen else Unfit.OPEN_DATACLASS
    if is_model(kind):
        return None if kind.model_config.get("frozen") else Unfit.OPEN_MODEL
    if not issubclass(kind, BASES) or kind.__module__ == "numpy":
        return Unfit.UNWRITABLE
    holds = bool(issubclass(kind, (tuple, frozenset)))
    says = hasattr(kind, "_fields") or held_by(kind) is not None
    return Unfit.UNSAID if holds and not says else None


def _is_number(kind: type) -> bool:
    """Whether a class is one of numpy's numbers, truths or times."""
    return kind.__module__ == "numpy" and any(
        each.__module__ == "numpy" and each.__name__ in _NUMBERS for each in kind.__mro__
    )
