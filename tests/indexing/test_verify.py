"""`index verify` finds whatever is not as it was published: rows, shard files, derived rows, pages."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from connectors.sql import SqlIndexRegistry, open_database
from connectors.sql.backup import backup, restore
from orchestrator.application.application import Application
from orchestrator.application.indexing import indexing_context
from orchestrator.errors import OrchestratorError
from orchestrator.indexing.indexer import Indexer
from orchestrator.indexing.isolated_reading import Reader
from orchestrator.ports import Features, ShardRegistry, VectorStore
from tests.indexing.contents import database_of, found, registry_of, stored
from tests.indexing.following import Words

pytestmark = pytest.mark.slow

#: Columns whose change is an inconsistency, by table.
COLUMNS = {
    "documents": "tenant root file document title source hash labels metadata batch retired".split(),
    "passages": "document_id position text hash terms retired".split(),
    "files": "tenant hash size documents passages error".split(),
    "passage_features": ["text"],
    "term_statistics": ["labels", "passages", "dimensions", "counts"],
    "label_sets": ["label"],
    "removals": ["passage", "shard"],
    "shards": ["name", "points", "batch", "retired"],
    "shard_files": ["file", "digest"],
    "indexes": ["documents", "passages"],
    "words_of_documents": ["document", "words"],
}
#: Tables of which a row less is one, too: who has no features yet is not inconsistent.
DELETED = sorted(COLUMNS.keys() - {"passage_features", "indexes"})
LIVE = {
    "documents": "retired IS NULL",
    "passages": "retired IS NULL",
    "shards": "retired IS NULL",
    "term_statistics": "number = (SELECT max(number) FROM term_statistics)",
    "label_sets": "id IN (SELECT labels FROM documents)",
}


@pytest.fixture
async def indexer(app: Application, reader: Reader, docs: Path) -> Indexer:
    """Of an index with replaced passages, several shards, features, and a derived index of its own."""
    context = indexing_context(app.container, reader)
    context.registry = SqlIndexRegistry(database_of(app), derived=[Words()])
    made = Indexer(context, settings=None)
    await made.add(docs, ["public"])
    (docs / "guide" / "otters.md").write_text("# Otters\n\nOtters crack shells with stones.\n")
    await made.add(docs)
    features = app.ports()[Features]
    assert isinstance(features, Features)
    missing = await features.missing("keyphrases")
    await features.keep("keyphrases", {each.id: "a phrase" for each in missing})
    assert (await made.verify()).faults == ()
    return made


def planted(database: Path, chance: random.Random) -> str:
    """Change or delete a random row of a random table; what was done."""
    with closing(sqlite3.connect(database)) as connection:
        table = chance.choice(sorted(COLUMNS))
        where = LIVE.get(table, "1")
        rows = connection.execute(f"SELECT rowid FROM {table} WHERE {where}").fetchall()
        (row,) = chance.choice(rows)
        if table in DELETED and chance.random() < 0.25:
            connection.execute(f"DELETE FROM {table} WHERE rowid = ?", (row,))
            connection.commit()
            return f"a row of {table} deleted"
        column = chance.choice(COLUMNS[table])
        (old,) = connection.execute(f"SELECT {column} FROM {table} WHERE rowid = ?", (row,)).fetchone()
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (_other(old, chance), row))
        connection.commit()
        return f"{table}.{column} changed from {old!r}"


def _other(value: Any, chance: random.Random) -> Any:
    if isinstance(value, bytes):
        return value + (chance.randrange(1 << 32)).to_bytes(4, "little")
    if isinstance(value, str):
        return f'{{"changed": {value!r}}}' if value.startswith("{") else f"{value}x"
    return 1.0 if value is None else value + chance.randint(1, 9)


async def test_fifty_planted_inconsistencies_are_found(
    app: Application, indexer: Indexer, tmp_path: Path
) -> None:
    path = database_of(app).path
    assert path is not None
    backup(database_of(app), tmp_path / "sound.db")
    missed: list[str] = []
    for seed in range(50):
        what = planted(path, random.Random(seed))
        if (await indexer.verify()).ok:
            missed.append(f"{seed}: {what}")
        restore(tmp_path / "sound.db", path)
    assert missed == []
    assert (await indexer.verify()).ok


async def test_a_byte_that_was_changed_in_any_file_of_a_shard_is_found(
    app: Application, indexer: Indexer
) -> None:
    chance = random.Random(1)
    version = app.container.get(ShardRegistry).current("default")
    assert version is not None
    shard = app.settings.home / "indexes" / "default" / version.shards[0].name
    missed: list[str] = []
    files = sorted(path for path in shard.rglob("*") if path.is_file() and path.stat().st_size)
    for path in files:
        at, bit = chance.randrange(path.stat().st_size), 1 << chance.randrange(8)
        for _ in range(2):
            # The second time it is as it was.
            with path.open("r+b") as file:
                file.seek(at)
                (byte,) = file.read(1)
                file.seek(at)
                file.write(bytes([byte ^ bit]))
            if _ == 0:
                told = (await indexer.verify()).faults
                if not any(path.name in fault and "was changed" in fault for fault in told):
                    missed.append(path.name)
    assert len(files) > 20
    assert missed == []
    assert (await indexer.verify()).ok
    files[0].write_bytes(bytes(files[0].stat().st_size))
    assert not (await indexer.verify()).ok


@pytest.mark.parametrize("how", ["add", "rebuild"])
async def test_a_shard_that_was_deleted_is_told_and_made_again(
    app: Application, indexer: Indexer, docs: Path, how: str
) -> None:
    before, ranked = stored(app), await found(app, "who sleeps?")
    version = app.container.get(ShardRegistry).current("default")
    assert version is not None
    app.container.get(VectorStore).close()  # type: ignore[attr-defined]  # pyright: ignore
    shutil.rmtree(app.settings.home / "indexes" / "default" / version.shards[0].name)
    report = await indexer.verify()
    assert any("it is gone" in fault for fault in report.faults)
    if how == "add":
        added = await indexer.add(docs)
        assert (added.unchanged, added.repaired) == (3, 3)
        assert (await indexer.add(docs)).repaired == 0
    else:
        await indexer.rebuild()
    assert (await indexer.verify()).faults == ()
    assert stored(app) == before
    for ranking, other in zip(await found(app, "who sleeps?"), ranked, strict=True):
        assert [identifier for identifier, _ in ranking] == [identifier for identifier, _ in other]
    # What was derived is still there: the passages are the same ones.
    assert registry_of(app).progress("default")["features"].done == 4


async def test_an_index_of_an_earlier_release_gets_its_checksums(app: Application, indexer: Indexer) -> None:
    with database_of(app).writing() as connection:
        connection.exec_driver_sql("DELETE FROM shard_files")
        for table in ("documents", "passages", "files", "passage_features"):
            connection.exec_driver_sql(f"UPDATE {table} SET seal = NULL")
    report = await indexer.verify()
    assert report.ok
    assert "have checksums from now on" in " ".join(report.notes)
    assert (await indexer.verify()).notes == ()
    assert app.container.get(ShardRegistry).shard_files("default")


@pytest.mark.parametrize("seed", range(6))
async def test_damaged_pages_of_the_database_are_told(
    app: Application, indexer: Indexer, seed: int, tmp_path: Path
) -> None:
    path = database_of(app).path
    assert path is not None
    backup(database_of(app), tmp_path / "state.db")
    chance = random.Random(seed)
    with closing(sqlite3.connect(tmp_path / "state.db")) as connection:
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        # Pages of what the index is made of: any other may be empty.
        pages = [
            row[0]
            for row in connection.execute(
                "SELECT rootpage FROM sqlite_master WHERE tbl_name IN ('documents', 'passages', 'files')"
            )
        ]
    with (tmp_path / "state.db").open("r+b") as file:
        file.seek((chance.choice(pages) - 1) * size)
        file.write(chance.randbytes(size))
    context = indexing_context(app.container)
    damaged = open_database(tmp_path / "state.db")
    context.registry = SqlIndexRegistry(damaged)
    told = ""
    try:
        told = " ".join((await Indexer(context, settings=None).verify()).faults)
    except OrchestratorError as error:
        told = error.message
    assert told
    assert list(damaged.faults()) or list(damaged.faults(thorough=True))
    damaged.close()
