"""What is derived from documents follows them, whatever is killed, and nothing of a removed index is left."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select

from connectors.sql.derived import indexed_tables
from orchestrator import plugins
from orchestrator.application.application import Application
from orchestrator.application.indexing import indexing_context
from orchestrator.indexing.indexer import Indexer
from orchestrator.indexing.isolated_reading import Reader
from tests.indexing.contents import database_of, registry_of
from tests.indexing.following import WORDS, plugged_in
from tests.indexing.test_kill import Adding, change, kill

pytestmark = pytest.mark.slow


@pytest.fixture
def plug_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Register the derived index, for this process and those that it starts."""
    folder = str(plugged_in(tmp_path / "installed"))
    monkeypatch.syspath_prepend(folder)
    # This process has looked for plug-ins already.
    monkeypatch.setattr(plugins, "_scanned", plugins._scanned.__wrapped__)
    # The workers that a test starts find it by this; they must find the tests, too.
    paths = [folder, str(Path.cwd()), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))


def words(app: Application) -> int:
    with database_of(app).reading() as connection:
        return connection.execute(select(func.count()).select_from(WORDS)).scalar_one()


def rows_with_an_index(app: Application) -> dict[str, int]:
    with database_of(app).reading() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in indexed_tables(connection)
        }


@pytest.mark.usefixtures("plug_in")
async def test_derived_rows_follow_through_kills_and_go_with_the_index(
    app: Application, reader: Reader, tmp_path: Path
) -> None:
    chance, root = random.Random(7), tmp_path / "docs"
    change(root, chance)
    assert Adding(app.settings.home, root).finish() == ""
    version = registry_of(app).current("default")
    assert version is not None
    assert words(app) == version.documents > 0
    for _ in range(6):
        change(root, chance)
        adding = Adding(app.settings.home, root)
        await asyncio.sleep(chance.uniform(0.0, 4.0))
        children = adding.descendants()
        for victim in chance.choice([[adding.process.pid], children[:1], [adding.process.pid, *children]]):
            kill(victim)
        adding.finish()
        report = await app.indexer().verify()
        assert report.faults == ()
    change(root, chance)
    assert Adding(app.settings.home, root).finish() == ""
    version = registry_of(app).current("default")
    assert version is not None
    assert words(app) == version.documents
    assert registry_of(app).progress("default")["words"].done == version.documents
    await Indexer(indexing_context(app.container, reader), settings=None).drop()
    assert {name: number for name, number in rows_with_an_index(app).items() if number} == {}


async def test_rows_of_a_removed_index_that_are_left_are_found(
    app: Application, indexer: Indexer, docs: Path
) -> None:
    await indexer.add(docs)
    with database_of(app).writing() as connection:
        connection.exec_driver_sql("CREATE TABLE notes_of_nobody (index_id INTEGER, text TEXT)")
        connection.exec_driver_sql("INSERT INTO notes_of_nobody SELECT id, 'secret' FROM indexes")
    assert (await indexer.verify()).ok
    await indexer.drop()
    assert rows_with_an_index(app)["notes_of_nobody"] == 0
    await indexer.add(docs)
    with database_of(app).writing() as connection:
        connection.exec_driver_sql("INSERT INTO notes_of_nobody VALUES (4711, 'secret')")
    (fault,) = (await indexer.verify()).faults
    assert fault == "The table notes_of_nobody holds 1 rows of indexes that were removed."


def test_the_plug_in_is_what_a_package_would_be(tmp_path: Path) -> None:
    assert (plugged_in(tmp_path) / "words_of_documents-1.0.dist-info" / "entry_points.txt").is_file()
    assert sys.modules["tests.indexing.following"].Words.name == "words"


async def test_features_survive_new_labels_and_go_with_their_passage(
    app: Application, indexer: Indexer, docs: Path
) -> None:
    from orchestrator.indexing.feature_jobs import make_features_locally
    from orchestrator.ports import Features, LanguageModel, Ledger, SparseEncoder
    from orchestrator.progress import silent

    await indexer.add(docs)
    version = registry_of(app).current("default")
    assert version is not None
    given = app.ports()
    ports = {port: given[port] for port in (Features, LanguageModel, SparseEncoder)}
    report = await make_features_locally(
        app.container.get(Ledger),
        ports,
        version,
        "keyphrases",
        principal=app.settings.principal,
        progress=silent,
    )
    assert report.made == 4
    assert registry_of(app).progress("default")["features"].done == 4
    await indexer.add(docs, ["staff"])
    assert registry_of(app).progress("default")["features"].done == 4
    (docs / "guide" / "otters.md").write_text("Otters crack shells.")
    await indexer.add(docs)
    progress = registry_of(app).progress("default")["features"]
    assert (progress.done, progress.total) == (3, 4)
