"""Values to bytes and back, for checkpoints, caches and recordings; and as plain JSON, for records."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from orchestrator.graph.codec import codec

if TYPE_CHECKING:
    from pydantic import TypeAdapter

#: The key under which a record holds a value that JSON has no form for.
_PACKED = "packed"


@lru_cache(maxsize=1024)
def adapter(tp: Any) -> TypeAdapter[Any]:
    """pydantic's view of a channel's type."""
    from pydantic import TypeAdapter

    return TypeAdapter(tp)


def dump(value: Any, tp: Any) -> Any:
    """A value as plain JSON that a person can read, or, where it would come back as another, packed."""
    packed = pack(value, tp)
    try:
        plain = adapter(tp).dump_python(value, mode="json")
        if pack(adapter(tp).validate_python(plain), tp) == packed:
            return plain
    except Exception:  # noqa: S110  # whatever stands in its way, there is another
        pass
    return {_PACKED: base64.b64encode(packed).decode()}


def load(plain: Any, tp: Any) -> Any:
    """The value of a type from what `dump` made."""
    if isinstance(plain, dict) and set(cast("dict[str, Any]", plain)) == {_PACKED}:
        return unpack(base64.b64decode(cast("dict[str, str]", plain)[_PACKED]), tp)
    return adapter(tp).validate_python(plain)


def readable(value: Any, tp: Any) -> Any:
    """A value as plain JSON for those who look at a record; what JSON has no form for is told as text."""
    try:
        return adapter(tp).dump_python(value, mode="json")
    except Exception:
        return _told(value)


def _told(value: Any) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return str(value).encode("utf-8", "replace").decode()
        case Mapping():
            pairs = cast("Mapping[Any, Any]", value).items()
            return {str(_told(name)): _told(held) for name, held in pairs}
        case tuple() | list() | AbstractSet():
            return [_told(held) for held in cast("tuple[Any, ...]", value)]
        case _:
            pass
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _told(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return _told(repr(value))


def pack(value: Any, tp: Any) -> bytes:
    """A value of a known type as bytes."""
    return codec(tp).pack(value)


def unpack(data: bytes, tp: Any) -> Any:
    """The value of a known type from `pack`'s bytes."""
    return codec(tp).unpack(data)
