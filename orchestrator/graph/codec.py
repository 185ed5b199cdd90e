"""Values as bytes, and back as what they were: every class by its name, every field by its place.

Bytes are read back by a declared type: only the classes that it is made of, and what derives from them,
are constructed, so that nobody who can write to a checkpoint can make a reader construct another.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import types
import zoneinfo
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from operator import attrgetter
from typing import Any, cast

from orchestrator.errors import BadInput, PlanChanged
from orchestrator.graph.channel import type_name
from orchestrator.graph.value_types import BASES, SCALARS, class_name, survey

#: What begins a list that stands for something else than a list.
(
    _LIST,
    _TUPLE,
    _SET,
    _FROZEN,
    _DICT,
    _PROXY,
    _TEXT,
    _BIG,
    _SCALAR,
    _ENUM,
    _FLAG,
    _VALUE,
    _MODEL,
    _BASE,
    _NUMPY,
) = range(15)
_NATIVE = frozenset((str, int, float, bool, bytes, type(None)))
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1
#: Scalars by their class's name, with what makes them from the text or the numbers that they are kept as.
_BY_NAME = {class_name(cls): cls for cls in SCALARS}
#: A derived value as one of the class that it derives from, whatever it overrides.
_EXACT: dict[type, Callable[[Any], Any]] = {
    str: str.__str__,
    bytes: lambda value: bytes.__getitem__(value, slice(None)),
    int: int.__int__,
    float: float.__float__,
    complex: complex.__complex__,
    tuple: lambda value: cast("Any", tuple).__getitem__(value, slice(None)),
}


class Codec:
    """Packs and unpacks the values of one declared type."""

    def __init__(self, tp: Any) -> None:
        self._type = tp
        self._classes = dict(survey(tp).classes)

    def pack(self, value: Any) -> bytes:
        """A value as bytes; equal values of one shape are equal bytes. BadInput if it cannot be kept."""
        import ormsgpack

        try:
            writer = _Writer(self)
            body = writer.plain(value)
            return ormsgpack.packb([writer.names, body])
        except (TypeError, ValueError, OverflowError, RecursionError):
            return self._packed_with_care(value)

    def _packed_with_care(self, value: Any) -> bytes:
        """A value with a number or a text that msgpack has not."""
        import ormsgpack

        try:
            writer = _Writer(self, careful=True)
            body = writer.plain(value)
            return ormsgpack.packb([writer.names, body])
        except (TypeError, RecursionError) as error:
            if "ecursion" not in str(error):
                raise
            raise BadInput(
                f"A value of {type_name(self._type)} lies too deep within itself to be kept.",
                hint="Hold what is nested side by side, in a tuple.",
            ) from None

    def unpack(self, data: bytes) -> Any:
        """The value of `pack`'s bytes; PlanChanged if it holds a class that the declared type has not."""
        import ormsgpack

        names, body = ormsgpack.unpackb(data)
        return _Reader([self.known(name) for name in names]).value(body)

    def allows(self, cls: type) -> bool:
        """Whether values of a class may stand in one of the declared type."""
        name = class_name(cls)
        if self._classes.get(name) is cls:
            return True
        if issubclass(cls, (*BASES, *self._classes.values())):
            self._classes[name] = cls
            # What a derived class adds is as much declared as what it derives from.
            self._classes.update(survey(cls).classes)
            return True
        return False

    def known(self, name: str) -> type:
        """The class of a name."""
        found = self._classes.get(name) or _BY_NAME.get(name) or self._derived(name)
        if found is None:
            raise PlanChanged(
                f"A kept value holds a {name}, which {type_name(self._type)} does not declare.",
                hint="The workflow was changed since the run began; start the run again.",
            )
        return found

    def refused(self, value: Any) -> BadInput:
        """The error of a value that cannot be kept."""
        return BadInput(
            f"A value of {type_name(self._type)} holds a {type_name(type(value))}, "
            "which its declared type does not name, so that it cannot be kept.",
            hint="Declare the type of what it holds, or hold plain values.",
        )

    def _derived(self, name: str) -> type | None:
        """A class that derives from a declared one, if it has been imported."""
        open_classes = [*self._classes.values(), *BASES]
        while open_classes:
            cls = open_classes.pop()
            if class_name(cls) == name:
                return cls if self.allows(cls) else None
            open_classes.extend(type.__subclasses__(cls))
        return None


@lru_cache(maxsize=2048)
def codec(tp: Any) -> Codec:
    """The serializer for the values of a declared type."""
    return Codec(tp)


