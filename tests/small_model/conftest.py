"""Five short documents, and an application that a user configured for a small language model."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio

from orchestrator import Application
from orchestrator.settings import Settings
from tests.services.llama import LlamaServer
from tests.serving.process import orchestrator

#: Each is one passage of some forty tokens: the model reads a hundred a second.
DOCUMENTS = {
    "sleep": "# Sleep\n\nSea otters sleep on their backs in the water. They hold each other by the paw, and "
    "wrap themselves in kelp, so that no current carries them away.",
    "food": "# Food\n\nSea otters eat urchins, crabs and clams. An otter opens a shell with a stone that it "
    "keeps in a fold of skin under its arm.",
    "kelp": "# Kelp\n\nKelp forests grow in cold, shallow water. Urchins eat the kelp, and where otters "
    "are gone, urchins leave bare rock.",
    "tax": "# Tax\n\nIncome tax is due at the end of July. Whoever pays late owes interest of half a per "
    "cent for every month.",
}
SETTINGS = """\
embedder = "light"
llm_url = "{url}"
llm_timeout = 300
"""


@pytest.fixture(scope="session")
def folder(llama: LlamaServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the documents, indexed, and a settings file that names the server."""
    made = tmp_path_factory.mktemp("otters")
    (made / "orchestrator.toml").write_text(SETTINGS.format(url=llama.url))
    (made / "documents").mkdir()
    for name, text in DOCUMENTS.items():
        (made / "documents" / f"{name}.md").write_text(text)
    added = orchestrator("index", "add", "documents", folder=made)
    assert added.returncode == 0, added.stderr
    return made


@pytest.fixture(scope="session")
def settings(folder: Path) -> Settings:
    """What the settings file says."""
    return Settings(config=folder / "orchestrator.toml")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def application(settings: Settings) -> AsyncGenerator[Application]:
    """The application of that file, for all tests of a module: they share a loop, as its connections do."""
    async with Application(settings) as made:
        yield made
