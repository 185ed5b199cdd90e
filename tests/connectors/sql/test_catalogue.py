from __future__ import annotations

import pytest

from connectors.sql import Database, SqlCatalogue, SqlLedger
from orchestrator.ports import Catalogue, Ledger
from orchestrator.testing.clock import ManualClock
from orchestrator.testing.index_registry import CatalogueConformance


class TestSqlCatalogue(CatalogueConformance):
    @pytest.fixture
    def ledger(self, database: Database, clock: ManualClock) -> Ledger:
        return SqlLedger(database, clock)

    @pytest.fixture
    def catalogue(self, database: Database, clock: ManualClock) -> Catalogue:
        return SqlCatalogue(database, clock)
