"""An application in a folder of the test's own, and documents to index."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest

from orchestrator.application.application import Application
from orchestrator.application.indexing import indexing_context
from orchestrator.indexing.indexer import Indexer
from orchestrator.indexing.isolated_reading import Reader
from orchestrator.settings import Settings


@pytest.fixture
async def app(tmp_path: Path) -> AsyncGenerator[Application]:
    """An application without anything in it."""
    async with Application(Settings(home=tmp_path / "home")) as application:
        yield application


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A folder of three documents."""
    root = tmp_path / "docs"
    (root / "guide").mkdir(parents=True)
    (root / "guide" / "otters.md").write_text("# Otters\n\nOtters hold hands while they sleep.\n")
    (root / "guide" / "badgers.md").write_text("# Badgers\n\nBadgers dig setts with many rooms.\n")
    (root / "birds.jsonl").write_text(
        '{"_id": "b1", "title": "Swifts", "text": "Swifts sleep while they fly."}\n'
        '{"_id": "b2", "title": "Owls", "text": "Owls hunt without a sound."}\n'
    )
    return root


@pytest.fixture(scope="session")
def reader() -> Generator[Reader]:
    """The process that reads files, shared: starting one takes a second."""
    with Reader() as started:
        yield started


@pytest.fixture
def indexer(app: Application, reader: Reader) -> Indexer:
    """An indexer that does its jobs in this process, with the shards and the registry of the application.

    What is replaced is collected at once.
    """
    return Indexer(indexing_context(app.container, reader), settings=None, store_grace=0.0, passage_grace=0.0)
