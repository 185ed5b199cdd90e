"""What a value may say of itself, so that whatever keeps, traces or shows values needs to know no type.

A type takes part by having the member; nothing is registered and nothing inherited. Each is looked for in
the parts of a value, too: in the items of tuples, the values of mappings, and the fields of dataclasses and
pydantic models. A stranger's type that holds `Hits` rests on their passages without a word of its own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any, Protocol, Self, TypeGuard, cast, runtime_checkable

from orchestrator.types import Principal, Usage

#: Types with nothing inside.
_PLAIN = (str, bytes, int, float, type, type(None))


@runtime_checkable
class Sourced(Protocol):
    """A value that rests on passages: what is kept of it falls when one of them changes or goes."""

    @property
    def passages(self) -> Collection[str]:
        """Ids of the passages."""
        ...


@runtime_checkable
class Traced(Protocol):
    """A value that says how a trace keeps it."""

    def trace(self) -> Any:
        """Ids, counts and lengths as plain JSON; never text that comes from a passage."""
        ...


@runtime_checkable
class Readable(Protocol):
    """A value that is not for everybody: it is withheld from a reader to whom it is not visible."""

    def visible_to(self, principal: Principal) -> bool:
        """Whether the principal may read it."""
        ...


@runtime_checkable
class Accounted(Protocol):
    """A value that tells its reader what its run left out and what it cost."""

    @property
    def degraded(self) -> tuple[str, ...]:
        """What was left out before the run ended, and why."""
        ...

    def accounted(self, degraded: tuple[str, ...], usage: Usage) -> Self:
        """The same value with all that was left out in its run, and what the run spent."""
        ...


# What `isinstance` says for these protocols of one member each, in a tenth of its time: it looks the members
# up anew at each call, and each value that a run keeps is asked.


def is_traced(value: object) -> TypeGuard[Traced]:
    """Whether a value says how a trace keeps it."""
    return getattr(value, "trace", None) is not None


def is_record(tp: object) -> bool:
    """Whether values of a type are records of how a node came to its result, which say `record = True`.

    They are for the trace and for whoever declares them as an output: no node has to read them.
    """
    return getattr(tp, "record", False) is True


def _is_readable(value: object) -> TypeGuard[Readable]:
    return getattr(value, "visible_to", None) is not None


def passages_of(*values: object) -> tuple[str, ...]:
    """The ids of the passages that values rest on, each once, in their order.

    A value that is `Sourced` speaks for its parts; of another, the parts are asked.
    """
    found: dict[str, None] = {}
    _collect(values, found)
    return tuple(found)


def _collect(values: Iterable[object], found: dict[str, None]) -> None:
    for value in values:
        if isinstance(value, _PLAIN):
            continue
        given = cast("Collection[object] | None", getattr(value, "passages", None))
        if given is not None:
            found.update((one, None) for one in given if isinstance(one, str))
            # A field of this name may hold passages themselves.
            _collect((one for one in given if not isinstance(one, str)), found)
        else:
            _collect(_parts(value), found)


def restricted(value: object) -> bool:
    """Whether a value, or a value in it, says whom it is for."""
    if isinstance(value, _PLAIN):
        return False
    return _is_readable(value) or any(restricted(part) for part in _parts(value))


def readable_by(value: object, principal: Principal) -> bool:
    """Whether a principal may read a value with everything in it."""
    if isinstance(value, _PLAIN):
        return True
    if _is_readable(value) and not value.visible_to(principal):
        return False
    return all(readable_by(part, principal) for part in _parts(value))


def _parts(value: object) -> Iterable[object]:
    if isinstance(value, tuple | list | set | frozenset):
        return cast("Iterable[object]", value)
    if isinstance(value, Mapping):
        return [part for item in cast("Mapping[object, object]", value).items() for part in item]
    if dataclasses.is_dataclass(value):
        parts = (getattr(value, name) for name in _field_names(type(value)))
        # Most fields hold plain values, and a value of many parts is asked for each.
        return [part for part in parts if type(part) not in _PLAIN]
    fields = getattr(type(value), "model_fields", None)
    if isinstance(fields, dict):
        return [getattr(value, name) for name in cast("dict[str, object]", fields)]
    return ()


@lru_cache(maxsize=2048)
def _field_names(cls: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(cast("Any", cls)))
