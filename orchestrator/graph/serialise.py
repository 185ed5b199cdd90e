"""Values to bytes and back, for checkpoints, caches and recordings.

A value is packed as msgpack with one extension: the name of its type beside its fields, which
pydantic validates when it is read back. Only types that a workflow declares as channels can be read
back, so that nobody who can write to a checkpoint can make a reader construct another class.
"""

from __future__ import annotations

import dataclasses
import typing
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_PLAIN = (str, int, float, bool, bytes, type(None))


@lru_cache(maxsize=1024)
def adapter(tp: Any) -> TypeAdapter[Any]:
    """pydantic's view of a channel's type."""
    from pydantic import TypeAdapter

    return TypeAdapter(tp)


@lru_cache(maxsize=1024)
def why_not_serialisable(tp: Any) -> tuple[str, str] | None:
    """(problem, fix) of a type whose values cannot be kept, or can change under a reader."""
    if tp in _PLAIN:
        return None
    origin = typing.get_origin(tp)
    if origin in (list, dict, set) or tp in (list, dict, set, bytearray):
        return (
            "holds values that can be changed by whoever reads them",
            "use tuple, frozenset, or a frozen dataclass",
        )
    if origin is not None:
        inner = [argument for argument in typing.get_args(tp) if argument is not Ellipsis]
        if origin is typing.Literal:
            return None
        return next((found for part in inner if (found := why_not_serialisable(part))), None)
    if dataclasses.is_dataclass(tp) and not tp.__dataclass_params__.frozen:  # pyright: ignore
        return "is a dataclass that can be changed by whoever reads it", "declare it @dataclass(frozen=True)"
    config = getattr(tp, "model_config", None)
    if isinstance(config, dict) and not typing.cast("dict[str, Any]", config).get("frozen"):
        return "is a model that can be changed by whoever reads it", "declare it with frozen=True"
    try:
        adapter(tp)
    except Exception as error:
        reason = str(error).splitlines()[0]
        return (
            f"cannot be serialised ({type(error).__name__}: {reason[:120]})",
            "make it a frozen dataclass or pydantic model of plain values",
        )
    return None


def dump(value: Any, tp: Any) -> Any:
    """A value as plain Python (dicts, lists, strings, numbers)."""
    return adapter(tp).dump_python(value, mode="json")


def load(plain: Any, tp: Any) -> Any:
    """The value of a type from what `dump` made, validated."""
    return adapter(tp).validate_python(plain)


def pack(value: Any, tp: Any) -> bytes:
    """A value of a known type as bytes."""
    import ormsgpack

    return ormsgpack.packb(dump(value, tp))


def unpack(data: bytes, tp: Any) -> Any:
    """The value of a known type from `pack`'s bytes."""
    import ormsgpack

    return load(ormsgpack.unpackb(data), tp)
