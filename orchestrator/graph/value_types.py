"""What a declared type says of its values: which classes they are made of, and why they cannot be kept.

A value is kept as what it was made of. That needs types that say so: `Any`, a callable or an open file have
no form in which they could be written, and a list could be changed by whoever reads it.
"""

from __future__ import annotations

import collections
import collections.abc
import dataclasses
import datetime
import decimal
import enum
import fractions
import ipaddress
import pathlib
import types
import typing
import uuid
import zoneinfo
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

from orchestrator.graph.channel import type_name

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
_MUTABLE = (
    list, dict, set, bytearray, collections.deque, collections.OrderedDict, collections.defaultdict,
    collections.Counter, collections.ChainMap, collections.abc.MutableSequence,
    collections.abc.MutableMapping, collections.abc.MutableSet,
)  # fmt: skip
#: What is read only by its contract, whatever holds it.
_READ_ONLY = (
    tuple, frozenset, collections.abc.Sequence, collections.abc.Mapping, collections.abc.Set,
    collections.abc.Collection, types.MappingProxyType,
)  # fmt: skip
_CHANGES = "can be changed by whoever reads it"
_FIX_PLAIN = "make it a frozen dataclass or pydantic model of plain values"


@dataclasses.dataclass(slots=True)
class Survey:
    """What a type is made of: classes by their name, and the first (problem, fix) that was found."""

    classes: dict[str, type] = dataclasses.field(default_factory=dict[str, type])
    problem: tuple[str, str] | None = None
    _seen: set[Any] = dataclasses.field(default_factory=set[Any])

    def visit(self, tp: Any, where: str = "", given: Mapping[Any, Any] | None = None) -> None:
        """Look at a type and at what it is made of; `given` are the types that stand for type variables."""
        tp = _bare((given or {}).get(tp, tp) if isinstance(tp, typing.TypeVar) else tp)
        mark = (tp, tuple((given or {}).items()))
        try:
            if mark in self._seen:
                return
            self._seen.add(mark)
        except TypeError:
            pass
        origin, arguments = typing.get_origin(tp), typing.get_args(tp)
        if tp is None or (isinstance(tp, type) and tp in SCALARS):
            return
        if origin is typing.Literal:
            for value in arguments:
                if isinstance(value, enum.Enum):
                    self._add(type(value))
        elif origin in (typing.Union, types.UnionType):
            self._parts(arguments, where, given)
        elif (origin or tp) in _MUTABLE or typing.is_typeddict(tp):
            self._fault(
                where,
                tp,
                "holds values that can be changed by whoever reads them",
                "use tuple, frozenset, or a frozen dataclass",
            )
        elif (origin or tp) in _READ_ONLY:
            if not arguments and origin is None:
                self._fault(where, tp, "does not say what it holds", f"write {type_name(tp)}[…] with a type")
            self._parts([each for each in arguments if each is not Ellipsis], where, given)
        elif isinstance(origin or tp, type):
            self._class(tp, origin or tp, arguments, where, given)
        else:
            self._fault(where, tp, "says nothing that a value could be kept by", _FIX_PLAIN)

    def _parts(self, parts: Any, where: str, given: Mapping[Any, Any] | None) -> None:
        for part in parts:
            self.visit(part, where, given)

    def _class(
        self, tp: Any, cls: Any, arguments: tuple[Any, ...], where: str, given: Mapping[Any, Any] | None
    ) -> None:
        if issubclass(cls, enum.Enum):
            self._add(cls)
            return
        if dataclasses.is_dataclass(cls):
            if not cls.__dataclass_params__.frozen:  # pyright: ignore
                self._fault(
                    where, tp, f"is a dataclass that {_CHANGES}", "declare it @dataclass(frozen=True)"
                )
        elif hasattr(cls, "model_config") and hasattr(cls, "model_fields"):
            if not cls.model_config.get("frozen"):
                self._fault(where, tp, f"is a model that {_CHANGES}", "declare it with frozen=True")
        elif (
            cls.__module__ == "numpy"
            and hasattr(cls, "dtype")
            and hasattr(cls, "item")
            and cls.__name__ != "ndarray"
        ):
            return
        elif not issubclass(cls, BASES):
            self._fault(where, tp, "cannot be serialised", _FIX_PLAIN)
            return
        self._add(cast("type", cls))
        own = dict(zip(getattr(cls, "__parameters__", ()), arguments, strict=False))
        own = {name: (given or {}).get(value, value) for name, value in own.items()}
        try:
            fields = _fields(cls)
        except Exception as error:
            reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
            self._fault(
                where,
                tp,
                f"has fields whose types cannot be resolved ({reason})",
                "import the types it names at the top of its module, not under TYPE_CHECKING",
            )
            return
        for name, field in fields.items():
            self.visit(field, where or f"{type_name(cls)}.{name}", own)

    def _add(self, cls: type) -> None:
        self.classes[class_name(cls)] = cls

    def _fault(self, where: str, tp: Any, problem: str, fix: str) -> None:
        if self.problem is None:
            inside = f"has a field `{where}` of {type_name(tp)}, which " if where else ""
            self.problem = (f"{inside}{problem}", fix)


@lru_cache(maxsize=2048)
def _surveyed(tp: Any) -> Survey:
    found = Survey()
    found.visit(tp)
    return found


def survey(tp: Any) -> Survey:
    """What a type is made of."""
    try:
        return _surveyed(tp)
    except TypeError:  # a type that has no hash, as a Literal of a list
        return Survey(problem=("cannot be serialised", _FIX_PLAIN))


def why_not_serialisable(tp: Any) -> tuple[str, str] | None:
    """(problem, fix) of a type whose values cannot be kept, or can change under a reader; None of another."""
    return survey(tp).problem


def class_name(cls: type) -> str:
    """How a class is named where its values are kept."""
    return f"{cls.__module__}:{cls.__qualname__}"


def _bare(tp: Any) -> Any:
    """A type without what is written around it."""
    while True:
        if typing.get_origin(tp) in (typing.Annotated, typing.Final, typing.ClassVar):
            tp = typing.get_args(tp)[0]
        elif isinstance(tp, typing.NewType):
            tp = tp.__supertype__
        elif type(tp).__name__ == "TypeAliasType":
            tp = tp.__value__
        else:
            return tp


def _fields(cls: Any) -> dict[str, Any]:
    """The types of what instances of a class hold, by name."""
    if hasattr(cls, "model_fields") and hasattr(cls, "model_config"):
        cls.model_rebuild()
        private = list(getattr(cls, "__private_attributes__", {}))
        hints = typing.get_type_hints(cls, include_extras=True) if private else {}
        return {
            **{name: field.annotation for name, field in cls.model_fields.items()},
            **{name: hints[name] for name in private if name in hints},
        }
    if dataclasses.is_dataclass(cls):
        hints = typing.get_type_hints(cls, include_extras=True)
        return {field.name: hints[field.name] for field in dataclasses.fields(cls)}
    if hasattr(cls, "_fields"):
        hints = typing.get_type_hints(cls, include_extras=True)
        return {name: hints[name] for name in cls._fields if name in hints}
    return {}
