"""The names of documents in SQL."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select

from connectors.sql import Database, SqlDocumentNames, SqlIndexRegistry, SqlLedger, open_database
from connectors.sql.tables import document_names, mentions
from orchestrator.ports import DocumentNames
from orchestrator.testing.clock import ManualClock
from orchestrator.testing.document_names import DocumentNamesConformance, titled
from orchestrator.testing.publisher import Publisher
from orchestrator.testing.rows import FORMAT, document


def publisher(database: Database) -> Publisher:
    clock = ManualClock()
    registry = SqlIndexRegistry(database, clock)
    registry.create("default", FORMAT)
    return Publisher(registry, SqlLedger(database, clock))


class TestSqlDocumentNames(DocumentNamesConformance):
    @pytest.fixture(autouse=True)
    def opened(
        self, database: Database, migrated_file: Path, tmp_path: Path
    ) -> Generator[dict[int, Database]]:
        shutil.copy(migrated_file, tmp_path / "fresh.db")
        other = open_database(tmp_path / "fresh.db")
        self.index_publisher, self.fresh_publisher = publisher(database), publisher(other)
        self.databases = {id(self.index_publisher): database, id(self.fresh_publisher): other}
        yield self.databases
        other.close()

    @pytest.fixture
    def index(self) -> Publisher:
        return self.index_publisher

    @pytest.fixture
    def fresh(self) -> Publisher:
        return self.fresh_publisher

    def names_of(self, index: Publisher) -> DocumentNames:
        return SqlDocumentNames(self.databases[id(index)], "default")


def test_names_of_a_former_release_are_read_on_demand(database: Database) -> None:
    index, names = publisher(database), SqlDocumentNames(database, "default")
    index.publish(titled("a", "Blue Whale", "See Silent Summer."), titled("b", "Silent Summer", "b"))
    with database.writing() as connection:
        connection.execute(delete(document_names))
    assert names.counts().named_documents == 0
    assert names.read_names(most=1) == 1
    assert names.read_names(most=1) == 0
    assert names.search() == 0
    assert names.counts().mentions == 1


def test_removed_documents_take_their_names_and_mentions_along_at_once(database: Database) -> None:
    index, names = publisher(database), SqlDocumentNames(database, "default")
    rows = [
        titled(f"d{number}", f"Title Number{number}", f"It names Title Number{(number * 7) % 200}.")
        for number in range(200)
    ]
    index.publish(*rows)
    assert names.search(most=500) == 0
    index.publish(removed=tuple(rows[:17]))
    assert names.counts().complete
    with database.reading() as connection:
        left = connection.execute(select(func.count(document_names.c.document_id.distinct()))).scalar_one()
        held = connection.execute(select(func.count()).select_from(mentions)).scalar_one()
    assert (left, held) == (183, 183)
    assert index.registry.verify("default") == []


def test_a_removed_index_leaves_no_names(database: Database) -> None:
    index, names = publisher(database), SqlDocumentNames(database, "default")
    index.publish(titled("a", "Blue Whale", "See Silent Summer."), titled("b", "Silent Summer", "b"))
    names.search()
    index.registry.drop("default")
    with database.reading() as connection:
        for table in (document_names, mentions):
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 0
    assert names.counts().documents == 0
    assert names.search() == 0


def test_names_without_their_document_are_found_by_verify(database: Database) -> None:
    index = publisher(database)
    row = document("a", "one")
    index.publish(row)
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE document_names SET passage = 'gone'")
    (fault,) = index.registry.verify("default")
    assert fault == f"A name of the document {row.id} leads to a passage that the index does not have."
