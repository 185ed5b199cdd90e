"""Versions of an index: the one that is stored, and the one that a transaction is writing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self
from uuid import uuid4

from sqlalchemy import Connection, Row, select, update

from connectors.sql.tables import indexes
from orchestrator.errors import StoreError
from orchestrator.ports import IndexFormat, IndexVersion


def of_index(index: str, query: Any) -> Any:
    """A query of the rows of an index that was not dropped; it joins `indexes`."""
    return query.where(indexes.c.name == index, indexes.c.dropped.is_(False))


def version_of(row: Row[Any]) -> IndexVersion:
    """The version that a row of `indexes` tells of."""
    format = IndexFormat(
        row.embedder, row.dimensions, row.sparse, row.format, row.tokens, row.token_dimensions
    )
    return IndexVersion(row.name, row.number, format, row.documents, row.passages)


def format_columns(format: IndexFormat) -> dict[str, Any]:
    """The columns of `indexes` that hold a format."""
    return {
        "embedder": format.embedder,
        "dimensions": format.dimensions,
        "sparse": format.sparse,
        "format": format.version,
        "tokens": format.tokens,
        "token_dimensions": format.token_dimensions,
    }


@dataclass(frozen=True, slots=True)
class Edition:
    """Version `number` of an index in the making at the time `now`; its writer owns the transaction."""

    connection: Connection
    index: Row[Any]
    number: int
    now: float

    @classmethod
    def begun(cls, connection: Connection, index: str, now: float) -> Self:
        """The next version. The index stays locked until the transaction ends: one publishes at a time."""
        row = connection.execute(of_index(index, select(indexes)).with_for_update()).first()
        if row is None:
            raise StoreError(f"There is no index {index!r}.", hint="Create it first: add something to it.")
        number = row.number + 1
        begun = update(indexes).where(indexes.c.id == row.id)
        connection.execute(begun.values(number=number, edition=uuid4().hex))
        return cls(connection, row, number, now)
