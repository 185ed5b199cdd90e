"""What was extracted from passages, and why some was not."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, and_, delete, insert, or_, select

from connectors.sql.statements import chunks
from connectors.sql.tables import documents, extractions, passages
from orchestrator.ports import Extraction, Unextracted


def unextracted(
    connection: Connection, index_id: int, contract: str, after: str, limit: int
) -> list[Unextracted]:
    """Living passages without a successful extraction by the contract, by rising id."""
    own = and_(extractions.c.index_id == passages.c.index_id, extractions.c.passage == passages.c.id)
    query = (
        select(
            passages.c.id, documents.c.title, passages.c.text, documents.c.tenant, documents.c.id.label("of")
        )
        .select_from(passages.join(documents).outerjoin(extractions, own))
        .where(
            passages.c.index_id == index_id,
            passages.c.retired.is_(None),
            passages.c.id > after,
            or_(
                extractions.c.passage.is_(None),
                extractions.c.contract != contract,
                extractions.c.error != "",
            ),
        )
        .order_by(passages.c.id)
        .limit(limit)
    )
    return [Unextracted(row.id, row.title, row.text, row.tenant, row.of) for row in connection.execute(query)]


def keep_extractions(connection: Connection, index_id: int, made: Sequence[Extraction]) -> None:
    """Keep those of passages that are there, in the place of what was kept of them before."""
    by_passage = {each.passage: each for each in made}
    for part in chunks(sorted(by_passage)):
        here = select(passages.c.id).where(passages.c.index_id == index_id, passages.c.id.in_(part))
        ids = sorted(connection.execute(here).scalars())
        old = (extractions.c.index_id == index_id, extractions.c.passage.in_(ids))
        connection.execute(delete(extractions).where(*old))
        rows = [
            {
                "index_id": index_id,
                "passage": one,
                "contract": by_passage[one].contract,
                "key": by_passage[one].key,
                "content": by_passage[one].content,
                "error": by_passage[one].error,
            }
            for one in ids
        ]
        if rows:
            connection.execute(insert(extractions), rows)


def extracted(connection: Connection, index_id: int, keys: Sequence[str]) -> dict[str, str]:
    """The contents under these keys, of whichever passage, also of one that was replaced."""
    found: dict[str, str] = {}
    for part in chunks(dict.fromkeys(keys)):
        query = select(extractions.c.key, extractions.c.content).where(
            extractions.c.index_id == index_id, extractions.c.key.in_(part), extractions.c.error == ""
        )
        found.update((row.key, row.content) for row in connection.execute(query))
    return found


def failures(connection: Connection, index_id: int) -> list[Extraction]:
    """The failed extractions of living passages."""
    query = (
        select(extractions)
        .join(
            passages,
            and_(extractions.c.index_id == passages.c.index_id, extractions.c.passage == passages.c.id),
        )
        .where(extractions.c.index_id == index_id, extractions.c.error != "", passages.c.retired.is_(None))
        .order_by(extractions.c.passage)
    )
    return [
        Extraction(row.passage, row.contract, row.key, row.content, row.error)
        for row in connection.execute(query)
    ]
