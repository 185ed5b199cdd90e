"""Former names of settings, put where they stand now before anything else looks at them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, cast

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource


class Renamed(PydanticBaseSettingsSource):
    """A source whose values may stand under former names; `names` maps a former path to that of now."""

    def __init__(
        self, settings_cls: type[BaseSettings], source: PydanticBaseSettingsSource, names: Mapping[str, str]
    ) -> None:
        super().__init__(settings_cls)
        self._source = source
        self._names = names

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Never asked: the values come all at once."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        values = self._source()
        for former, name in self._names.items():
            values = _moved(values, former.split("."), name.split("."))
        return values


class FormerVariables(PydanticBaseSettingsSource):
    """Environment variables of former names, which the settings' own source does not look for."""

    def __init__(self, settings_cls: type[BaseSettings], names: Mapping[str, str], prefix: str) -> None:
        super().__init__(settings_cls)
        # A table that is there still is read by the settings' own source, with all that is in it.
        self._names = [name for name in names if "." not in name]
        self._prefix = prefix

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Never asked: the values come all at once."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for variable, value in os.environ.items():
            name, _, part = variable.upper().removeprefix(self._prefix).lower().partition("__")
            if not variable.upper().startswith(self._prefix) or name not in self._names:
                continue
            if part:
                found.setdefault(name, {})[part] = value
            else:
                found[name] = _read(value)
        return found


def _read(value: str) -> Any:
    """A table is written as JSON. What is neither is refused by its name, as any other value."""
    if not value.lstrip().startswith("{"):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _moved(values: dict[str, Any], former: list[str], now: list[str]) -> dict[str, Any]:
    *tables, key = former
    holder: Any = values
    for each in tables:
        holder = cast("dict[str, Any]", holder).get(each) if isinstance(holder, dict) else None
    if not isinstance(holder, dict) or key not in holder:
        return values
    value = cast("dict[str, Any]", holder)[key]
    return _put(_without(values, former), now, value)


def _without(values: dict[str, Any], path: list[str]) -> dict[str, Any]:
    first, *rest = path
    if not rest:
        return {name: each for name, each in values.items() if name != first}
    return {**values, first: _without(values[first], rest)}


def _put(values: dict[str, Any], path: list[str], value: Any) -> dict[str, Any]:
    """With a value added; what stands under the name of now is left as it is."""
    first, *rest = path
    there = values.get(first)
    if rest:
        table = cast("dict[str, Any]", there) if isinstance(there, dict) else {}
        return {**values, first: _put(table, rest, value)}
    if isinstance(there, dict) and isinstance(value, Mapping):
        return {**values, first: {**cast("dict[str, Any]", value), **cast("dict[str, Any]", there)}}
    return {first: value, **values}
