"""What can be wrong with a node's settings: they are values that cannot change and can be told apart."""

from __future__ import annotations

import dataclasses
import inspect
import re
import typing
from collections.abc import Iterator, Mapping
from typing import Any, cast

from orchestrator.graph.channel import type_name, without_none
from orchestrator.graph.names import a_kind_of, written
from orchestrator.graph.node import FunctionNode, as_setting
from orchestrator.graph.plan.fault import Fault
from orchestrator.graph.problem import Problem, judged
from orchestrator.graph.type_parts import is_port
from orchestrator.graph.value_types import MUTABLE

_FROZEN = "use a tuple for a list, a frozenset for a set, a frozen dataclass or a tuple of pairs for a dict"


def setting_faults(path: str, node: Any) -> Iterator[Fault]:
    """Settings that are missing, of another type than declared, or able to change."""
    if isinstance(node, FunctionNode):
        if node.missing:
            names = ", ".join(f"{name}=…" for name in node.missing)
            lacks = ", ".join(node.missing)
            yield Fault(path, f"lacks the setting {lacks}", f"call it: {node.title}({names})")
        yield from _default_faults(path, node)
        values = {**_defaults(node), **dict(node.settings)}
    elif dataclasses.is_dataclass(node):
        specs = dataclasses.fields(node)
        yield from _port_faults(path, node)
        values = {spec.name: getattr(node, spec.name) for spec in specs}
    else:
        values = {}
    for name, value in values.items():
        wrong = value_problem(value)
        if wrong is not None:
            yield Fault(path, f"has the setting {name}={_shown(value)}, and {wrong.problem}", wrong.fix)


@judged
def value_problem(value: Any) -> Problem | None:
    """Why a value cannot be a setting."""
    if value is None or isinstance(value, (str, int, float)):
        return None
    if isinstance(value, MUTABLE):
        return Problem(f"{a_kind_of(type(value).__name__)} can be changed while the graph stands", _FROZEN)
    if isinstance(value, tuple | frozenset):
        inner = (value_problem(item) for item in cast("tuple[Any, ...]", value))
        return next((problem for problem in inner if problem is not None), None)
    config = getattr(value, "model_config", None)
    open_model = isinstance(config, Mapping) and not cast("Mapping[str, Any]", config).get("frozen")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        if not cast("Any", value).__dataclass_params__.frozen:
            return _open(value, "@dataclass(frozen=True)")
        held = (value_problem(getattr(value, spec.name, None)) for spec in dataclasses.fields(value))
        return next((problem for problem in held if problem is not None), None)
    if open_model and not isinstance(value, type):
        return _open(value, "model_config = ConfigDict(frozen=True)")
    try:
        hash(value)
    except TypeError:
        return Problem(f"{a_kind_of(type(value).__name__)} cannot be compared or cached", _FROZEN)
    from orchestrator.graph.plan.fingerprint import identity_of

    unknown = () if callable(value) else identity_of(value).unknown
    if unknown:
        return Problem(
            f"{unknown[0]} cannot be told apart from another in another process",
            "give plain values as settings, and what is alive, such as a client, as a port",
        )
    return None


def _open(value: Any, how: str) -> Problem:
    name = type(value).__name__
    return Problem(
        f"{a_kind_of(name)} can be changed while the graph stands", f"declare {name} frozen: {how}"
    )


def _defaults(node: FunctionNode) -> dict[str, Any]:
    return {
        setting.name: setting.default
        for setting in node.signature.settings
        if setting.default is not inspect.Parameter.empty
    }


def _default_faults(path: str, node: FunctionNode) -> Iterator[Fault]:
    given = dict(node.settings)
    for setting in node.signature.settings:
        value = setting.default
        if value is inspect.Parameter.empty or setting.name in given or value_problem(value) is not None:
            continue
        if _fits(setting.annotation, value):
            continue
        wanted = type_name(setting.annotation)
        otherwise = f", or annotate it {wanted} | None" if value is None else ""
        yield Fault(
            path,
            f"has the default {setting.name}={_shown(value)}, which is no {wanted}",
            f"give it a default of that type{otherwise}",
        )


def _fits(annotation: Any, value: Any) -> bool:
    try:
        fitted = as_setting(annotation, value)
        return bool(fitted == value or (fitted != fitted and value != value))
    except Exception:
        return False


def _port_faults(path: str, node: Any) -> Iterator[Fault]:
    try:
        hints = typing.get_type_hints(cast("Any", type(node)))
    except Exception:
        return  # pydantic has resolved what it needs, and settings are checked by their values
    for spec in dataclasses.fields(node):
        port = without_none(hints.get(spec.name))[0]
        if is_port(port):
            yield Fault(
                path,
                f"takes the port {type_name(port)} as the setting {spec.name!r}, which the run gives",
                f"make it a parameter of __call__: {spec.name}: {type_name(port)}",
            )


def _shown(value: Any) -> str:
    return re.sub(r" at 0x[0-9a-f]+", "", written(value))[:60]
