"""Features of passages, in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import and_, delete, select

from connectors.sql.access import readable
from connectors.sql.database import Database
from connectors.sql.seals import sealed
from connectors.sql.statements import chunks, insert_all
from connectors.sql.tables import documents, indexes, passage_features, passages
from orchestrator.ports import FeatureKind, Featureless
from orchestrator.types import Principal


class SqlFeatures:
    """The `Features` port on one index."""

    def __init__(self, database: Database, index: str) -> None:
        self._database = database
        self._index_id = (
            select(indexes.c.id)
            .where(indexes.c.name == index, indexes.c.dropped.is_(False))
            .scalar_subquery()
        )

    async def read(self, ids: Sequence[str], kind: FeatureKind, *, principal: Principal) -> dict[str, str]:
        """The features there are, of the passages that the principal may read, in the order of `ids`."""
        if not ids or not principal.grants:
            return {}
        return await self._database.run(self._read, tuple(dict.fromkeys(ids)), kind, principal)

    def _read(self, ids: tuple[str, ...], kind: FeatureKind, principal: Principal) -> dict[str, str]:
        found: dict[str, str] = {}
        with self._database.reading() as connection:
            for allowed in readable(connection, principal):
                query = (
                    select(passage_features.c.passage, passage_features.c.text)
                    .select_from(passage_features.join(passages).join(documents))
                    .where(
                        passage_features.c.index_id == self._index_id,
                        passage_features.c.kind == kind,
                        allowed,
                    )
                )
                for part in chunks(ids):
                    for row in connection.execute(query.where(passage_features.c.passage.in_(part))):
                        found[row.passage] = row.text
        return {one: found[one] for one in ids if one in found}

    async def missing(self, kind: FeatureKind, *, after: str = "", limit: int = 500) -> list[Featureless]:
        """Passages without such a feature, by rising id from after the id `after`; to whoever makes them."""
        return await self._database.run(self._missing, kind, after, limit)

    def _missing(self, kind: FeatureKind, after: str, limit: int) -> list[Featureless]:
        has = and_(
            passage_features.c.index_id == passages.c.index_id,
            passage_features.c.passage == passages.c.id,
            passage_features.c.kind == kind,
        )
        query = (
            select(passages.c.id, documents.c.title, passages.c.text, documents.c.tenant)
            .select_from(passages.join(documents).outerjoin(passage_features, has))
            .where(
                passages.c.index_id == self._index_id,
                passages.c.retired.is_(None),
                passages.c.id > after,
                passage_features.c.passage.is_(None),
            )
            .order_by(passages.c.id)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [Featureless(row.id, row.title, row.text, row.tenant) for row in connection.execute(query)]

    async def keep(self, kind: FeatureKind, made: Mapping[str, str]) -> int:
        """Store features by passage id; those of passages that are gone are dropped. How many were stored."""
        return await self._database.run(self._keep, kind, dict(made))

    def _keep(self, kind: FeatureKind, made: dict[str, str]) -> int:
        kept = 0
        with self._database.writing() as connection:
            index_id = connection.execute(select(self._index_id)).scalar()
            for part in chunks(sorted(made)):
                here = connection.execute(
                    select(passages.c.id).where(passages.c.index_id == index_id, passages.c.id.in_(part))
                )
                ids = sorted(here.scalars())
                connection.execute(
                    delete(passage_features).where(
                        passage_features.c.index_id == index_id,
                        passage_features.c.passage.in_(ids),
                        passage_features.c.kind == kind,
                    )
                )
                rows = [
                    sealed(
                        passage_features,
                        {"index_id": index_id, "passage": one, "kind": kind, "text": made[one]},
                    )
                    for one in ids
                ]
                if rows:
                    insert_all(connection, passage_features, rows)
                kept += len(rows)
        return kept
