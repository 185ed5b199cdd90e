"""A channel: where a value of one type, under one name, flows."""

from __future__ import annotations

import json
import types
import typing
from dataclasses import dataclass
from typing import Any, cast

from orchestrator.graph.names import written


@dataclass(frozen=True, slots=True)
class Channel:
    """A type and a name. The empty name is the type's default channel."""

    type: Any
    name: str = ""

    def __str__(self) -> str:
        return type_name(self.type) + (f":{self.name}" if self.name else "")

    @property
    def annotation(self) -> str:
        """How a user writes it: `Hits`, or `Annotated[Hits, "first"]`."""
        inner = type_name(self.type)
        return f"Annotated[{inner}, {json.dumps(self.name, ensure_ascii=False)}]" if self.name else inner

    @property
    def element(self) -> Channel | None:
        """The channel of one item, if this one holds `tuple[item, ...]`."""
        arguments = typing.get_args(self.type)
        if typing.get_origin(self.type) is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
            return Channel(arguments[0], self.name)
        return None


def type_name(tp: Any) -> str:
    """How a type is written in messages: `Hits`, `tuple[Hits, ...]`, `Hits | None`."""
    try:
        return _type_name(tp)
    except Exception:  # what stands there for a type need not let itself be asked
        return type(tp).__name__


def _type_name(tp: Any) -> str:
    if tp is Ellipsis:
        return "..."
    if tp is None or tp is type(None):
        return "None"
    if isinstance(tp, (list, tuple)):
        return f"[{', '.join(type_name(item) for item in cast('list[Any]', tp))}]"
    origin, arguments = typing.get_origin(tp), typing.get_args(tp)
    if is_union(tp):
        return " | ".join(type_name(argument) for argument in arguments)
    if origin is typing.Literal:
        return f"Literal[{', '.join(_literal(argument) for argument in arguments)}]"
    if origin is typing.Annotated:
        inner = ", ".join(_literal(mark) for mark in arguments[1:])
        return f"Annotated[{type_name(arguments[0])}, {inner}]"
    if origin is not None and arguments:
        inner = ", ".join(type_name(argument) for argument in arguments)
        return f"{type_name(origin)}[{inner}]"
    if origin is tuple:
        return "tuple[()]"
    names = (getattr(tp, attribute, None) for attribute in ("__name__", "title"))
    name = next((name for name in names if isinstance(name, str)), None)
    return name if name is not None else str(tp).replace("typing.", "")[:80]


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return type_name(value) if isinstance(value, type) else written(value)


def is_union(tp: Any) -> bool:
    """Whether a type is `A | B`, in either spelling."""
    return typing.get_origin(tp) in (typing.Union, types.UnionType)


def without_none(tp: Any) -> tuple[Any, bool]:
    """`X | None` as (X, True), anything else as (itself, False)."""
    if is_union(tp):
        rest = [argument for argument in typing.get_args(tp) if argument is not type(None)]
        if len(rest) == 1 and len(typing.get_args(tp)) == 2:
            return unaliased(rest[0]), True
    return tp, False


def unaliased(tp: Any) -> Any:
    """What `type X = …` stands for, and any other type as it is."""
    while True:
        origin: Any = typing.get_origin(tp)
        if _is_alias(tp):
            tp = tp.__value__
        elif _is_alias(origin):
            value, arguments = origin.__value__, typing.get_args(tp)
            stands_for = dict(zip(origin.__type_params__, arguments, strict=False))
            parameters: tuple[Any, ...] = getattr(value, "__parameters__", ())
            tp = value[tuple(stands_for.get(each, each) for each in parameters)] if parameters else value
        else:
            return tp


def _is_alias(tp: Any) -> bool:
    return type(tp).__name__ == "TypeAliasType"


def channel_of(annotation: Any) -> Channel:
    """The channel that an annotation names: `Hits`, or `Annotated[Hits, "first"]`."""
    annotation = unaliased(annotation)
    if typing.get_origin(annotation) is typing.Annotated:
        tp, *marks = typing.get_args(annotation)
        names = [mark for mark in marks if isinstance(mark, str)]
        return Channel(_builtin(tp), names[0] if names else "")
    return Channel(_builtin(annotation))


def _builtin(tp: Any) -> Any:
    """`tuple[X, ...]` for `typing.Tuple[X, ...]` and for aliases, which Python does not hold to be equal."""
    tp = unaliased(tp)
    origin: Any = typing.get_origin(tp)
    if origin not in (tuple, frozenset) or not typing.get_args(tp):
        return tp
    return cast("Any", origin)[tuple(_builtin(argument) for argument in typing.get_args(tp))]
