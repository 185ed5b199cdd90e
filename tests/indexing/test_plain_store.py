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
from orchestrator.ports import (
    DocumentRow,
    IndexRegistry,
    IndexVersion,
    IndexWriter,
    ShardRegistry,
    VectorStore,
)
from orchestrator.settings import Settings
from orchestrator.testing.index_writer import IndexWriterConformance, Writing
from orchestrator.testing.vector_store import VectorStoreConformance
from tests.indexing.contents import documents_found, stored
from tests.indexing.plain_store import PlainIndexWriter, PlainStore, PlainTable, installed

ENCODER = Bm25Encoder()


class Filling(Writing):
    """Fills the store for the tests of searches."""

    def publish(self, *documents: DocumentRow, removed: tuple[DocumentRow, ...] = ()) -> IndexVersion:
        return self.apply(*documents, removed=removed)


@pytest.fixture
def filling(tmp_path: Path) -> Generator[Filling]:
    """An empty index with a registry, a ledger and a table of its own."""
    database = open_database(tmp_path / "state.db")
    registry, ledger = SqlIndexRegistry(database), SqlLedger(database, SystemClock())
    writer = PlainIndexWriter(PlainTable(tmp_path / "plain.db"), registry)
    yield Filling(writer, registry, ledger, ENCODER)
    database.close()


def store_of(writing: Writing) -> PlainStore:
    """What searches it."""
    assert isinstance(writing.writer, PlainIndexWriter)
    return PlainStore(writing.writer.table, writing.registry, ENCODER, "default")


class TestPlainIndexWriter(IndexWriterConformance):
    @pytest.fixture
    def writing(self, filling: Filling) -> Writing:
        return filling

    @pytest.fixture
    def store(self, writing: Writing) -> VectorStore:
        return store_of(writing)


class TestPlainStore(VectorStoreConformance):
    @pytest.fixture
    def index(self, filling: Filling) -> Filling:
        return filling

    @pytest.fixture
    def store(self, index: Filling) -> VectorStore:
        return store_of(index)


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
    assert (await indexer.status()).parts == {}
    assert plain.container.get(ShardRegistry).shards("default") == frozenset()
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

    with writer.table.opened() as connection:
        (lost,) = connection.execute("SELECT passage FROM passages WHERE died IS NULL LIMIT 1").fetchone()
        connection.execute("UPDATE passages SET passage = 'stray' WHERE passage = ?", (lost,))
    faults = (await indexer.verify()).faults
    assert len(faults) == 2
    assert f"The passage {lost}" in faults[0]
    assert "stored 0 times: nowhere" in faults[0]
    assert faults[1] == "The passage stray is in the store, and the registry does not have it."
    with writer.table.opened() as connection:
        connection.execute("DELETE FROM passages WHERE passage = 'stray'")
    # What the store has lost is embedded again by whoever adds anything next.
    assert (await indexer.add(docs)).repaired == 1
    assert (await indexer.verify()).faults == ()

    await indexer.drop()
    assert plain.container.get(IndexRegistry).current("default") is None
    with writer.table.opened() as connection:
        assert connection.execute("SELECT count(*) FROM passages").fetchone() == (0,)
    assert not (plain.settings.home / "indexes").exists()
    shutil.rmtree(docs / "guide")
    report = await indexer.add(docs)
    assert report.documents == 2
    assert (await indexer.verify()).faults == ()
