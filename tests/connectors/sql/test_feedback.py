from __future__ import annotations

import asyncio

import pytest

from connectors.sql import Database, SqlFeedback
from orchestrator.ports import FeedbackStore
from orchestrator.testing.clock import ManualClock
from orchestrator.testing.feedback import FeedbackStoreConformance


class TestSqlFeedback(FeedbackStoreConformance):
    @pytest.fixture
    def feedback(self, database: Database) -> FeedbackStore:
        return SqlFeedback(database)

    async def test_two_who_judge_at_once_do_not_both_count(self, feedback: FeedbackStore) -> None:
        await feedback.answered("one", model="m", space="s", vector=b"v")
        counts = await asyncio.gather(*(feedback.record("one", 1.0) for _ in range(8)))
        assert sorted(counts) == [0] * 7 + [1]
        assert len(await feedback.since("s")) == 1

    async def test_what_is_old_is_given_up(self, database: Database) -> None:
        clock = ManualClock()
        feedback = SqlFeedback(database, clock)
        for name in ("old", "new"):
            for end in ("judged", "waiting"):
                await feedback.answered(f"{name} {end}", model=name, space="s", vector=b"v")
            await feedback.record(f"{name} judged", 1.0)
            clock.advance(100.0)
        assert feedback.prune(answers_before=clock.now() - 150, feedback_before=clock.now() - 150) == 2
        assert [each.model for each in await feedback.since("s")] == ["new"]
        assert await feedback.record("old waiting", 1.0) == 0
        assert await feedback.record("new waiting", 1.0) == 1
