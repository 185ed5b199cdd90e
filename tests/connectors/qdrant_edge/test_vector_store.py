from __future__ import annotations

import pytest

from orchestrator.ports import VectorStore
from orchestrator.testing.vector_store import VectorStoreConformance
from tests.connectors.qdrant_edge.index import EdgeIndex


@pytest.mark.slow
class TestEdgeVectorStore(VectorStoreConformance):
    @pytest.fixture
    def index(self, edge: EdgeIndex) -> EdgeIndex:
        return edge

    @pytest.fixture
    def store(self, index: EdgeIndex) -> VectorStore:
        return index.store()
