from __future__ import annotations

import pytest

from connectors.sql import Database, SqlDocuments, SqlIndexRegistry, SqlLedger
from orchestrator.ports import Documents
from orchestrator.testing.clock import ManualClock
from orchestrator.testing.documents import DocumentsConformance
from orchestrator.testing.publisher import Publisher
from orchestrator.testing.rows import FORMAT


class TestSqlDocuments(DocumentsConformance):
    @pytest.fixture
    def index(self, database: Database, clock: ManualClock) -> Publisher:
        registry = SqlIndexRegistry(database, clock)
        registry.create("default", FORMAT)
        return Publisher(registry, SqlLedger(database, clock))

    @pytest.fixture
    def documents(self, index: Publisher, database: Database) -> Documents:
        return SqlDocuments(database, "default")
