"""Answers that may be judged and what was thought of them, in SQL."""

from __future__ import annotations

import time
from collections.abc import Mapping

from sqlalchemy import delete, insert, select

from connectors.sql.database import Database
from connectors.sql.statements import insert_all
from connectors.sql.tables import answered, feedback
from orchestrator.ports import Clock, Feedback


class SqlFeedback:
    """The `FeedbackStore` port: what one process is told, all learn."""

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self._database = database
        self._now = clock.now if clock is not None else time.time

    async def answered(self, run_id: str, *, model: str, space: str, vector: bytes) -> None:
        """Note that a model wrote an answer in a run."""
        row = {"run_id": run_id, "model": model, "space": space, "vector": vector, "created": self._now()}
        # An answer that cannot be noted cannot be judged, which is no reason to fail the run.
        if not self._database.read_only:
            await self._database.run_writing(self._answered, row)

    async def record(self, run_id: str, score: float) -> int:
        """Record feedback on the answers of a run; how many there were. Each answer takes one."""
        return await self._database.run_writing(self._judge, run_id, score)

    async def since(self, space: str, *, after: int = 0, limit: int = 10_000) -> list[Feedback]:
        """The newest feedback after an id, by rising id."""
        return await self._database.run(self._since, space, after, limit)

    def prune(self, *, answers_before: float, feedback_before: float) -> int:
        """Delete what is older than this (seconds since the epoch); how many rows."""
        with self._database.writing() as connection:
            gone = connection.execute(delete(answered).where(answered.c.created < answers_before)).rowcount
            old = delete(feedback).where(feedback.c.created < feedback_before)
            return gone + connection.execute(old).rowcount

    def _answered(self, row: Mapping[str, object]) -> None:
        with self._database.writing() as connection:
            connection.execute(insert(answered).values(**row))

    def _judge(self, run_id: str, score: float) -> int:
        with self._database.writing() as connection:
            # What is deleted is what is judged, so that two who judge at once do not both count.
            taken = delete(answered).where(answered.c.run_id == run_id)
            rows = connection.execute(
                taken.returning(answered.c.id, answered.c.model, answered.c.space, answered.c.vector)
            ).all()
            made = [
                {"model": row.model, "space": row.space, "vector": row.vector, "score": score}
                for row in sorted(rows, key=lambda row: row.id)
            ]
            insert_all(connection, feedback, ({**each, "created": self._now()} for each in made))
        return len(made)

    def _since(self, space: str, after: int, limit: int) -> list[Feedback]:
        query = (
            select(feedback.c.id, feedback.c.model, feedback.c.vector, feedback.c.score)
            .where(feedback.c.space == space, feedback.c.id > after)
            .order_by(feedback.c.id.desc())
            .limit(limit)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return [Feedback(row.id, row.model, bytes(row.vector), row.score) for row in reversed(rows)]
