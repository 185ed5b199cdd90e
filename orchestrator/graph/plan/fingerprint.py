"""Settings and code as text that is the same in every process, and changes when either does."""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import typing
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any


@lru_cache(maxsize=4096)
def node_fingerprint(node: Any) -> str:
    """A node's name, settings and code."""
    function = node.function
    settings: Any = getattr(node, "settings", None)
    if settings is None:
        settings = [(spec.name, getattr(node, spec.name)) for spec in dataclasses.fields(node)]
    where = f"{function.__module__}.{function.__qualname__}"
    return f"{where}({stable(settings)}){_code(function)}"


def stable(value: Any) -> str:
    """`repr`, but with sets in order and functions by name."""
    match value:
        case set() | frozenset():
            items = typing.cast("set[Any]", value)
            return "{" + ", ".join(sorted(stable(item) for item in items)) + "}"
        case list() | tuple():
            items = typing.cast("list[Any]", value)
            return "(" + ", ".join(stable(item) for item in items) + ")"
        case Mapping():
            pairs = typing.cast("Mapping[Any, Any]", value).items()
            return "{" + ", ".join(sorted(f"{stable(key)}: {stable(item)}" for key, item in pairs)) + "}"
        case _:
            pass
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [(spec.name, getattr(value, spec.name)) for spec in dataclasses.fields(value)]
        return f"{type(value).__qualname__}{stable(fields)}"
    if isinstance(value, type) or inspect.isroutine(value):
        return f"{value.__module__}.{value.__qualname__}{_code(value)}"
    return repr(value)


def _code(function: Callable[..., Any] | type) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)  # pyright: ignore[reportArgumentType]
    if code is None:
        return ""
    digest = hashlib.sha256(code.co_code)
    digest.update(repr([const for const in code.co_consts if not inspect.iscode(const)]).encode())
    digest.update(repr(code.co_names).encode())
    return digest.hexdigest()[:16]
