"""What follows the documents of an index in the transaction that publishes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, MetaData, Table, delete, func, inspect, select

from connectors.sql.following_trees import FollowingTrees
from connectors.sql.passage_features import FollowingFeatures
from connectors.sql.tables import indexes
from orchestrator import plugins
from orchestrator.errors import StoreError
from orchestrator.ports import DerivedChange, DerivedIndex, DerivedProgress


class DerivedIndexes:
    """Features, trees, those that were given, and those that packages register; found when first needed."""

    def __init__(self, given: Sequence[DerivedIndex] = ()) -> None:
        self._given = tuple(given)

    @cached_property
    def all(self) -> tuple[DerivedIndex, ...]:
        """Every derived index, in a fixed order; StoreError if two have one name."""
        # One that is broken stops the change: what it holds would no longer follow the documents.
        found: list[Any] = [
            each.load()
            for name in sorted(plugins.plugins(plugins.DERIVED))
            if (each := plugins.plugin(plugins.DERIVED, name)) is not None
        ]
        registered = [made() if isinstance(made, type) else made for made in found]
        together = (FollowingFeatures(), FollowingTrees(), *self._given, *registered)
        names = [each.name for each in together]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise StoreError(f"Two derived indexes have the name {twice!r}.", hint="Remove one of the two.")
        return together

    def changed(self, change: DerivedChange, connection: Connection) -> None:
        """Let all follow a change."""
        for each in self.all:
            each.changed(change, connection)

    def dropped(self, index: str, index_id: int, connection: Connection) -> None:
        """Let all forget an index, and delete its rows from every table that has any."""
        for each in self.all:
            each.dropped(index, index_id, connection)
        for table in reversed(indexed_tables(connection)):
            connection.execute(delete(table).where(table.c.index_id == index_id))

    def verify(self, index: str, index_id: int, connection: Connection) -> Iterator[str]:
        """What contradicts the documents."""
        for each in self.all:
            yield from each.verify(index, index_id, connection)

    def progress(self, index: str, index_id: int, connection: Connection) -> dict[str, DerivedProgress]:
        """How far each is, by name."""
        return {each.name: each.progress(index, index_id, connection) for each in self.all}


def indexed_tables(connection: Connection) -> list[Table]:
    """Every table of the database with a column `index_id`, also those that nobody here knows of.

    What a table refers to comes before it.
    """
    there = inspect(connection)
    names = [
        name
        for name in there.get_table_names()
        if any(column["name"] == "index_id" for column in there.get_columns(name))
    ]
    found = MetaData()
    found.reflect(connection, only=names)
    return [table for table in found.sorted_tables if table.name in names]


def left_over(connection: Connection) -> Iterator[str]:
    """Rows of indexes that were dropped, in whichever table."""
    alive = select(indexes.c.id).where(indexes.c.dropped.is_(False))
    for table in indexed_tables(connection):
        lost = select(func.count()).select_from(table).where(table.c.index_id.not_in(alive))
        if number := connection.execute(lost).scalar_one():
            yield f"The table {table.name} holds {number:,} rows of indexes that were removed."
