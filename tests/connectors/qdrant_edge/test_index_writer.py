from __future__ import annotations

import pytest

from orchestrator.indexing.sharded_writer import ShardedIndexWriter
from orchestrator.ports import VectorStore
from orchestrator.testing.index_writer import IndexWriterConformance, Writing
from tests.connectors.qdrant_edge.index import ENCODER, EdgeIndex


@pytest.mark.slow
class TestShardedIndexWriter(IndexWriterConformance):
    @pytest.fixture
    def writing(self, edge: EdgeIndex) -> Writing:
        writer = ShardedIndexWriter(edge.writer, edge.shards)
        return Writing(writer, edge.registry, edge.ledger, ENCODER)

    @pytest.fixture
    def store(self, writing: Writing, edge: EdgeIndex) -> VectorStore:
        return edge.store()
