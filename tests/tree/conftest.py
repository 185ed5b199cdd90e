"""An application with an index of some small documents, and the means to change them."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestrator.application.application import Application
from orchestrator.application.indexing import indexing_context
from orchestrator.indexing.indexer import Indexer
from orchestrator.indexing.isolated_reading import Reader
from orchestrator.ports import (
    IndexRegistry,
    IndexVersion,
    KeptTree,
    LanguageModel,
    Ledger,
    TreeGroup,
    TreeRegistry,
    TreeState,
)
from orchestrator.progress import silent
from orchestrator.settings import Settings
from orchestrator.tree.build_job import TreePlan, TreeReport, build_trees_locally
from orchestrator.tree.update_job import UpdateReport, update_trees_locally

SUBJECTS = ("otters", "taxes", "heat", "songs", "rivers", "bread")
PUBLIC = TreeGroup("default", ("public",))


def text_of(number: int, word: str = "") -> str:
    """A short text about a subject."""
    subject = SUBJECTS[number % len(SUBJECTS)]
    return f"{subject.capitalize()} number {number} are {word or 'plain'} {subject} of the {subject} kind."


@dataclass
class Library:
    """An application, its indexer, and a folder that it indexes."""

    app: Application
    indexer: Indexer
    folder: Path

    def ports(self) -> Any:
        return self.app.ports()

    async def put(self, texts: dict[str, str], *, name: str = "all", labels: Sequence[str] = ()) -> None:
        """Make the folder `name` hold these texts by id, and nothing else."""
        root = self.folder / name
        root.mkdir(parents=True, exist_ok=True)
        lines = [
            json.dumps({"_id": key, "title": f"About {key}", "text": text}) for key, text in texts.items()
        ]
        (root / "texts.jsonl").write_text("\n".join(lines))
        await self.indexer.add(root, list(labels) or None)

    @property
    def version(self) -> IndexVersion:
        version = self.app.container.get(IndexRegistry).current("default")
        assert version is not None
        return version

    @property
    def trees(self) -> TreeRegistry:
        return self.app.container.get(TreeRegistry)

    async def build(self, plan: TreePlan | None = None, *, wait: float = 60.0) -> TreeReport:
        ports = self.ports()
        return await build_trees_locally(
            ports[Ledger],
            ports,
            self.version,
            plan or TreePlan(),
            principal=self.app.settings.principal,
            progress=silent,
            wait=wait,
        )

    async def update(self) -> UpdateReport:
        ports = self.ports()
        return await update_trees_locally(
            ports[Ledger], ports, self.version, principal=self.app.settings.principal, progress=silent
        )

    async def kept(self, group: TreeGroup = PUBLIC) -> KeptTree:
        found = await self.trees.read(group)
        assert found is not None
        return found

    async def state(self, group: TreeGroup = PUBLIC) -> TreeState:
        return next(state for state in await self.trees.states() if state.group == group)

    def faults(self) -> list[str]:
        return list(self.app.container.get(IndexRegistry).verify("default"))


@pytest.fixture(scope="session")
def reader() -> Generator[Reader]:
    """The process that reads files, shared: starting one takes a second."""
    with Reader() as started:
        yield started


@pytest.fixture
def model() -> LanguageModel | None:
    """The model of the library's application: none."""
    return None


@pytest.fixture
async def library(tmp_path: Path, reader: Reader, model: LanguageModel | None) -> AsyncGenerator[Library]:
    """An empty library."""
    async with Application(Settings(home=tmp_path / "home"), model=model) as app:
        indexer = Indexer(
            indexing_context(app.container, reader), settings=None, store_grace=0.0, passage_grace=0.0
        )
        yield Library(app, indexer, tmp_path / "docs")
