"""The same jobs write a store of another kind: one table that is changed in place, without shards."""

from __future__ import annotations

import shutil
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest

from connectors.bm25 import Bm25Encoder
from connectors.sql import SqlIndexRegistry, SqlLedger, open_database
from orchestrator import plugins
from orchestrator.application.application import Application
from orchestrator.application.indexing import indexing_context
from orchestrator.clock import SystemClock
from orchestrator.indexing.indexer import Indexer
from orchestrator.indexing.isolated_reading import Reader
from orchestrator.ports import IndexRegistry, IndexWriter, VectorStore
from orchestrator.settings import Settings
from orchestrator.testing.index_writer import IndexWriterConformance, Writing
from tests.indexing.contents import documents_found, stored
from tests.indexing.plain_store import PlainIndexWriter, PlainStore, installed

ENCODER = Bm25Encoder()


class TestPlainIndexWriter(IndexWriterConformance):
    @pytest.fixture
    def writing(self, tmp_path: Path) -> Generator[Writing]:
        database = open_database(tmp_path / "state.db")
        registry, ledger = SqlIndexRegistry(database), SqlLedger(database, SystemClock())
        yield Writing(PlainIndexWriter(), registry, ledger, ENCODER)
        database.close()

    @pytest.fixture
    def store(self, writing: Writing) -> VectorStore:
        assert isinstance(writing.writer, PlainIndexWriter)
        return PlainStore(writing.writer, writing.registry, ENCODER, "default")


@pytest.fixture
async def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Application]:
    """An application whose settings choose the plain store, of a distribution that is installed."""
    monkeypatch.syspath_prepend(str(installed(tmp_path / "installed")))
    monkeypatch.setattr(plugins, "_scanned", plugins._scanned.__wrapped__)  # pyright: ignore[reportPrivateUsage]
    settings = Settings(home=tmp_path / "home", ports={"vector_store": "plain"})
    async with Application(settings) as application:
        yield application


@pytest.fixture
def plain_indexer(plain: Application, reader: Reader) -> Indexer:
    return Indexer(
        indexing_context(plain.container, reader), settings=None, store_grace=0.0, passage_grace=0.0
    )


@pytest.mark.slow
async def test_an_index_lives_in_a_store_without_shards(
    plain: Application, plain_indexer: Indexer, docs: Path, tmp_path: Path
) -> None:
    indexer = plain_indexer
    writer = plain.container.get(IndexWriter)
    assert isinstance(writer, PlainIndexWriter)
    report = await indexer.add(docs)
    assert (report.added, report.documents, report.skipped) == (3, 4, ())
    assert (await indexer.verify()).faults == ()
    assert await documents_found(plain, "who sleeps while they fly", ["public"]) >= {"b1"}

    (docs / "guide" / "badgers.md").write_text("# Badgers\n\nBadgers sing at night.\n")
    (docs / "guide" / "otters.md").unlink()
    report = await indexer.add(docs, labels=["staff"])
    assert (report.changed, report.removed, report.relabelled) == (1, 1, 2)
    assert (await indexer.verify()).faults == ()
    assert await documents_found(plain, "badgers", ["public"]) == set()
    assert {"guide/badgers.md", "b1", "b2"} == await documents_found(plain, "badgers", ["staff"])

    before = stored(plain)
    await indexer.rebuild()
    assert stored(plain) == before
    assert (await indexer.verify()).faults == ()
    await indexer.merge()

    await indexer.remove("b2")
    assert (await indexer.verify()).faults == ()
    assert await documents_found(plain, "owls", ["staff"]) == {"guide/badgers.md", "b1"}

    lost = next(iter(writer.indexes["default"]))
    row = writer.indexes["default"].pop(lost)
    (fault,) = (await indexer.verify()).faults
    assert f"The passage {lost}" in fault
    assert "stored 0 times: nowhere" in fault
    writer.indexes["default"] |= {lost: row, "stray": row}
    assert (await indexer.verify()).faults == (
        "The passage stray is in the store, and the registry does not have it.",
    )
    del writer.indexes["default"]["stray"]

    await indexer.drop()
    assert plain.container.get(IndexRegistry).current("default") is None
    assert "default" not in writer.indexes
    assert not (plain.settings.home / "indexes").exists()
    shutil.rmtree(docs / "guide")
    report = await indexer.add(docs)
    assert report.documents == 2
    assert (await indexer.verify()).faults == ()
