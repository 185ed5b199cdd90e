from __future__ import annotations

import asyncio

import pytest

from connectors.sql import Database, SqlVerdicts
from orchestrator.ports import Verdicts
from orchestrator.testing.clock import ManualClock
from orchestrator.testing.feedback import VerdictsConformance


class TestSqlVerdicts(VerdictsConformance):
    @pytest.fixture
    def verdicts(self, database: Database) -> Verdicts:
        return SqlVerdicts(database)

    async def test_two_who_judge_at_once_do_not_both_count(self, verdicts: Verdicts) -> None:
        await verdicts.answered("one", model="m", space="s", vector=b"v")
        counts = await asyncio.gather(*(verdicts.judge("one", 1.0) for _ in range(8)))
        assert sorted(counts) == [0] * 7 + [1]
        assert len(await verdicts.since("s")) == 1

    async def test_what_is_old_is_given_up(self, database: Database) -> None:
        clock = ManualClock()
        verdicts = SqlVerdicts(database, clock)
        for name in ("old", "new"):
            for end in ("judged", "waiting"):
                await verdicts.answered(f"{name} {end}", model=name, space="s", vector=b"v")
            await verdicts.judge(f"{name} judged", 1.0)
            clock.advance(100.0)
        assert verdicts.prune(answers_before=clock.now() - 150, verdicts_before=clock.now() - 150) == 2
        assert [each.model for each in await verdicts.since("s")] == ["new"]
        assert await verdicts.judge("old waiting", 1.0) == 0
        assert await verdicts.judge("new waiting", 1.0) == 1
