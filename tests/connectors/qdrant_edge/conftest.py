from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.connectors.qdrant_edge.index import EdgeIndex


@pytest.fixture
def edge(tmp_path: Path) -> Generator[EdgeIndex]:
    """An empty index."""
    made = EdgeIndex(tmp_path)
    yield made
    made.close()
