"""Sample values of types, made of their annotations."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import pathlib
import typing
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from orchestrator.graph.channel import is_union, without_none
from orchestrator.graph.type_parts import Variables, bare, class_of, fields_of

_SAMPLES: Variables = {
    str: "a", int: 1, float: 0.5, bool: True, bytes: b"a", complex: 1j, uuid.UUID: uuid.UUID(int=1),
    datetime.datetime: datetime.datetime(2020, 1, 2, 3, 4, 5, tzinfo=datetime.UTC),
    datetime.date: datetime.date(2020, 1, 2), datetime.time: datetime.time(1, 2, 3),
    datetime.timedelta: datetime.timedelta(seconds=90), decimal.Decimal: decimal.Decimal("1.5"),
    pathlib.Path: pathlib.Path("a"), type(None): None,
}  # fmt: skip


class NoSample(Exception):
    """No value of a type can be made by what its annotations say."""


def sample(tp: Any, seen: Iterable[Any] = (), variables: Variables | None = None) -> Any:
    """A value of a type, made of its annotations; `NoSample` if they do not say enough."""
    if typing.get_origin(tp) is typing.Annotated and not all(
        isinstance(mark, str) for mark in typing.get_args(tp)[1:]
    ):
        raise NoSample(tp)  # it may be bounded
    tp = bare(tp, variables or {})
    if isinstance(tp, type) and tp in _SAMPLES:
        return _SAMPLES[tp]
    if tp in seen:
        raise NoSample(tp)
    within = (*seen, tp)
    origin, arguments = typing.get_origin(tp), typing.get_args(tp)
    if origin is typing.Literal:
        return arguments[0]
    if is_union(tp):
        inner, optional = without_none(tp)
        return _or(None, inner, within, variables) if optional else sample(arguments[0], within, variables)
    if origin is tuple and Ellipsis in arguments:
        return _or((), arguments[0], within, variables, lambda item: (item,))
    if origin is tuple:
        return tuple(sample(argument, within, variables) for argument in arguments)
    if origin is frozenset:
        return _or(frozenset(), arguments[0], within, variables, lambda item: frozenset((item,)))
    kind = class_of(tp)
    if isinstance(kind, type) and issubclass(kind, enum.Enum) and len(kind):
        return next(iter(kind))
    fields = fields_of(tp)
    if fields is None:
        raise NoSample(tp)
    return _made(kind, fields, within)


def _or(
    nothing: Any,
    tp: Any,
    within: tuple[Any, ...],
    variables: Variables | None,
    around: Callable[[Any], Any] = lambda item: item,
) -> Any:
    try:
        return around(sample(tp, within, variables))
    except NoSample:
        return nothing


def _made(kind: Any, fields: list[tuple[str, Any, Variables]], within: tuple[Any, ...]) -> Any:
    make: Callable[..., Any] = kind
    specs = {spec.name: spec for spec in dataclasses.fields(kind)} if dataclasses.is_dataclass(kind) else {}
    given: dict[str, Any] = {}
    for name, hint, variables in fields:
        spec = specs.get(name)
        if spec is not None and not spec.init:
            continue
        try:
            given[name] = sample(hint, within, variables)
        except NoSample:
            if spec is None or (
                spec.default is dataclasses.MISSING and spec.default_factory is dataclasses.MISSING
            ):
                raise
    try:
        return make(**given)
    except ValueError as error:  # its fields are bounded
        raise NoSample(kind) from error
