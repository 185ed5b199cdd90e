"""What a migration may do to a database's tables, on the connection and in the transaction of its upgrade."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.schema import CreateColumn, SchemaItem


class Operations:
    """The operations by name, as in Alembic; migrations need no more of it than these."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection
        self._quoted = connection.dialect.identifier_preparer.quote

    def execute(self, statement: str) -> None:
        """Execute SQL as it is written."""
        self.connection.execute(sa.text(statement))

    def create_table(self, name: str, *items: SchemaItem, **options: Any) -> sa.Table:
        """Create a table of columns and constraints; whatever has a name is given it by the caller."""
        metadata = sa.MetaData()
        _stand_in(metadata, name, items)
        table = sa.Table(name, metadata, *items, **options)
        table.create(self.connection, checkfirst=False)
        return table

    def drop_table(self, name: str) -> None:
        """Drop a table with its indexes."""
        self.execute(f"DROP TABLE {self._quoted(name)}")

    def rename_table(self, name: str, new: str) -> None:
        """Rename a table; its indexes and constraints keep their names."""
        self.execute(f"ALTER TABLE {self._quoted(name)} RENAME TO {self._quoted(new)}")

    def add_column(self, table: str, column: sa.Column[Any]) -> None:
        """Add a column; one that is not nullable has a server default for the rows there are."""
        sa.Table(table, sa.MetaData(), column)
        described = CreateColumn(column).compile(dialect=self.connection.dialect)
        self.execute(f"ALTER TABLE {self._quoted(table)} ADD COLUMN {described}")

    def create_index(self, name: str, table: str, columns: Sequence[str], **options: Any) -> None:
        """Create an index; `options` are those of SQLAlchemy's `Index`, such as `unique`."""
        named: list[sa.Column[Any]] = [sa.Column(each, sa.types.NullType()) for each in columns]
        of = sa.Table(table, sa.MetaData(), *named)
        sa.Index(name, *[of.c[each] for each in columns], **options).create(self.connection)

    def drop_index(self, name: str) -> None:
        """Drop an index."""
        self.execute(f"DROP INDEX {self._quoted(name)}")


def _stand_in(metadata: sa.MetaData, name: str, items: Sequence[SchemaItem]) -> None:
    """Tables that foreign keys refer to, with nothing but the columns that they name."""
    columns: dict[str, dict[str, None]] = defaultdict(dict)
    for item in items:
        if isinstance(item, sa.ForeignKeyConstraint):
            for key in item.elements:
                table, _, column = key.target_fullname.rpartition(".")
                columns[table][column] = None
    for table, names in columns.items():
        if table != name:
            sa.Table(table, metadata, *[sa.Column(each, sa.types.NullType()) for each in names])
