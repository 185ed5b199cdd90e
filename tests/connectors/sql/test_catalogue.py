from __future__ import annotations

import pytest

from connectors.sql import Database, SqlIndexRegistry, SqlLedger
from orchestrator.ports import IndexRegistry, Ledger
from orchestrator.testing.clock import ManualClock
from orchestrator.testing.index_registry_shards import IndexRegistryShardConformance


class TestSqlCatalogue(IndexRegistryShardConformance):
    @pytest.fixture
    def ledger(self, database: Database, clock: ManualClock) -> Ledger:
        return SqlLedger(database, clock)

    @pytest.fixture
    def registry(self, database: Database, clock: ManualClock) -> IndexRegistry:
        return SqlIndexRegistry(database, clock)
