"""A small derived index with a table of its own: the words of each document, for tests.

`plugged_in` makes a folder that registers it, as an installed package would.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Integer, MetaData, Table, Text, delete, func, insert, select

from connectors.sql.tables import documents, passages
from orchestrator.ports import DerivedChange, DerivedProgress

METADATA = MetaData()
WORDS = Table(
    "words_of_documents",
    METADATA,
    Column("index_id", Integer, primary_key=True),
    Column("document", Text, primary_key=True),
    Column("words", Text, nullable=False),
)


class Words:
    """The `DerivedIndex` port: the distinct words of each document, in order."""

    name = "words"

    def changed(self, change: DerivedChange, connection: Any) -> None:
        """Write those of new documents, and delete those of removed ones."""
        METADATA.create_all(connection)
        gone = [*change.removed_documents, *(row.id for row in change.documents)]
        for identifier in gone:
            mine = (WORDS.c.index_id == change.index_id, WORDS.c.document == identifier)
            connection.execute(delete(WORDS).where(*mine))
        for row in change.documents:
            words = _words(passage.text for passage in row.passages)
            connection.execute(insert(WORDS).values(index_id=change.index_id, document=row.id, words=words))

    def dropped(self, index: str, index_id: int, connection: Any) -> None:
        """Nothing: the rows have an `index_id`."""

    def verify(self, index: str, index_id: int, connection: Any) -> Iterable[str]:
        """Compare every document."""
        METADATA.create_all(connection)
        held = dict(
            _pairs(connection, select(WORDS.c.document, WORDS.c.words).where(WORDS.c.index_id == index_id))
        )
        ids = connection.execute(
            select(documents.c.id).where(documents.c.index_id == index_id, documents.c.retired.is_(None))
        ).scalars()
        for identifier in ids:
            texts = connection.execute(
                select(passages.c.text).where(
                    passages.c.index_id == index_id,
                    passages.c.document_id == identifier,
                    passages.c.retired.is_(None),
                )
            ).scalars()
            if held.pop(identifier, None) != _words(texts):
                yield f"The words of the document {identifier} are not its words."
        for identifier in held:
            yield f"There are words of the document {identifier}, which is not there."

    def progress(self, index: str, index_id: int, connection: Any) -> DerivedProgress:
        """All are there at once."""
        METADATA.create_all(connection)
        number = connection.execute(select(func.count()).select_from(WORDS)).scalar_one()
        return DerivedProgress(number, number)


def _pairs(connection: Any, query: Any) -> Iterable[tuple[str, str]]:
    return [(row[0], row[1]) for row in connection.execute(query)]


def _words(texts: Iterable[str]) -> str:
    return " ".join(sorted({word for text in texts for word in text.split()}))


def plugged_in(folder: Path) -> Path:
    """Make a folder that, on the path, registers the derived index as an entry point."""
    info = folder / "words_of_documents-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: words-of-documents\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[orchestrator.derived]\nwords = tests.indexing.following:Words\n")
    return folder
