"""Texts and metadata of passages, from SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select

from connectors.sql.access import labels_of, readable
from connectors.sql.database import Database
from connectors.sql.document_rows import places_of
from connectors.sql.statements import chunks
from connectors.sql.tables import documents, indexes, passages
from orchestrator.types import Passage, Principal


class SqlDocuments:
    """The `Documents` port on one index.

    A passage that was replaced or removed can be read until it is collected, so that a run that found
    it can still cite it; the labels that its document has now, or had when it went, decide for whom.
    """

    def __init__(self, database: Database, index: str) -> None:
        self._database = database
        self._index = index
        # A set of labels never changes under its id.
        self._labels: dict[str, tuple[str, ...]] = {}

    async def passages(self, ids: Sequence[str], *, principal: Principal) -> dict[str, Passage]:
        """The passages that exist and that the principal may read, in the order of `ids`."""
        if not ids or not principal.grants:
            return {}
        return await self._database.run(self._read, tuple(dict.fromkeys(ids)), principal)

    def _read(self, ids: tuple[str, ...], principal: Principal) -> dict[str, Passage]:
        index_id = (
            select(indexes.c.id)
            .where(indexes.c.name == self._index, indexes.c.dropped.is_(False))
            .scalar_subquery()
        )
        found: dict[str, Row[*tuple[Any, ...]]] = {}
        with self._database.reading() as connection:
            for allowed in readable(connection, principal):
                query = (
                    select(
                        passages.c.id,
                        passages.c.text,
                        passages.c.position,
                        passages.c.hash,
                        passages.c.places,
                        documents.c.document,
                        documents.c.title,
                        documents.c.source,
                        documents.c.labels,
                        documents.c.metadata,
                    )
                    .select_from(passages.join(documents))
                    .where(passages.c.index_id == index_id, allowed)
                )
                for part in chunks(identifier for identifier in ids if identifier not in found):
                    for row in connection.execute(query.where(passages.c.id.in_(part))):
                        found[row.id] = row
            if unknown := {row.labels for row in found.values()} - self._labels.keys():
                self._labels.update(labels_of(connection, unknown))
        return {
            identifier: _passage(found[identifier], self._labels[found[identifier].labels])
            for identifier in ids
            if identifier in found
        }


def _passage(row: Row[*tuple[Any, ...]], labels: tuple[str, ...]) -> Passage:
    return Passage(
        id=row.id,
        document=row.document,
        text=row.text,
        title=row.title,
        source=row.source,
        position=row.position,
        hash=row.hash,
        labels=labels,
        metadata=tuple(
            (key, value)
            for key, value in sorted(row.metadata.items())
            if isinstance(value, (str, int, float, bool))
        ),
        places=places_of(row.places),
    )
