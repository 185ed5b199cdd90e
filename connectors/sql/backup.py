"""Copies of a SQLite database that are consistent although others are writing to it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.sql.database import Database
from connectors.sql.index_registry import SqlIndexRegistry
from connectors.sql.migrations import HEAD
from connectors.sql.recommender_state import SqlRecommenderState
from connectors.sql.schema import open_database
from connectors.sql.shard_registry import SqlShardRegistry
from orchestrator.errors import BadInput, StoreError

if TYPE_CHECKING:
    from orchestrator.backup.archive import ArchivedIndex


def backup(database: Database, path: Path) -> None:
    """Copy a SQLite database to `path` as it is at one moment, whole or not at all."""
    if database.path is None:
        raise StoreError(
            f"{database.name} is PostgreSQL, which has its own tools for backups.",
            hint="Use `pg_dump --format=custom`, and `pg_restore` to restore.",
        )
    if path.exists():
        raise BadInput(f"{path} exists already.", hint="Name a file that does not exist.")
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        _copied(database.path, part)
        part.rename(path)
    except (sqlite3.Error, OSError) as error:
        part.unlink(missing_ok=True)
        raise StoreError(f"{database.path} could not be copied to {path}: {error}.") from error


def restore(copy: Path, path: Path) -> None:
    """Make the database at `path` what it was in a backup, in one transaction of SQLite's.

    Others may have it open: they see the old state or the new. BadInput if `copy` is no sound backup
    of a release up to this one; then nothing is changed.
    """
    try:
        with closing(_opened(copy)) as source:
            sound = source.execute("PRAGMA integrity_check").fetchone()[0]
            revision = source.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise BadInput(f"{copy} is no backup of this program: {error}.") from error
    if sound != "ok":
        raise BadInput(f"{copy} is damaged: {sound}.", hint="Take another backup.")
    if revision is None or not str(revision[0]).isdecimal() or int(revision[0]) > int(HEAD):
        raise BadInput(
            f"{copy} has the schema revision {revision and revision[0]}; this release knows up to {HEAD}.",
            hint="Restore it with the release that made it.",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        _copied(copy, path)
    except sqlite3.Error as error:
        raise StoreError(f"{path} could not be restored: {error}.", hint="Stop what is using it.") from error


def _copied(source: Path, target: Path) -> None:
    """All pages in one step: a read transaction of the source, which in WAL mode stops no writer."""
    with closing(_opened(source)) as reading, closing(sqlite3.connect(target, timeout=30)) as writing:
        reading.backup(writing)


def _opened(path: Path) -> sqlite3.Connection:
    # Without mode=rw SQLite would make an empty database of a wrong name.
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=30)


def archived_indexes(copy: Path) -> tuple[ArchivedIndex, ...]:
    """The indexes that a copy of the state names."""
    from orchestrator.backup.archive import ArchivedIndex

    database = open_database(copy)
    try:
        held = SqlShardRegistry(database)
        found = (held.current(each.index) for each in SqlIndexRegistry(database).indexes())
        return tuple(
            ArchivedIndex(
                each.index,
                each.number,
                each.documents,
                each.passages,
                tuple(shard.name for shard in each.shards),
                vectors=not held.unplaced(each.index, limit=1),
            )
            for each in found
            if each is not None
        )
    finally:
        database.close()


def archived_edition(copy: Path) -> str | None:
    """The edition of the recommenders that a copy of the state names."""
    database = open_database(copy)
    try:
        return SqlRecommenderState(database).read().edition
    finally:
        database.close()
