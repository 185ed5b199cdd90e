"""A JSON object that nobody can change: what jobs are told and leave behind, whatever is in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from orchestrator.errors import BadInput


@dataclass(frozen=True, slots=True, eq=False)
class JsonObject(Mapping[str, Any]):
    """A JSON object as a mapping, held as its canonical text: sorted keys, no spaces, ASCII.

    Make one with `JsonObject.of({...})`. It equals every mapping that has the same text, so that a tuple is
    a list, and 1 is not 1.0. Lists and objects in it are made anew each time that they are read, so that
    nobody changes them for another; who reads more than a few values takes a dict of its own: `read()`.
    """

    text: str = "{}"

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> JsonObject:
        """The JSON object of a mapping; BadInput if a value in it has no form in JSON."""
        if isinstance(values, JsonObject):
            return values
        try:
            return cls(_canonical(values))
        except (TypeError, ValueError, RecursionError) as error:
            raise BadInput(
                f"A value has no form in JSON ({error}).",
                hint="Give texts, numbers, truths, None, and lists and mappings of these by text.",
            ) from error

    def read(self) -> dict[str, Any]:
        """A dict of one's own."""
        return cast("dict[str, Any]", json.loads(self.text))

    def __getitem__(self, name: str) -> Any:
        return self.read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.read())

    def __len__(self) -> int:
        return len(self.read())

    def __eq__(self, other: object) -> bool:
        if isinstance(other, JsonObject):
            return self.text == other.text
        if not isinstance(other, Mapping):
            return NotImplemented
        try:
            return self.text == _canonical(cast("Mapping[str, Any]", other))
        except (TypeError, ValueError, RecursionError):
            return False

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"JsonObject.of({self.read()!r})"


def _canonical(values: Mapping[str, Any]) -> str:
    return json.dumps(dict(values), sort_keys=True, separators=(",", ":"), default=_plain)


def _plain(value: object) -> Any:
    """A mapping or a set that `json` does not know."""
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, Any]", value))
    if isinstance(value, set | frozenset):
        return sorted(cast("set[Any]", value))
    raise TypeError(f"a {type(value).__name__}")