@lru_cache(maxsize=2048)
def _field_names(cls: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(cls))


@lru_cache(maxsize=2048)
def _fields_of(cls: Any) -> Callable[[Any], Iterable[Any]]:
    """What gives the values of the fields of an instance."""
    names = _field_names(cls)
    # Of a single name, `attrgetter` gives the value itself.
    return attrgetter(*names) if len(names) > 1 else lambda value: [getattr(value, name) for name in names]


class _Writer:
    """One value on its way to bytes; `names` are its classes. A careful one looks at each text and number."""

    def __init__(self, owner: Codec, *, careful: bool = False) -> None:
        self.names: list[str] = []
        self._owner = owner
        self._careful = careful
        self._numbers: dict[type, int] = {}
        #: Dataclasses that were seen: (number, what gives the values of the fields).
        self._instances: dict[type, tuple[int, Callable[[Any], Iterable[Any]]]] = {}

    def plain(self, value: Any) -> Any:
        tp = cast("Any", type(value))
        if tp in _NATIVE:
            return self._careful_scalar(value) if self._careful else value
        known = self._instances.get(tp)
        if known is not None:
            number, held = known
            return [_VALUE, number, *self._each(held(value))]
        if tp is tuple:
            return [_TUPLE, *self._each(value)]
        if tp is list:
            return [_LIST, *map(self.plain, value)]
        if tp is dict:
            return [_DICT, *self._pairs(value)]
        if tp is types.MappingProxyType:
            return [_PROXY, *self._pairs(value)]
        if tp in (frozenset, set):
            return [_FROZEN if tp is frozenset else _SET, *self._in_order(value)]
        if tp.__module__ == "numpy" and hasattr(tp, "dtype") and not hasattr(value, "__len__"):
            return [_NUMPY, value.dtype.str, value.tobytes()]
        if tp in SCALARS:
            return [_SCALAR, self._number(tp), *map(self.plain, _scalar_parts(value))]
        if not self._owner.allows(tp):
            raise self._owner.refused(value)
        return self._object(value, tp)

    def _each(self, values: Iterable[Any]) -> list[Any]:
        """Several values; those that are plain as they are, most of them, cost no call."""
        if self._careful:
            return [self.plain(value) for value in values]
        return [value if type(value) in _NATIVE else self.plain(value) for value in values]

    def _object(self, value: Any, tp: Any) -> list[Any]:
        number = self._number(tp)
        if isinstance(value, enum.Enum):
            if value.name in tp.__members__:
                return [_ENUM, number, value.name]
            return [_FLAG, number, self.plain(value.value)]
        if hasattr(tp, "model_fields") and hasattr(tp, "model_config"):
            return [_MODEL, number, self.plain(value.__getstate__())]
        if isinstance(value, BASES):
            base = next(base for base in BASES if isinstance(value, base))
            bare = self._in_order(value) if base is frozenset else self.plain(_EXACT[base](value))
            return [_BASE, number, bare, self.plain(_state(value))]
        # What an instance has beside its fields was computed from them, and is computed again.
        self._instances[tp] = (number, _fields_of(tp))
        return self.plain(value)

    def _careful_scalar(self, value: Any) -> Any:
        if type(value) is int and not _SMALLEST <= value <= _LARGEST:
            return [_BIG, hex(value)]
        if type(value) is str:
            try:
                value.encode()
            except UnicodeEncodeError:
                return [_TEXT, value.encode("utf-8", "surrogatepass")]
        return value

    def _pairs(self, value: Mapping[Any, Any]) -> list[Any]:
        return [self.plain(part) for pair in value.items() for part in pair]

    def _in_order(self, value: Any) -> list[Any]:
        """The items of a set in an order that is the same in every process."""
        import ormsgpack

        return sorted(map(self.plain, value), key=ormsgpack.packb)

    def _number(self, tp: type) -> int:
        if tp not in self._numbers:
            self._numbers[tp] = len(self.names)
            self.names.append(class_name(tp))
        return self._numbers[tp]


