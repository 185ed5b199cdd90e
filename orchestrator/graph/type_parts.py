"""What a type is made of: its fields, its items, and what its type variables stand for."""

from __future__ import annotations

import dataclasses
import enum
import typing
from typing import Any, cast

from orchestrator.graph.channel import unaliased

#: What the type variables of a generic type stand for.
Variables = dict[Any, Any]
_AROUND = (typing.Annotated, typing.Required, typing.NotRequired)


class Unresolved(Exception):
    """The types of a class's fields name what cannot be found."""


def is_port(tp: Any) -> bool:
    """Whether a type is a Protocol, and so injected rather than read from the state."""
    return isinstance(tp, type) and bool(getattr(tp, "_is_protocol", False))


def is_model(kind: Any) -> bool:
    """Whether a class is a model of pydantic."""
    return isinstance(getattr(kind, "model_config", None), dict) and hasattr(kind, "model_fields")


def class_of(tp: Any) -> Any:
    """`tuple` for `tuple[int, ...]`, and what is no generic as it is."""
    return typing.get_origin(tp) or tp


def bare(tp: Any, variables: Variables) -> Any:
    """A type without annotations, other names and variables that stand for it."""
    while True:
        parameters: tuple[Any, ...] = getattr(tp, "__parameters__", None) or ()
        if typing.get_origin(tp) in _AROUND:
            tp = typing.get_args(tp)[0]
        elif variables and tp in variables:
            return bare(_stands_for(tp, variables), {})
        elif variables and set(parameters) & set(variables) and typing.get_args(tp):
            return bare(tp[tuple(_stands_for(each, variables) for each in parameters)], {})
        elif isinstance(tp, typing.NewType):
            tp = tp.__supertype__
        elif (stands_for := unaliased(tp)) is not tp:
            tp = stands_for
        else:
            return tp


def _stands_for(variable: Any, variables: Variables) -> Any:
    passed: list[Any] = []
    while variable in variables and variable not in passed:
        passed.append(variable)
        variable = variables[variable]
    return variable


def fields_of(tp: Any) -> list[tuple[str, Any, Variables]] | None:
    """Name, type and type variables of every field; None of a type without fields. Raises `Unresolved`."""
    kind = class_of(tp)
    if not isinstance(kind, type) or issubclass(kind, enum.Enum):
        return None
    try:
        if is_model(kind):
            return [(name, hint, {}) for name, hint in _model_fields(kind).items()]
        names = _field_names(kind)
        if names is None:
            return None
        hints = _hints(kind)
    except Exception as error:
        reason = str(error).splitlines()[0][:120].rstrip(". ") if str(error) else type(error).__name__
        raise Unresolved(reason) from error
    variables = variables_of(tp)
    return [(name, hints.get(name, Any), variables) for name in names]


def held_by(tp: Any) -> tuple[Any, ...] | None:
    """The items' types that a class derived from tuple[…] or frozenset[…] says; None if it does not."""
    for ancestor in cast("tuple[Any, ...]", getattr(class_of(tp), "__mro__", ())):
        for inherited in cast("tuple[Any, ...]", ancestor.__dict__.get("__orig_bases__", ())):
            if typing.get_origin(inherited) in (tuple, frozenset):
                return typing.get_args(inherited)
    return None


def variables_of(tp: Any) -> Variables:
    """What the type variables of a generic class, and of those it inherits from, stand for."""
    kind = class_of(tp)
    found = dict(zip(getattr(kind, "__parameters__", ()), typing.get_args(tp), strict=False))
    ancestors: tuple[Any, ...] = getattr(kind, "__mro__", ())
    for ancestor in ancestors:
        inherits: tuple[Any, ...] = ancestor.__dict__.get("__orig_bases__", ())
        for inherited in inherits:
            parameters = getattr(typing.get_origin(inherited), "__parameters__", ())
            for variable, argument in zip(parameters, typing.get_args(inherited), strict=False):
                if variable is not argument:
                    found.setdefault(variable, argument)
    return found


def _model_fields(kind: Any) -> dict[str, Any]:
    kind.model_rebuild()
    private: list[str] = list(getattr(kind, "__private_attributes__", {}))
    hints: dict[str, Any] = typing.get_type_hints(kind, include_extras=True) if private else {}
    return {
        **{name: spec.annotation for name, spec in kind.model_fields.items()},
        **{name: hints[name] for name in private if name in hints},
    }


def _field_names(kind: Any) -> list[str] | None:
    if dataclasses.is_dataclass(kind):
        return [spec.name for spec in dataclasses.fields(kind)]
    named: Any = getattr(cast("Any", kind), "_fields", None) if issubclass(kind, tuple) else None
    return None if named is None else list(named)


def _hints(kind: Any) -> dict[str, Any]:
    """The types of fields; pydantic may know more of where its own dataclass was declared."""
    try:
        found = typing.get_type_hints(kind, include_extras=True)
    except NameError:
        known: dict[str, Any] = getattr(kind, "__pydantic_fields__", {})
        if not known:
            raise
        return {name: spec.annotation for name, spec in known.items()}
    return {name: _inside(hint) for name, hint in found.items()}


def _inside(hint: Any) -> Any:
    """A field's type without `Final`, which says nothing of its values."""
    return typing.get_args(hint)[0] if typing.get_origin(hint) is typing.Final else hint
