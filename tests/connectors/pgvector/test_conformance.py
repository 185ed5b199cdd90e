from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from orchestrator.ports import VectorStore
from orchestrator.testing.index_writer import IndexWriterConformance, Writing
from orchestrator.testing.late_interaction import LateInteractionConformance
from orchestrator.testing.vector_store import VectorStoreConformance
from tests.connectors.pgvector.index import PgIndex

pytestmark = pytest.mark.postgres


class TestPgVectorStore(VectorStoreConformance):
    @pytest.fixture
    def index(self, filling: PgIndex) -> PgIndex:
        return filling

    @pytest.fixture
    def store(self, index: PgIndex) -> VectorStore:
        return index.store()


class TestPgIndexWriter(IndexWriterConformance):
    @pytest.fixture
    def writing(self, filling: PgIndex) -> Writing:
        return filling

    @pytest.fixture
    def store(self, writing: Writing, filling: PgIndex) -> VectorStore:
        return filling.store()


class TestPgLateInteraction(LateInteractionConformance):
    @pytest.fixture
    def index(self, pgvector_url: str, tmp_path: Path) -> Generator[PgIndex]:  # type: ignore[override]
        made = PgIndex(pgvector_url, tmp_path, tokens=True)
        yield made
        made.close()

    @pytest.fixture
    def store(self, index: PgIndex) -> VectorStore:  # type: ignore[override]
        return index.store()
