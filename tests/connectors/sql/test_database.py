from __future__ import annotations

import asyncio
import multiprocessing
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from connectors.sql import (
    Database,
    SqlCache,
    SqlDocuments,
    SqlIndexRegistry,
    SqlLedger,
    migrations,
    open_database,
)
from connectors.sql.backup import backup, restore
from connectors.sql.tables import metadata
from orchestrator.errors import BadInput, IndexBusy, SettingsError, StoreError
from orchestrator.ports import index_scope
from orchestrator.testing.clock import ManualClock
from orchestrator.testing.publisher import Publisher
from orchestrator.testing.rows import FORMAT, document, ids
from orchestrator.types import ANONYMOUS

#: A database as each released revision left it, with one published document.
STORED = Path(__file__).parent / "stored"


def publisher(database: Database) -> Publisher:
    registry = SqlIndexRegistry(database)
    registry.create("default", FORMAT)
    return Publisher(registry, SqlLedger(database, ManualClock()))


# -- migrations --------------------------------------------------------------------------------


def test_migrations_make_the_tables_of_the_schema(database: Database) -> None:
    with database.writing() as connection:
        metadata.drop_all(connection)
        connection.execute(text("DROP TABLE alembic_version"))
        migrations.migrate(connection)
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert migrations.revision(connection) == migrations.HEAD


def test_a_new_database_is_what_migrations_make(tmp_path: Path) -> None:
    made, migrated = open_database(tmp_path / "made.db"), open_database(tmp_path / "migrated.db")
    with migrated.writing() as connection:
        metadata.drop_all(connection)
        connection.execute(text("DROP TABLE alembic_version"))
        migrations.migrate(connection)
    assert _tables(made) == _tables(migrated)
    made.close()
    migrated.close()


def _tables(database: Database) -> dict[str, list[str]]:
    """The statements that made tables and indexes: their columns and constraints, in any order."""
    with database.reading() as connection:
        rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")).all()
    split = {name: re.split(r"[\n\t]+|,(?=\s)", sql.partition("(")[2]) for name, sql in rows}
    lines = {name: [" ".join(line.split()).strip(" ,)") for line in each] for name, each in split.items()}
    return {name: sorted(filter(None, each)) for name, each in lines.items()}


def test_the_head_is_the_last_migration() -> None:
    numbers = sorted(migrations.revisions())
    assert numbers[-1] == migrations.HEAD
    assert sorted(path.stem for path in STORED.glob("*.sql")) == numbers


@pytest.mark.quick(every=5)
@pytest.mark.parametrize("dump", sorted(STORED.glob("*.sql")), ids=lambda path: path.stem)
def test_a_database_of_every_revision_opens(tmp_path: Path, dump: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "state.db")) as connection:
        connection.executescript(dump.read_text())
    database = open_database(tmp_path / "state.db")
    version = SqlIndexRegistry(database).current("default")
    assert version is not None
    assert (version.documents, version.passages) == (1, 2)
    stored = document("stored", "w1 w2", "w2")
    reading = SqlDocuments(database, "default").passages(ids(stored), principal=ANONYMOUS)
    found = asyncio.run(reading)
    assert [passage.text for passage in found.values()] == ["w1 w2", "w2"]
    assert SqlIndexRegistry(database).statistics(version, ANONYMOUS).frequency == {1: 1, 2: 2}
    with database.reading() as connection:
        assert migrations.revision(connection) == migrations.HEAD
    database.close()


@pytest.mark.parametrize("revision", ["9999", "written-by-something-else"])
def test_an_unknown_revision_is_refused_and_left_alone(database: Database, url: str, revision: str) -> None:
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :number"), {"number": revision})
    with pytest.raises(StoreError, match=f"{revision}.*up to {migrations.HEAD}"):
        open_database(url)
    with database.reading() as connection:
        assert migrations.revision(connection) == revision


@pytest.mark.slow
def test_processes_that_open_a_new_database_at_once_make_it_once(tmp_path: Path) -> None:
    program = "import sys; from connectors.sql import open_database; open_database(sys.argv[1]).close()"
    url = f"sqlite:///{tmp_path / 'new' / 'state.db'}"
    started = [subprocess.Popen([sys.executable, "-c", program, url]) for _ in range(4)]
    assert [process.wait(timeout=120) for process in started] == [0, 0, 0, 0]


@pytest.mark.slow
@pytest.mark.postgres
def test_processes_that_open_a_new_postgres_database_at_once_make_it_once(postgres_url: str) -> None:
    program = "import sys; from connectors.sql import open_database; open_database(sys.argv[1]).close()"
    started = [subprocess.Popen([sys.executable, "-c", program, postgres_url]) for _ in range(4)]
    assert [process.wait(timeout=120) for process in started] == [0, 0, 0, 0]


