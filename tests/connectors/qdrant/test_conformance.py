from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest

from connectors.qdrant import QdrantVectorStore
from orchestrator.ports import VectorStore
from orchestrator.testing.index_writer import IndexWriterConformance, Writing
from orchestrator.testing.late_interaction import LateInteractionConformance
from orchestrator.testing.vector_store import VectorStoreConformance
from tests.connectors.qdrant.index import QdrantIndex

pytestmark = pytest.mark.slow


class TestQdrantVectorStore(VectorStoreConformance):
    @pytest.fixture
    def index(self, filling: QdrantIndex) -> QdrantIndex:
        return filling

    @pytest.fixture
    def store(self, searching: QdrantVectorStore) -> VectorStore:
        return searching


class TestQdrantIndexWriter(IndexWriterConformance):
    @pytest.fixture
    def writing(self, filling: QdrantIndex) -> Writing:
        return filling

    @pytest.fixture
    def store(self, searching: QdrantVectorStore) -> VectorStore:
        return searching


class TestQdrantLateInteraction(LateInteractionConformance):
    @pytest.fixture
    def index(self, qdrant_url: str, tmp_path: Path) -> Generator[QdrantIndex]:  # type: ignore[override]
        made = QdrantIndex(qdrant_url, tmp_path, tokens=True)
        yield made
        made.close()

    @pytest.fixture
    async def store(self, index: QdrantIndex) -> AsyncGenerator[VectorStore]:  # type: ignore[override]
        made = index.store()
        yield made
        await made.close()
