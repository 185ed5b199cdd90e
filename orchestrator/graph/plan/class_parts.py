"""The parts of a class: the module that it stands in, what it says itself, and its slots."""

from __future__ import annotations

import enum
import inspect
import sys
import types
from collections.abc import Mapping
from typing import Any, cast

from orchestrator.graph.plan.sources import file_of, is_own

_DESCRIPTORS = (types.MemberDescriptorType, types.GetSetDescriptorType, types.WrapperDescriptorType)
_NOISE = frozenset(
    {
        "__dict__", "__weakref__", "__doc__", "__module__", "__annotations__", "__parameters__", "__hash__",
        "__orig_bases__", "__signature__", "__match_args__", "__slots__", "_abc_impl", "__abstractmethods__",
        "__firstlineno__", "__static_attributes__", "_is_protocol", "__private_attributes__",
        "__class_vars__",
    }
)  # fmt: skip
#: What an enum's class keeps of its members.
_OF_ENUMS = frozenset(
    {
        "_member_names_", "_member_map_", "_value2member_map_", "_unhashable_values_",
        "_unhashable_values_map_", "_hashable_values_", "_value_repr_",
    }
)  # fmt: skip


def scope_of(cls: type) -> Mapping[str, Any]:
    """The variables of the module that a class stands in; of one without a module, those of its methods."""
    module = sys.modules.get(cls.__module__)
    if module is not None:
        return vars(module)
    functions = (value for value in vars(cls).values() if inspect.isfunction(value))
    nothing: dict[str, Any] = {}
    return next((function.__globals__ for function in functions), nothing)


def attributes_of(cls: type) -> dict[str, Any]:
    """What a class says itself, without what the interpreter, dataclasses and pydantic add."""
    found: dict[str, Any] = {}
    members: Any = cls.__members__ if issubclass(cls, enum.Enum) else {}
    if members:
        # By their values: members hold their class, and flags that were joined are kept in it.
        found["members"] = [(name, member.value) for name, member in members.items()]
    for name, value in vars(cast("type", cls)).items():
        if members and (name in members or name in _OF_ENUMS):
            continue
        if (
            name in _NOISE
            or name.startswith(("__pydantic", "__dataclass", "__attrs"))
            or isinstance(value, _DESCRIPTORS)
        ):
            continue
        if inspect.isfunction(value) and not is_own(file_of(value)) and file_of(cls):
            continue
        found[name] = value
    return found


def slots_of(cls: type) -> tuple[str, ...]:
    """The names of a class's own slots."""
    slots: Any = vars(cls).get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots)
