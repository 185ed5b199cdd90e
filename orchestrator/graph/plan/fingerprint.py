"""The identity of settings and code: the same in every process, and another when either changes.

A function is its bytecode with all that is nested in it, its defaults, the values that it closes over,
the object that it is bound to, and the source of its module and of the user's modules that this imports
from; a class is that of its methods and attributes; the library's code counts as a whole. What cannot be
known from outside, such as a lock or an open connection, is equal to itself only, in this process.

What code reads of the variables of its modules is state, and no code: a run that is resumed goes on with
what is there now. A kept result was computed with what was there then, so `values_around` tells it apart.
"""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import hashlib
import inspect
import ipaddress
import logging
import os
import pathlib
import re
import types
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from orchestrator.graph.names import a_kind_of
from orchestrator.graph.plan.class_parts import attributes_of, scope_of, slots_of
from orchestrator.graph.plan.sources import file_of, is_library, is_own, library_code, modules_code

#: What a fingerprint of this kind begins with; those of another kind cannot be compared with it.
SCHEME = "2-"

_BY_REPR: tuple[type, ...] = (
    int, float, complex, str, bytes, bool, type(None), type(Ellipsis), type(NotImplemented), range, slice,
    decimal.Decimal, uuid.UUID, pathlib.PurePath, datetime.date, datetime.time, datetime.timedelta,
    datetime.tzinfo, types.GenericAlias, types.UnionType, fractions.Fraction,
    ipaddress.IPv4Address, ipaddress.IPv6Address, ipaddress.IPv4Network, ipaddress.IPv6Network,
)  # fmt: skip
#: How much is looked at: beyond, a value counts as one that cannot be known.
_PARTS, _BYTES = 20_000, 1 << 24
#: The same of the values around a node, which are looked at before each of its calls that may be kept.
_PARTS_AROUND = 2_000
_PROCESS = uuid.uuid4().hex
#: Objects whose identity is their address are kept, so that no other gets it.
_UNKNOWN: dict[int, Any] = {}


@dataclass(frozen=True, slots=True)
class Identity:
    """What a value or a piece of code is; `unknown` names what in it could not be known from outside."""

    digest: str
    unknown: tuple[str, ...] = ()


class _Same:
    """A key that is equal to that of the same object only: `1 == True`, but they are not the same setting."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.value is self.value


def identity_of(value: Any) -> Identity:
    """The identity of a setting, a function, a class or a node."""
    walk = _Walk()
    try:
        digest = walk.of(value)
    except RecursionError:  # it lies deeper within itself than can be looked into
        digest = walk.unknowable(value)
    return Identity(digest, tuple(sorted(walk.unknown)))


def values_around(node: Any) -> str:
    """What a node's code finds now: variables of the user's modules, closures, classes and bound objects.

    What cannot be known, and what lies beyond the first thousands of values, counts by its type alone.
    """
    settings: Any = getattr(node, "settings", None)
    code = cast("Any", type(node)) if settings is None else node.function
    try:
        return _Walk(around=True).of(code)
    except RecursionError:
        return "deep"


def node_identity(node: Any) -> Identity:
    """The identity of a node with its settings, looked up once a process."""
    return _node_identity(_Same(node))


@lru_cache(maxsize=4096)
def _node_identity(node: _Same) -> Identity:
    value = node.value
    settings: Any = getattr(value, "settings", None)
    code: Any = value.function
    if settings is None:
        settings = {spec.name: getattr(value, spec.name) for spec in dataclasses.fields(value)}
        code = cast("Any", type(value))
    known, given = _code_identity(_Same(code)), identity_of(settings)
    return Identity(_joined(known.digest, given.digest), tuple(sorted({*known.unknown, *given.unknown})))


@lru_cache(maxsize=4096)
def _code_identity(code: _Same) -> Identity:
    """The identity of a function or class, which many nodes of other settings share."""
    return identity_of(code.value)


def node_fingerprint(node: Any) -> str:
    """A node's settings and code, and the library's."""
    return f"{SCHEME}{node_identity(node).digest}-{library_code()}"


def fingerprint(parts: Iterable[str]) -> str:
    """One short text for many, with the library's code."""
    digest = hashlib.sha256(library_code().encode())
    for part in parts:
        digest.update(f"{len(part)}:{part}".encode())
    return SCHEME + digest.hexdigest()[:32]