# -- opening -----------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["not a url", "mysql://host/name", "sqlite://", "sqlite:///:memory:"])
def test_a_url_that_cannot_be_used_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match=r"sqlite:///path"):
        open_database(url)


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are my notes, and no database at all\n" * 100)
    with pytest.raises(StoreError, match=r"notes.txt"):
        open_database(path)
    assert path.read_text().startswith("these are my notes")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="file"):
        open_database(tmp_path / "file" / "state.db")


@pytest.mark.postgres
def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    with pytest.raises(StoreError) as caught:
        open_database("postgresql://anna:secret@127.0.0.1:1/name")
    assert "127.0.0.1" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_an_odd_path_is_a_path(tmp_path: Path) -> None:
    path = tmp_path / "a %41 & ? # ü" / "state.db"
    database = open_database(path)
    publisher(database).publish(document("a", "w1"))
    database.close()
    assert path.exists()


def test_a_failed_statement_does_not_show_its_values(database: Database) -> None:
    index = publisher(database)
    a = document("a", "a secret text")
    twice = document("b", "another")
    clash = a.passages[0].__class__(a.passages[0].id, 0, "a secret text", "h")
    index.publish(a)
    change = index.change(twice.__class__(**{**_fields(twice), "passages": (clash,)}))
    with pytest.raises(StoreError) as caught:
        index.registry.publish(index.job(), "default", change)
    assert "secret" not in str(caught.value)


def _fields(row: object) -> dict[str, object]:
    return {name: getattr(row, name) for name in row.__slots__}  # type: ignore[attr-defined]


# -- processes and threads ---------------------------------------------------------------------


def _read_in_child(database: Database, queue: multiprocessing.Queue[object]) -> None:
    version = SqlIndexRegistry(database).current("default")
    passages = asyncio.run(
        SqlDocuments(database, "default").passages(ids(document("a", "w1")), principal=ANONYMOUS)
    )
    queue.put((version and version.number, len(passages)))


def test_a_forked_child_makes_its_own_connections(database: Database) -> None:
    index = publisher(database)
    index.publish(document("a", "w1"))
    asyncio.run(SqlDocuments(database, "default").passages(["x"], principal=ANONYMOUS))
    context = multiprocessing.get_context("fork")
    queue: multiprocessing.Queue[object] = context.Queue()
    child = context.Process(target=_read_in_child, args=(database, queue))
    child.start()
    assert queue.get(timeout=60) == (1, 1)
    child.join()
    assert index.publish(document("b", "w1")).documents == 2


def test_a_writer_that_waits_too_long_says_so(tmp_path: Path) -> None:
    open_database(tmp_path / "state.db").close()
    patient = open_database(tmp_path / "state.db")
    hasty = open_database(tmp_path / "state.db", busy_seconds=0.05)
    with patient.writing(), pytest.raises(IndexBusy, match="Another process is writing"):
        SqlLedger(hasty, ManualClock()).submit("add", index_scope("default"), "key", {})
    SqlLedger(hasty, ManualClock()).submit("add", index_scope("default"), "key", {})
    patient.close()
    hasty.close()


def test_a_second_writer_waits_for_the_first(database: Database, url: str) -> None:
    index = publisher(database)
    other_database = open_database(url)
    other = Publisher(SqlIndexRegistry(other_database), SqlLedger(other_database, ManualClock()))
    other._numbers = iter(range(1000, 2000))  # type: ignore[assignment]
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with database.writing() as connection:
            connection.execute(text("UPDATE indexes SET number = number WHERE name = 'default'"))
            inside.set()
            leave.wait(30)

    holding = threading.Thread(target=hold)
    holding.start()
    assert inside.wait(30)
    threading.Timer(0.3, leave.set).start()
    version = other.publish(document("b", "w2"))
    assert leave.is_set()
    holding.join()
    assert version.documents == 1
    assert index.publish(document("a", "w1")).documents == 2
    other_database.close()


async def test_readers_do_not_wait_behind_writers(tmp_path: Path) -> None:
    database = open_database(tmp_path / "state.db", threads=2)
    index = publisher(database)
    a = document("a", "w1")
    index.publish(a)
    cache, documents = SqlCache(database), SqlDocuments(database, "default")
    with database.writing():
        waiting = [asyncio.create_task(cache.put(str(number), b"1")) for number in range(10)]
        await asyncio.sleep(0.05)
        found = await asyncio.wait_for(documents.passages(ids(a), principal=ANONYMOUS), timeout=10)
        assert list(found) == ids(a)
        assert not any(task.done() for task in waiting)
    await asyncio.gather(*waiting)
    database.close()


