"""The edition in use and the items withdrawn, in SQL: two who change them at once lose nothing."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock

from sqlalchemy import Connection, delete, insert, select, update

from connectors.sql.database import Database
from connectors.sql.statements import chunks, insert_missing
from connectors.sql.tables import recommender_state, withdrawn_items
from orchestrator.errors import StoreError
from orchestrator.ports.recommend import CatalogueState

#: Why an item is withdrawn: somebody said so, or it left the item table.
BY_HAND, GONE = "hand", "gone"


class SqlRecommenderState:
    """The `RecommenderState` port."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = Lock()
        self._seen: tuple[tuple[int, int], CatalogueState] | None = None

    def read(self) -> CatalogueState:
        """What holds now; where nobody committed since, what was read last."""
        mark = self._database.mark()
        seen = self._seen
        if mark is not None and seen is not None and seen[0] == mark:
            return seen[1]
        with self._database.reading() as connection:
            state = _read(connection)
        if mark is not None:
            with self._lock:
                self._seen = (mark, state)
        return state

    def withdraw(self, ids: Iterable[str], *, back: bool = False) -> frozenset[str]:
        """Take items out of every ranking, or let them back in."""
        with self._database.writing() as connection:
            _raise(connection)
            if back:
                _delete(connection, ids, (BY_HAND, GONE))
            else:
                _insert(connection, ids, BY_HAND)
            return _read(connection).withdrawn

    def publish(
        self, edition: str, *, after: str | None, gone: Iterable[str] = (), listed: Iterable[str] = ()
    ) -> CatalogueState:
        """Put an edition into use, with what left its item table and what is in it."""
        with self._database.writing() as connection:
            _raise(connection)
            now = connection.execute(select(recommender_state.c.edition)).scalar()
            if now != after:
                raise StoreError(
                    f"Another process put {now} into use while {edition} was made from {after or 'nothing'}.",
                    hint="Run the command again: it goes on from what is in use now.",
                )
            connection.execute(update(recommender_state).values(edition=edition))
            _delete(connection, listed, (GONE,))
            _insert(connection, gone, GONE)
            return _read(connection)

    def adopt(self, edition: str | None, withdrawn: Iterable[str]) -> None:
        """Begin with what a release kept in files; nothing if there is a state already."""
        with self._database.writing() as connection:
            if _raise(connection):
                return
            connection.execute(update(recommender_state).values(edition=edition))
            _insert(connection, withdrawn, BY_HAND)


def _raise(connection: Connection) -> bool:
    """Raise the revision, which keeps other writers out until the transaction ends; whether there was one."""
    raised = update(recommender_state).values(revision=recommender_state.c.revision + 1)
    if connection.execute(raised).rowcount:
        return True
    made = insert_missing(connection, recommender_state, [{"id": 1, "edition": None, "revision": 1}])
    if not made:
        # Another made the row in between, and held it until now.
        connection.execute(raised)
    return not made


def _read(connection: Connection) -> CatalogueState:
    row = connection.execute(select(recommender_state.c.edition, recommender_state.c.revision)).first()
    if row is None:
        return CatalogueState()
    items = connection.execute(select(withdrawn_items.c.item).distinct()).scalars()
    return CatalogueState(row.edition, frozenset(items), row.revision)


def _insert(connection: Connection, ids: Iterable[str], cause: str) -> None:
    there = set(
        connection.execute(select(withdrawn_items.c.item).where(withdrawn_items.c.cause == cause)).scalars()
    )
    rows = [{"item": one, "cause": cause} for one in sorted(set(ids) - there)]
    for part in chunks(rows):
        connection.execute(insert(withdrawn_items), part)


def _delete(connection: Connection, ids: Iterable[str], causes: tuple[str, ...]) -> None:
    there = set(connection.execute(select(withdrawn_items.c.item)).scalars())
    for part in chunks(sorted(there.intersection(ids))):
        connection.execute(
            delete(withdrawn_items).where(
                withdrawn_items.c.item.in_(part), withdrawn_items.c.cause.in_(causes)
            )
        )