class _Reader:
    """One value on its way from bytes."""

    def __init__(self, classes: list[type]) -> None:
        self._classes = classes
        self._make: dict[int, Callable[[list[Any]], Any]] = {
            _LIST: lambda parts: [self.value(part) for part in parts],
            _TUPLE: lambda parts: tuple([self.value(part) for part in parts]),
            _SET: lambda parts: {self.value(part) for part in parts},
            _FROZEN: lambda parts: frozenset([self.value(part) for part in parts]),
            _DICT: self._dict,
            _PROXY: lambda parts: types.MappingProxyType(self._dict(parts)),
            _TEXT: lambda parts: parts[0].decode("utf-8", "surrogatepass"),
            _BIG: lambda parts: int(parts[0], 16),
            _SCALAR: lambda parts: _scalar(self._classes[parts[0]], [self.value(part) for part in parts[1:]]),
            _ENUM: self._member,
            _FLAG: lambda parts: cast("Any", self._classes[parts[0]])(self.value(parts[1])),
            _VALUE: self._instance,
            _MODEL: self._model,
            _BASE: self._based,
            _NUMPY: _numpy_scalar,
        }

    def value(self, plain: Any) -> Any:
        if type(plain) is not list:
            return plain
        kind, *parts = cast("list[Any]", plain)
        return self._make[kind](parts)

    def _dict(self, parts: list[Any]) -> dict[Any, Any]:
        values = [self.value(part) for part in parts]
        return dict(zip(values[::2], values[1::2], strict=True))

    def _instance(self, parts: list[Any]) -> Any:
        cls = cast("Any", self._classes[parts[0]])
        made: Any = object.__new__(cls)
        fields = _field_names(cls)
        if len(fields) != len(parts) - 1:
            raise PlanChanged(
                f"A kept {type_name(cls)} has {len(parts) - 1} fields, and its class has {len(fields)}.",
                hint="The class was changed since the run began; start the run again.",
            )
        for name, part in zip(fields, parts[1:], strict=True):
            object.__setattr__(made, name, self.value(part))
        return made

    def _member(self, parts: list[Any]) -> Any:
        return cast("Any", self._classes[parts[0]])[parts[1]]

    def _model(self, parts: list[Any]) -> Any:
        cls = cast("Any", self._classes[parts[0]])
        made: Any = cls.__new__(cls)
        made.__setstate__(self.value(parts[1]))
        return made

    def _based(self, parts: list[Any]) -> Any:
        cls = cast("Any", self._classes[parts[0]])
        base = next(base for base in BASES if issubclass(cls, base))
        bare = [self.value(part) for part in parts[1]] if base is frozenset else self.value(parts[1])
        made: Any = cast("Any", base).__new__(cls, bare)
        for name, held in self.value(parts[2]).items():
            object.__setattr__(made, name, held)
        return made


def _state(value: Any) -> dict[str, Any]:
    """What a derived value holds beside its base's: in its dictionary, in slots, or in both."""
    state: Any = object.__getstate__(value)
    parts: tuple[Any, ...] = cast("Any", state) if isinstance(state, tuple) else (state,)
    return {name: held for part in parts if part for name, held in part.items()}


def _numpy_scalar(parts: list[Any]) -> Any:
    import numpy as np

    return np.frombuffer(parts[1], np.dtype(parts[0]))[0]


def _scalar_parts(value: Any) -> tuple[Any, ...]:
    """What a scalar is made from again by `_scalar`."""
    match value:
        case complex():
            return value.real, value.imag
        case range():
            return value.start, value.stop, value.step
        case datetime.datetime() | datetime.time():
            return value.replace(tzinfo=None).isoformat(), value.fold, _zone(value.tzinfo)
        case datetime.timedelta():
            return value.days, value.seconds, value.microseconds
        case datetime.timezone():
            return value.utcoffset(None), value.tzname(None)
        case zoneinfo.ZoneInfo():
            return (value.key,)
        case _:
            return (str(value),)


def _zone(zone: datetime.tzinfo | None) -> Any:
    """A zone of the standard library, or the fixed offset that another library has a class for."""
    if zone is None or isinstance(zone, datetime.timezone | zoneinfo.ZoneInfo):
        return zone
    offset = zone.utcoffset(None)
    return zone if offset is None else offset


def _scalar(cls: Any, parts: list[Any]) -> Any:
    if cls in (datetime.datetime, datetime.time):
        text, fold, zone = parts
        zone = datetime.timezone(zone) if isinstance(zone, datetime.timedelta) else zone
        return cls.fromisoformat(text).replace(fold=fold, tzinfo=zone)
    if cls is datetime.timezone:
        return datetime.UTC if parts == [datetime.timedelta(0), "UTC"] else cls(*parts)
    if cls is datetime.date:
        return cls.fromisoformat(parts[0])
    return cls(*parts)
