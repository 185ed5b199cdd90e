"""A JSON object as a value: what a job is told, and what it leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema


class JsonObject(Mapping[str, Any]):
    """JSON values by name, which nobody can change: each reading gives a copy of its own.

    Tuples become lists. TypeError for what is no JSON value.
    """

    __slots__ = ("_texts",)

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        self._texts = {str(name): json.dumps(value) for name, value in (values or {}).items()}

    def __getitem__(self, name: str) -> Any:
        return json.loads(self._texts[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def __hash__(self) -> int:
        return hash(frozenset(self._texts))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self)!r})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Written as the object, and read as one."""
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            lambda given: given if isinstance(given, cls) else cls(given),
            serialization=core_schema.plain_serializer_function_ser_schema(dict),
        )
