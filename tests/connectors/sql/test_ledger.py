from __future__ import annotations

import pytest

from connectors.sql import Database, SqlLedger
from orchestrator.ports import Ledger, index_scope
from orchestrator.testing.clock import ManualClock
from orchestrator.testing.ledger import LedgerConformance


class TestSqlLedger(LedgerConformance):
    @pytest.fixture
    def ledger(self, database: Database, clock: ManualClock) -> Ledger:
        return SqlLedger(database, clock)


def test_a_failed_job_rests_twice_as_long_each_time(database: Database) -> None:
    clock = ManualClock()
    ledger = SqlLedger(database, clock, backoff=10)
    ledger.submit("add", index_scope("default"), "key", {})
    for rest in (10, 20):
        job = ledger.claim("worker", seconds=60)
        assert job is not None
        ledger.fail(job, "the model server is down")
        clock.advance(rest - 1)
        assert ledger.claim("worker", seconds=60) is None
        clock.advance(1)
    assert ledger.claim("worker", seconds=60) is not None


def test_ids_of_jobs_are_never_used_again(database: Database) -> None:
    from connectors.sql import SqlIndexRegistry
    from orchestrator.testing.rows import FORMAT

    ledger, registry = SqlLedger(database, ManualClock()), SqlIndexRegistry(database)
    registry.create("one", FORMAT)
    old = ledger.submit("add", index_scope("one"), "key", {})
    registry.drop("one")
    assert ledger.submit("add", index_scope("one"), "key", {}).id > old.id
