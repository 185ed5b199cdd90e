"""What all tables have in common: their names' convention, and the types of their columns."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import BigInteger, Dialect, Integer, MetaData, Text, text
from sqlalchemy.types import TypeDecorator

from orchestrator.errors import StoreError

#: The next step where a database is damaged.
DAMAGED = "Restore a backup: `orchestrator restore FILE --force`."
#: SQLite numbers rows by itself only if the column is an INTEGER.
Number = BigInteger().with_variant(Integer, "sqlite")


class Json(TypeDecorator[Any]):
    """A value as JSON text with sorted keys: equal values are equal texts. Never queried by its keys."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        if value is None:
            return None
        return json_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        try:
            return None if value is None else json.loads(value)
        except ValueError as error:
            raise StoreError(
                f"The database is damaged: a value is no JSON ({error}).", hint=DAMAGED
            ) from error


def json_text(value: Any) -> str:
    """A value as the text that is stored of it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, (set, frozenset)):
        return sorted(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return str(value)


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

#: Nearly everything is in the current version: only what is not is worth an index, and a planner that has
#: not counted the rows yet would take a full one for selective.
WHERE_RETIRED: dict[str, Any] = {
    "sqlite_where": text("retired IS NOT NULL"),
    "postgresql_where": text("retired IS NOT NULL"),
}
