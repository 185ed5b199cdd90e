"""What a type is made of: its fields, and what its type variables stand for."""

from __future__ import annotations

import dataclasses
import enum
import typing
from typing import Any, cast

#: What the type variables of a generic type stand for.
Variables = dict[Any, Any]


def class_of(tp: Any) -> Any:
    """`tuple` for `tuple[int, ...]`, and what is no generic as it is."""
    return typing.get_origin(tp) or tp


def bare(tp: Any, variables: Variables) -> Any:
    """A type without annotations, other names and variables that stand for it."""
    while True:
        parameters: tuple[Any, ...] = getattr(tp, "__parameters__", None) or ()
        if typing.get_origin(tp) in (typing.Annotated, typing.Required, typing.NotRequired):
            tp = typing.get_args(tp)[0]
        elif variables and tp in variables:
            return bare(_stands_for(tp, variables), {})
        elif variables and set(parameters) & set(variables) and typing.get_args(tp):
            return bare(tp[tuple(_stands_for(each, variables) for each in parameters)], {})
        elif getattr(tp, "__supertype__", None) is not None:
            tp = getattr(tp, "__supertype__", None)
        elif type(cast("object", tp)).__name__ == "TypeAliasType":
            tp = getattr(tp, "__value__", None)
        else:
            return tp


def _stands_for(variable: Any, variables: Variables) -> Any:
    passed: list[Any] = []
    while variable in variables and variable not in passed:
        passed.append(variable)
        variable = variables[variable]
    return variable


def fields_of(tp: Any) -> list[tuple[str, Any, Variables]] | None:
    """Name, type and type variables of every field; None of a type without fields."""
    kind = class_of(tp)
    if not isinstance(kind, type) or issubclass(kind, enum.Enum):
        return None
    models: Any = getattr(cast("Any", kind), "model_fields", None)
    if isinstance(models, dict):
        return [(name, spec.annotation, {}) for name, spec in cast("dict[str, Any]", models).items()]
    names = _field_names(kind)
    if names is None:
        return None
    try:
        hints = typing.get_type_hints(cast("Any", kind), include_extras=True)
    except Exception:
        return []  # pydantic may know more of where the type was declared
    variables = _variables(tp)
    return [(name, hints.get(name, Any), variables) for name in names]


def _field_names(kind: Any) -> list[str] | None:
    if dataclasses.is_dataclass(kind):
        return [spec.name for spec in dataclasses.fields(kind)]
    named: Any = getattr(cast("Any", kind), "_fields", None) if issubclass(kind, tuple) else None
    return None if named is None else list(named)


def _variables(tp: Any) -> Variables:
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
