"""Pieces of statements that several tables share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, Table, insert
from sqlalchemy.dialects import postgresql, sqlite

ItemT = TypeVar("ItemT")

#: Rows of one statement with a list of values: far below SQLite's limit of 32,766 variables.
CHUNK = 1000


def chunks(items: Iterable[ItemT], size: int = CHUNK) -> Iterator[list[ItemT]]:
    """Lists of at most `size` items, in order."""
    left = iter(items)
    while part := list(islice(left, size)):
        yield part


def insert_all(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert rows in bulk, a few thousand in memory at a time."""
    for part in chunks(rows, 2000):
        connection.execute(insert(table), part)


def insert_missing(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert the rows whose key is not there yet; how many were."""
    if not rows:
        return 0
    statement = _or_nothing(connection, table).on_conflict_do_nothing().returning(*table.primary_key)
    return len(connection.execute(statement, rows).all())


def insert_missing_from(connection: Connection, table: Table, query: Select[*tuple[Any, ...]]) -> None:
    """Insert what a query gives in the order of the table's columns, but for the rows that are there."""
    names = [column.name for column in table.c]
    connection.execute(_or_nothing(connection, table).from_select(names, query).on_conflict_do_nothing())


def _or_nothing(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)
