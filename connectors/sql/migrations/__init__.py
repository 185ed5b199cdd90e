"""Brings a database's tables to this release's revision; refuses one that a newer release wrote."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from connectors.sql.migrations.operations import Operations
from orchestrator.errors import StoreError

if TYPE_CHECKING:
    from connectors.sql.database import Database

#: The revision of `tables`. Kept here so that opening a current database imports no migration.
HEAD = "0070"

#: Any number, the same in all releases: PostgreSQL's lock against two processes that migrate at once.
_ADVISORY_LOCK = 7_203_114_985_001


def upgrade(database: Database, to: str = HEAD) -> None:
    """Run the migrations that are missing, in one transaction; StoreError if the database is newer."""
    with database.reading() as connection:
        if _refused_if_newer(database, revision(connection)) == to:
            return
    with database.writing() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
        # Another process may have been faster while this one waited.
        found = _refused_if_newer(database, revision(connection))
        if found is None and to == HEAD:
            _make(connection)
        elif found != to:
            migrate(connection, to)


def revision(connection: Connection) -> str | None:
    """The revision of the tables there are; None if there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _refused_if_newer(database: Database, found: str | None) -> str | None:
    if found is None or (found.isdecimal() and int(found) <= int(HEAD)):
        return found
    raise StoreError(
        f"The database {database.name} has the schema revision {found}; this release knows up to {HEAD}.",
        hint="A newer release wrote it: upgrade, or open a copy that this release made.",
    )


def _make(connection: Connection) -> None:
    """Make the tables of this release at once, as its migrations would."""
    from connectors.sql.tables import metadata

    metadata.create_all(connection, checkfirst=False)
    _remember(connection, HEAD)


def _remember(connection: Connection, head: str) -> None:
    """Make the table of the revision, which is Alembic's: former releases migrated with it."""
    column = "version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)"
    connection.execute(text(f"CREATE TABLE alembic_version ({column})"))
    connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": head})


def migrate(connection: Connection, to: str = HEAD) -> None:
    """Run the migrations that are missing, from none on, one after the other."""
    found = revision(connection)
    if found is None:
        _remember(connection, "")
    for number, module in sorted(revisions().items()):
        if (found or "") < number <= to:
            importlib.import_module(module).upgrade(Operations(connection))
            connection.execute(text("UPDATE alembic_version SET version_num = :head"), {"head": number})


def revisions() -> dict[str, str]:
    """The modules of the migrations by their numbers, which is the order that they are run in."""
    names = [each.name for each in pkgutil.iter_modules([str(Path(__file__).parent / "versions")])]
    return {name.partition("_")[0]: f"{__name__}.versions.{name}" for name in names}
