from __future__ import annotations

from pathlib import Path

import pytest

from connectors.qdrant_edge import EdgeShardWriter
from orchestrator.ports import ShardWriter
from orchestrator.testing.shard_writer import ShardWriterConformance

pytestmark = pytest.mark.slow


class TestEdgeShardWriter(ShardWriterConformance):
    @pytest.fixture
    def writer(self, tmp_path: Path) -> ShardWriter:
        return EdgeShardWriter(tmp_path)