class _Walk:
    """Looks at one value and everything that it is made of; of code, at the values around it if asked to."""

    def __init__(self, *, around: bool = False) -> None:
        self.values = around
        self.parts = 0
        self.unknown: set[str] = set()
        self.memo: dict[int, str] = {}
        self.read: dict[str, str] = {}
        self.kept: list[Any] = []
        self.around: dict[int, int] = {}

    def of(self, value: Any) -> str:
        """The digest of a value; one whose own code raises cannot be known."""
        try:
            return self.told(value)
        except Exception:
            return self.unknowable(value)

    def told(self, value: Any) -> str:
        self.parts += 1
        if self.values and self.parts > _PARTS_AROUND:
            return "many"
        if isinstance(value, _BY_REPR) and not isinstance(value, enum.Enum):
            text = str(value) if isinstance(value, str) else repr(value)
            return _joined(type(value).__qualname__, text)
        key = id(value)
        if key in self.memo:
            return self.memo[key]
        if key in self.around:
            return _joined("around", str(len(self.around) - self.around[key]))
        if len(self.kept) > _PARTS:
            return self.unknowable(value)
        self.kept.append(value)
        self.around[key] = len(self.around)
        try:
            self.memo[key] = found = self.looked_at(value)
        finally:
            del self.around[key]
        return found

    def all(self, kind: str, values: Iterable[Any]) -> str:
        return _joined(kind, *(self.of(value) for value in values))

    def named(self, kind: str, values: Mapping[str, Any]) -> str:
        return _joined(kind, *(f"{name}={self.of(value)}" for name, value in sorted(values.items())))

    def unknowable(self, value: Any) -> str:
        if self.values:
            return _joined("unknown", type(value).__qualname__)
        self.unknown.add(a_kind_of(type(value).__name__))
        _UNKNOWN[id(value)] = value
        return _joined("unknown", type(value).__qualname__, _PROCESS, str(id(value)))

    def looked_at(self, value: Any) -> str:
        kind = type(value).__qualname__
        match value:
            case type():
                return self.cls(value)
            case enum.Enum():
                # Flags that are joined may have no name.
                return _joined("enum", self.of(type(value)), str(value.name), self.of(value.value))
            case list() | tuple():
                return self.all(kind, cast("list[Any]", value))
            case set() | frozenset():
                return _joined(kind, *sorted(self.of(item) for item in cast("set[Any]", value)))
            case Mapping() if value is not os.environ:
                pairs = cast("Mapping[Any, Any]", value).items()
                return _joined(kind, *sorted(f"{self.of(key)}={self.of(item)}" for key, item in pairs))
            case re.Pattern():
                pattern = cast("re.Pattern[Any]", value)
                return self.all("pattern", (pattern.pattern, pattern.flags))
            case types.ModuleType():
                code = "" if self.values else self.modules(vars(value), file_of(value))
                return _joined("module", value.__name__, code)
            case types.CodeType():
                return self.code(value)
            case logging.Logger():
                return _joined("logger", value.name)
            case _:
                return self.callable(value)

    def callable(self, value: Any) -> str:
        match value:
            case types.FunctionType():
                return self.function(value)
            case types.MethodType():
                return self.all("method", (value.__func__, value.__self__))
            case types.MethodDescriptorType() | types.ClassMethodDescriptorType():
                return _joined("descriptor", value.__objclass__.__qualname__, value.__qualname__)
            case types.BuiltinFunctionType():
                bound = value.__self__ if not isinstance(value.__self__, types.ModuleType) else None
                return self.all("builtin", (value.__module__, value.__qualname__, bound))
            case functools.partial():
                made = cast("functools.partial[Any]", value)
                return self.all("partial", (made.func, made.args, made.keywords))
            case staticmethod() | classmethod():
                return self.all("bare", (cast("Any", value).__func__,))
            case property():
                return self.all("property", (value.fget, value.fset))
            case functools.cached_property():
                return self.all("property", (cast("Any", value).func,))
            case _:
                wrapped = getattr(value, "__wrapped__", None)
                if inspect.isfunction(wrapped):
                    return self.all("wrapped", (wrapped,))
                return self.object(value)

    def function(self, function: types.FunctionType) -> str:
        code = function.__code__
        cells = {
            name: cell.cell_contents
            for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True)
            if _is_filled(cell)
        }
        file = file_of(function)
        parts: list[Any] = [code, function.__defaults__, function.__kwdefaults__, cells]
        if self.values and _exists(file) and not is_own(file):
            return _joined("function", function.__module__, function.__qualname__)
        if self.values:
            parts += [_globals_of(function), function.__dict__]
        elif not _exists(file):
            # Typed into a prompt or made by exec: no file shows what its helpers are.
            names = _names(code)
            parts.append({name: function.__globals__[name] for name in names if name in function.__globals__})
        parts.append(function.__dict__.get("__wrapped__"))
        return _joined(
            "function", function.__qualname__, self.all("parts", parts), self.source(function, file)
        )

    def source(self, function: types.FunctionType, file: str) -> str:
        return "" if self.values or is_library(file) else self.modules(function.__globals__, file)

    def modules(self, scope: Mapping[str, Any], file: str) -> str:
        """The code of a module and of those it imports, which many functions of one walk share."""
        if file not in self.read:
            self.read[file] = modules_code(scope, file)
        return self.read[file]

    def code(self, code: types.CodeType) -> str:
        return _joined(
            "code",
            hashlib.sha256(code.co_code + code.co_exceptiontable).hexdigest(),
            self.all("consts", code.co_consts),
            self.all("names", (code.co_names, code.co_freevars, code.co_varnames[: code.co_argcount])),
        )

    def cls(self, cls: type) -> str:
        found: list[str] = []
        for part in cls.__mro__:
            found.append(f"{part.__module__}.{part.__qualname__}")
            file = file_of(part)
            scope = scope_of(part)
            if is_own(file) and not self.values:
                found.append(self.modules(scope, file))
            if is_own(file) or (not file and part.__module__ == "__main__"):
                found.append(self.named("attributes", attributes_of(part)))
        return _joined("class", *found)

    def object(self, value: Any) -> str:
        kind = cast("type[Any]", type(value))
        if dataclasses.is_dataclass(value):
            fields = {spec.name: getattr(value, spec.name, None) for spec in dataclasses.fields(value)}
            return _joined(self.of(kind), self.named("fields", fields))
        if hasattr(kind, "model_fields"):
            private: Any = getattr(value, "__pydantic_private__", None) or {}
            return _joined(self.of(kind), self.named("fields", {**value.__dict__, **private}))
        if kind.__module__ == "numpy" and hasattr(value, "tobytes"):
            if value.dtype.hasobject or value.nbytes > _BYTES:
                return self.unknowable(value)
            text = hashlib.sha256(value.tobytes()).hexdigest()
            return _joined("array", str(value.dtype), str(value.shape), text)
        if kind.__module__ in ("typing", "typing_extensions"):
            return _joined("typing", repr(value))
        if kind is object or not is_own(file_of(kind)):
            return self.unknowable(value)
        names = [name for part in kind.__mro__ for name in slots_of(part)]
        held = {name: getattr(value, name) for name in names if hasattr(value, name)}
        return _joined(self.of(kind), self.named("held", {**held, **getattr(value, "__dict__", {})}))


def _joined(*parts: str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(data) + data)
    return digest.hexdigest()


def _exists(file: str) -> bool:
    return bool(file) and pathlib.Path(file).is_file()


def _is_filled(cell: types.CellType) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False


def _names(code: types.CodeType) -> set[str]:
    inner = (_names(const) for const in code.co_consts if isinstance(const, types.CodeType))
    return set(code.co_names).union(*inner)


def _globals_of(function: types.FunctionType) -> dict[str, Any]:
    """The variables of its own and of the user's other modules that a function names."""
    names, scope = _names(function.__code__), function.__globals__
    found: dict[str, Any] = {}
    for name in names & scope.keys():
        value = scope[name]
        if not isinstance(value, types.ModuleType):
            found[name] = value
        elif is_own(file_of(value)):
            inner = vars(value)
            found.update({f"{name}.{each}": inner[each] for each in names & inner.keys()})
    return found
