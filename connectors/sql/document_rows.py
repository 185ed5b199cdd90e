"""The documents of an index as rows of its port, with their passages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from connectors.sql.access import labels_of
from connectors.sql.index_version import of_index
from connectors.sql.statements import chunks
from connectors.sql.tables import documents, indexes, passages
from orchestrator.places import Place
from orchestrator.ports import DocumentRow, PassageRow


def living_documents(index: str, after: str, limit: int) -> Select[Any]:
    """The query of documents that are part of an index, by rising id from after `after`."""
    query = of_index(index, select(documents).select_from(documents.join(indexes)))
    query = query.where(documents.c.retired.is_(None), documents.c.id > after)
    return query.order_by(documents.c.id).limit(limit)


def document_rows(connection: Connection, rows: Sequence[Row[Any]]) -> list[DocumentRow]:
    """Rows of the table with their labels and passages."""
    labels = labels_of(connection, {row.labels for row in rows})
    inside = _passages_of(connection, rows)
    return [_document(row, labels[row.labels], inside.get(row.id, ())) for row in rows]


def _passages_of(connection: Connection, rows: Sequence[Row[Any]]) -> dict[str, tuple[PassageRow, ...]]:
    found: dict[str, list[PassageRow]] = defaultdict(list)
    for part in chunks(rows):
        query = select(passages).where(
            passages.c.index_id == part[0].index_id,
            passages.c.document_id.in_([row.id for row in part]),
            passages.c.retired.is_(None),
        )
        for row in connection.execute(query.order_by(passages.c.document_id, passages.c.position)):
            places = places_of(row.places)
            found[row.document_id].append(PassageRow(row.id, row.position, row.text, row.hash, places))
    return {document: tuple(inside) for document, inside in found.items()}


def places_of(stored: Sequence[tuple[int, int | None, str]] | None) -> tuple[Place, ...]:
    """The places of a passage from its column."""
    return tuple(Place(*each) for each in stored or ())


def _document(row: Row[Any], labels: tuple[str, ...], inside: tuple[PassageRow, ...]) -> DocumentRow:
    return DocumentRow(
        id=row.id,
        tenant=row.tenant,
        root=row.root,
        file=row.file,
        document=row.document,
        title=row.title,
        source=row.source,
        hash=row.hash,
        labels=labels,
        metadata=row.metadata,
        passages=inside,
    )
