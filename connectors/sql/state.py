"""The database as one thing that is kept: pruned, copied, put back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.sql.cache import SqlCache
from connectors.sql.conversations import SqlConversations
from connectors.sql.database import Database
from connectors.sql.feedback import SqlFeedback
from connectors.sql.runs import SqlRuns
from connectors.sql.schema import open_database
from orchestrator.errors import BadInput
from orchestrator.ports import Clock
from orchestrator.settings import DAY

if TYPE_CHECKING:
    from orchestrator.backup.archive import ArchivedIndex


@dataclass(frozen=True, eq=False)
class SqlState:
    """The `StateStore` port over a database."""

    database: Database
    clock: Clock

    @classmethod
    def opened(cls, url: str, home: Path, clock: Clock) -> SqlState:
        """The state at a URL. Tables are made or migrated, and a restore that was killed is finished."""
        from orchestrator.backup import snapshot

        state = cls(open_database(url), clock)
        if snapshot.unfinished(home):
            snapshot.finish_restore(home, state.restore)
        return state

    @property
    def name(self) -> str:
        """Which database, without a password."""
        return self.database.name

    async def prune(self, now: float, keep: Mapping[str, float], *, cache: bool = False) -> None:
        """Delete what is older than the days of its kind; with `cache`, all cached results."""
        database, before = self.database, {kind: now - days * DAY for kind, days in keep.items()}
        runs, results = SqlRuns(database, self.clock), SqlCache(database, self.clock)
        await runs.prune(before=before["runs"])
        await runs.prune_checkpoints(before=before["checkpoints"])
        conversations = SqlConversations(database, self.clock)
        await database.run_writing(conversations.prune, before=before["conversations"])
        await database.run_writing(results.clear if cache else results.prune)
        await database.run_writing(
            SqlFeedback(database, self.clock).prune,
            answers_before=before["runs"],
            feedback_before=before["feedback"],
        )
        await runs.close()

    def backup(self, path: Path) -> None:
        """Copy the database, of SQLite, to `path`."""
        from connectors.sql.backup import backup

        backup(self.database, path)

    def restore(self, copy: Path) -> None:
        """Put a copy of the state, of SQLite, in the place of what there is."""
        from connectors.sql.backup import restore

        if self.database.path is None:
            raise BadInput(
                f"The state is in {self.database.name}, and the backup is of SQLite.",
                hint="Restore it with a database_url that names a SQLite file.",
            )
        restore(copy, self.database.path)

    def archived_indexes(self, copy: Path) -> tuple[ArchivedIndex, ...]:
        """The indexes that a copy of the state names."""
        from connectors.sql.backup import archived_indexes

        return archived_indexes(copy)

    def archived_edition(self, copy: Path) -> str | None:
        """The edition of the recommenders that a copy of the state names."""
        from connectors.sql.backup import archived_edition

        return archived_edition(copy)

    def faults(self) -> Iterator[str]:
        """What is wrong with the database's own file, in words."""
        yield from self.database.faults()

    def close(self) -> None:
        """Give back threads and connections."""
        self.database.close()
