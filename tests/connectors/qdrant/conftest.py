from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest

from connectors.qdrant import QdrantVectorStore
from tests.connectors.qdrant.index import QdrantIndex
from tests.services.qdrant import Shim, qdrant_shim


@pytest.fixture
def shim() -> Generator[Shim]:
    """The REST interface of a server, over the client's local mode."""
    with qdrant_shim() as made:
        yield made


@pytest.fixture
def qdrant_url(request: pytest.FixtureRequest) -> str:
    """A server: a real one if QDRANT_URL names it."""
    return os.environ.get("QDRANT_URL") or request.getfixturevalue("shim").url


@pytest.fixture
def filling(qdrant_url: str, tmp_path: Path) -> Generator[QdrantIndex]:
    """An empty index."""
    made = QdrantIndex(qdrant_url, tmp_path)
    yield made
    made.close()


@pytest.fixture
async def searching(filling: QdrantIndex) -> AsyncGenerator[QdrantVectorStore]:
    """What searches it."""
    store = filling.store()
    yield store
    await store.close()
