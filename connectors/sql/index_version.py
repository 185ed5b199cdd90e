"""The version of an index that a transaction is writing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self
from uuid import uuid4

from sqlalchemy import Connection, Row, select, update

from connectors.sql.tables import indexes
from orchestrator.errors import StoreError


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
        query = select(indexes).where(indexes.c.name == index, indexes.c.dropped.is_(False))
        row = connection.execute(query.with_for_update()).first()
        if row is None:
            raise StoreError(f"There is no index {index!r}.", hint="Create it first: add something to it.")
        number = row.number + 1
        begun = update(indexes).where(indexes.c.id == row.id)
        connection.execute(begun.values(number=number, edition=uuid4().hex))
        return cls(connection, row, number, now)
