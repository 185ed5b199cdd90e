"""A channel: where a value of one type, under one name, flows."""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Channel:
    """A type and a name. The empty name is the type's default channel."""

    type: Any
    name: str = ""

    def __str__(self) -> str:
        return type_name(self.type) + (f":{self.name}" if self.name else "")

    @property
    def element(self) -> Channel | None:
        """The channel of one item, if this one holds `tuple[item, ...]`."""
        arguments = typing.get_args(self.type)
        if typing.get_origin(self.type) is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
            return Channel(arguments[0], self.name)
        return None


def type_name(tp: Any) -> str:
    """How a type is written in messages: `Hits`, `tuple[Hits, ...]`."""
    if tp is Ellipsis:
        return "..."
    origin = typing.get_origin(tp)
    if origin is not None and origin is not typing.Literal:
        inner = ", ".join(type_name(argument) for argument in typing.get_args(tp))
        return f"{type_name(origin)}[{inner}]"
    return getattr(tp, "__name__", str(tp).replace("typing.", ""))


def without_none(tp: Any) -> tuple[Any, bool]:
    """`X | None` as (X, True), anything else as (itself, False)."""
    if typing.get_origin(tp) in (typing.Union, types.UnionType):
        rest = [argument for argument in typing.get_args(tp) if argument is not type(None)]
        if len(rest) == 1 and len(typing.get_args(tp)) == 2:
            return rest[0], True
    return tp, False


def channel_of(annotation: Any) -> Channel:
    """The channel that an annotation names: `Hits`, or `Annotated[Hits, "first"]`."""
    if typing.get_origin(annotation) is typing.Annotated:
        tp, *marks = typing.get_args(annotation)
        names = [mark for mark in marks if isinstance(mark, str)]
        return Channel(tp, names[0] if names else "")
    return Channel(annotation)
