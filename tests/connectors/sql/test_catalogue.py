from __future__ import annotations

import pytest

from connectors.sql import Database, SqlIndexRegistry, SqlLedger, SqlShardRegistry
from orchestrator.ports import IndexRegistry, Ledger, ShardRegistry
from orchestrator.testing.clock import ManualClock
from orchestrator.testing.index_registry import IndexRegistryConformance
from orchestrator.testing.shard_registry import ShardRegistryConformance


class TestSqlIndexRegistry(IndexRegistryConformance):
    @pytest.fixture
    def ledger(self, database: Database, clock: ManualClock) -> Ledger:
        return SqlLedger(database, clock)

    @pytest.fixture
    def registry(self, database: Database, clock: ManualClock) -> IndexRegistry:
        return SqlIndexRegistry(database, clock)


class TestSqlShardRegistry(ShardRegistryConformance):
    @pytest.fixture
    def ledger(self, database: Database, clock: ManualClock) -> Ledger:
        return SqlLedger(database, clock)

    @pytest.fixture
    def registry(self, database: Database, clock: ManualClock) -> IndexRegistry:
        return SqlIndexRegistry(database, clock)

    @pytest.fixture
    def shard_registry(self, database: Database, clock: ManualClock) -> ShardRegistry:
        return SqlShardRegistry(database, clock)
