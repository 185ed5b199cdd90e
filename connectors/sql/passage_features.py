"""The features of passages as a derived index: they go with their passages."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, delete, func, select

from connectors.sql.statements import chunks
from connectors.sql.tables import jobs, passage_features, passages
from orchestrator.ports import DerivedChange, DerivedProgress

#: The family of the jobs that make features.
_SCOPE = "features"


class FollowingFeatures:
    """The `DerivedIndex` of features. One stays as long as its passage, whose id holds a hash of the text."""

    name = "features"

    def changed(self, change: DerivedChange, connection: Connection) -> None:
        """Delete those of purged passages."""
        for part in chunks(change.purged):
            theirs = (passage_features.c.index_id == change.index_id, passage_features.c.passage.in_(part))
            connection.execute(delete(passage_features).where(*theirs))

    def dropped(self, index: str, index_id: int, connection: Connection) -> None:
        """Forget the jobs that make them; their rows go with the index."""
        connection.execute(delete(jobs).where(jobs.c.scope == _SCOPE, jobs.c.scope_name == index))

    def verify(self, index: str, index_id: int, connection: Connection) -> Iterator[str]:
        """Features of no passage."""
        known = select(passages.c.id).where(
            passages.c.index_id == passage_features.c.index_id, passages.c.id == passage_features.c.passage
        )
        lost = select(passage_features.c.passage, passage_features.c.kind).where(
            passage_features.c.index_id == index_id, ~known.exists()
        )
        for row in connection.execute(lost):
            yield f"There are {row.kind} of the passage {row.passage}, which the registry does not have."

    def progress(self, index: str, index_id: int, connection: Connection) -> DerivedProgress:
        """Passages with any feature, of those that the index has."""
        alive = (passages.c.index_id == index_id, passages.c.retired.is_(None))
        total = connection.execute(select(func.count()).select_from(passages).where(*alive)).scalar_one()
        having = select(passage_features.c.passage).where(
            passage_features.c.index_id == passages.c.index_id, passage_features.c.passage == passages.c.id
        )
        query = select(func.count()).select_from(passages).where(*alive, having.exists())
        return DerivedProgress(connection.execute(query).scalar_one(), total)
