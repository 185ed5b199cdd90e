"""All text that a database holds, to look for what must not be in it."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import inspect, text

from orchestrator.application.application import Application
from tests.indexing.contents import database_of


def stored_text(app: Application, without: Collection[str] = ()) -> str:
    """The values of every row of every table but some, as one text."""
    found: list[str] = []
    with database_of(app).reading() as connection:
        for table in inspect(connection).get_table_names():
            if table not in without:
                found += [str(tuple(row)) for row in connection.execute(text(f'SELECT * FROM "{table}"'))]
    return "\n".join(found)
