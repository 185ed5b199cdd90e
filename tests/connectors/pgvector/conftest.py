from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.connectors.pgvector.index import PgIndex


@pytest.fixture
def filling(pgvector_url: str, tmp_path: Path) -> Generator[PgIndex]:
    """An empty index."""
    made = PgIndex(pgvector_url, tmp_path)
    yield made
    made.close()
