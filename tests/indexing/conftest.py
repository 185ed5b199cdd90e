"""An application in a folder of the test's own, and documents to index."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from orchestrator.app import Application
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
