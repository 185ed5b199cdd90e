from __future__ import annotations

import pytest
from sqlalchemy import func, select

from connectors.sql import Database, SqlFeatures, SqlIndexRegistry, SqlLedger
from connectors.sql.tables import passage_features
from orchestrator.ports import Features
from orchestrator.testing.clock import ManualClock
from orchestrator.testing.features import FeaturesConformance
from orchestrator.testing.publisher import Publisher
from orchestrator.testing.rows import FORMAT, document, ids


class TestSqlFeatures(FeaturesConformance):
    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture
    def registry(self, database: Database, clock: ManualClock) -> SqlIndexRegistry:
        return SqlIndexRegistry(database, clock)

    @pytest.fixture
    def index(self, database: Database, registry: SqlIndexRegistry, clock: ManualClock) -> Publisher:
        registry.create("default", FORMAT)
        return Publisher(registry, SqlLedger(database, clock))

    @pytest.fixture
    def features(self, index: Publisher, database: Database) -> Features:
        return SqlFeatures(database, "default")

    async def test_features_are_collected_with_their_passages(
        self,
        index: Publisher,
        features: Features,
        registry: SqlIndexRegistry,
        database: Database,
        clock: ManualClock,
    ) -> None:
        a = document("a", "one")
        index.publish(a)
        await features.keep("summary", {ids(a)[0]: "x"})
        index.publish(document("a", "another"))
        clock.advance(100.0)
        registry.collect(grace_seconds=1.0)
        with database.reading() as connection:
            assert connection.execute(select(func.count()).select_from(passage_features)).scalar() == 0
