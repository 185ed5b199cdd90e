"""An index whose state is in PostgreSQL: published, verified, followed, repaired and dropped there."""

from __future__ import annotations

import shutil
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from connectors.sql.derived import indexed_tables
from orchestrator.application.application import Application
from orchestrator.application.indexing import indexing_context
from orchestrator.indexing.indexer import Indexer
from orchestrator.indexing.isolated_reading import Reader
from orchestrator.ports import ShardRegistry, StateStore
from orchestrator.settings import Settings
from tests.indexing.contents import documents_found

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


@pytest.fixture
async def on_server(tmp_path: Path, postgres_url: str) -> AsyncGenerator[Application]:
    async with Application(Settings(home=tmp_path / "home", database_url=postgres_url)) as application:
        yield application


async def test_an_index_lives_on_a_server(on_server: Application, reader: Reader, docs: Path) -> None:
    app = on_server
    context = indexing_context(app.container, reader)
    indexer = Indexer(context, settings=None, store_grace=0.0, passage_grace=0.0)
    await indexer.add(docs)
    assert (await indexer.verify()).faults == ()
    (docs / "guide" / "badgers.md").write_text("# Badgers\n\nBadgers sing at night.\n")
    (docs / "guide" / "otters.md").unlink()
    report = await indexer.add(docs, labels=["staff"])
    assert (report.changed, report.removed, report.relabelled) == (1, 1, 2)
    assert await documents_found(app, "badgers", ["public"]) == set()
    await indexer.rebuild()
    assert (await indexer.verify()).faults == ()

    version = app.container.get(ShardRegistry).current("default")
    assert version is not None
    shutil.rmtree(app.settings.home / "indexes" / "default" / version.shards[0].name)
    assert (await indexer.add(docs)).repaired == 3
    assert (await indexer.verify()).faults == ()

    database = app.container.get(StateStore).database  # type: ignore[attr-defined]  # pyright: ignore
    with database.writing() as connection:
        connection.execute(text("UPDATE passages SET text = 'changed' WHERE text LIKE '%sing%'"))
    assert any("is not what was indexed" in fault for fault in (await indexer.verify()).faults)

    await indexer.drop()
    with database.reading() as connection:
        assert {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in indexed_tables(connection)
        } == dict.fromkeys((table.name for table in indexed_tables(connection)), 0)
    assert (await indexer.add(docs)).documents == 3
    assert (await indexer.verify()).faults == ()