def test_a_reader_sees_one_state_for_a_transaction(database: Database) -> None:
    index = publisher(database)
    with database.reading() as connection:
        count = text("SELECT count(*) FROM documents")
        assert connection.execute(count).scalar() == 0
        index.publish(document("a", "w1"))
        assert connection.execute(count).scalar() == 0
    with database.reading() as connection:
        assert connection.execute(count).scalar() == 1


def test_another_process_sees_a_new_version_at_once(database: Database, url: str) -> None:
    index = publisher(database)
    other = open_database(url)
    reader = SqlIndexRegistry(other)
    for number in range(5):
        published = index.publish(document(f"d{number}", "w1"))
        assert reader.current("default") == published
        assert reader.seen("default") in (None, published)
    index.registry.drop("default")
    assert reader.current("default") is None
    other.close()


def test_a_closed_database_opens_again(database: Database) -> None:
    index = publisher(database)
    version = index.publish(document("a", "w1"))
    database.close()
    assert index.registry.current("default") == version


# -- backup ------------------------------------------------------------------------------------


def test_a_backup_is_one_moment_of_a_busy_database(tmp_path: Path) -> None:
    database = open_database(tmp_path / "state.db")
    index = publisher(database)
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            index.publish(document(f"d{number % 20}", f"w{number}", "w1"))
            number += 1

    writing = threading.Thread(target=write)
    writing.start()
    try:
        for number in range(5):
            backup(database, tmp_path / f"copy-{number}.db")
    finally:
        stop.set()
        writing.join()
    for number in range(5):
        copy = open_database(tmp_path / f"copy-{number}.db")
        registry = SqlIndexRegistry(copy)
        version = registry.current("default")
        assert version is not None
        rows = registry.documents("default")
        assert len(rows) == version.documents
        assert sum(len(row.passages) for row in rows) == version.passages
        assert registry.statistics(version, ANONYMOUS).passages == version.passages
        copy.close()
    database.close()


def test_a_backup_is_restored_under_open_readers(tmp_path: Path) -> None:
    database = open_database(tmp_path / "state.db")
    index = publisher(database)
    saved = index.publish(document("a", "w1"))
    backup(database, tmp_path / "copy.db")
    index.publish(document("b", "w1"))
    restore(tmp_path / "copy.db", tmp_path / "state.db")
    assert index.registry.current("default") == saved
    database.close()


def test_a_version_after_a_restore_is_not_taken_for_another_of_its_number(tmp_path: Path) -> None:
    database, writing = open_database(tmp_path / "state.db"), open_database(tmp_path / "state.db")
    reader, index = SqlIndexRegistry(database), publisher(writing)
    index.publish(document("a", "w1"))
    backup(writing, tmp_path / "copy.db")
    lost = index.publish(document("b", "w1"))
    assert reader.current("default") == lost
    restore(tmp_path / "copy.db", tmp_path / "state.db")
    published = index.publish(document("c", "w1", "w2"))
    assert published.number == lost.number
    assert reader.current("default") == published
    database.close()
    writing.close()


def test_a_backup_overwrites_nothing(tmp_path: Path) -> None:
    database = open_database(tmp_path / "state.db")
    (tmp_path / "copy.db").write_text("precious")
    with pytest.raises(BadInput, match="exists already"):
        backup(database, tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "precious"
    database.close()


def test_only_a_sound_backup_is_restored(tmp_path: Path) -> None:
    database = open_database(tmp_path / "state.db")
    saved = publisher(database).publish(document("a", "w1"))
    (tmp_path / "text.db").write_text("no database\n" * 1000)
    with closing(sqlite3.connect(tmp_path / "foreign.db")) as connection:
        connection.execute("CREATE TABLE t (x)")
    backup(database, tmp_path / "newer.db")
    with closing(sqlite3.connect(tmp_path / "newer.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    for name in ("missing.db", "text.db", "foreign.db", "newer.db"):
        with pytest.raises(BadInput):
            restore(tmp_path / name, tmp_path / "state.db")
    assert SqlIndexRegistry(database).current("default") == saved
    assert not (tmp_path / "missing.db").exists()
    database.close()


@pytest.mark.postgres
def test_postgres_is_backed_up_by_its_own_tool(postgres_url: str, tmp_path: Path) -> None:
    database = open_database(postgres_url)
    with pytest.raises(StoreError, match="pg_dump"):
        backup(database, tmp_path / "copy.db")
    database.close()


def test_the_folder_of_a_backup_needs_no_leftovers(tmp_path: Path) -> None:
    database = open_database(tmp_path / "state.db")
    target = tmp_path / "backups" / "copy.db"
    backup(database, target)
    assert [path.name for path in target.parent.iterdir()] == ["copy.db"]
    shutil.rmtree(target.parent)
    database.close()
