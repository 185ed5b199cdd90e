"""An index moves to another vector store with its vectors: nothing is embedded again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from orchestrator import plugins
from orchestrator.application.application import Application
from orchestrator.application.indexing import indexing_context
from orchestrator.indexing.indexer import Indexer
from orchestrator.indexing.isolated_reading import Reader
from orchestrator.ports import Embedder
from orchestrator.settings import Settings
from tests.indexing.contents import found, stored
from tests.indexing.plain_store import installed


class Counted:
    """An embedder that counts the passages that it embeds."""

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder
        self.name, self.dimensions = embedder.name, embedder.dimensions
        self.passages = 0

    async def embed(self, texts: Sequence[str], *, kind: Any = "passage") -> Any:
        self.passages += len(texts) if kind == "passage" and texts != ["warm"] else 0
        return await self.embedder.embed(texts, kind=kind)


@pytest.mark.slow
async def test_vectors_are_copied_and_what_is_lacking_is_embedded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, docs: Path, reader: Reader
) -> None:
    monkeypatch.syspath_prepend(str(installed(tmp_path / "installed")))
    monkeypatch.setattr(plugins, "_scanned", plugins._scanned.__wrapped__)  # pyright: ignore[reportPrivateUsage]
    held: list[Any] = []
    rankings: list[Any] = []
    for store, source in (("qdrant_edge", None), ("plain", "qdrant_edge"), ("qdrant_edge", "plain")):
        settings = Settings(home=tmp_path / "home", ports={"vector_store": store})
        async with Application(settings) as application:
            embedder = Counted(application.container.get(Embedder))
            indexer = Indexer(
                indexing_context(application.container, reader, embedder=embedder),
                settings=None,
                store_grace=0.0,
                passage_grace=0.0,
            )
            if source is None:
                await indexer.add(docs, labels=["staff"])
                assert embedder.passages > 0
            else:
                report = await indexer.move(source)
                assert report.documents == 4
                assert embedder.passages == 0
            assert (await indexer.verify()).faults == ()
            held.append(stored(application))
            rankings.append(await found(application, "who sleeps while they fly"))
    assert held[0] == held[1] == held[2]
    names = [[[name for name, _ in ranking] for ranking in each] for each in rankings]
    assert names[0] == names[1] == names[2]
