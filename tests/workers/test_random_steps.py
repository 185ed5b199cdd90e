"""Whatever happens to a folder and to its workers, the index is what the folder is."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.application.application import Application
from orchestrator.settings import Settings
from tests.workers.random_steps import RandomSteps


@pytest.mark.slow
async def test_an_index_follows_its_folder_through_random_steps(tmp_path: Path, root: Path) -> None:
    async with Application(Settings(home=tmp_path / "home")) as app:
        steps = RandomSteps(app, root, seed=1)
        await steps.run(150)
    assert min(steps.done[name] for name in ("add", "edit", "delete", "index", "crash")) > 10
