"""Turns of conversations, in SQL."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, literal, select

from connectors.sql.database import Database
from connectors.sql.statements import chunks, insert_missing
from connectors.sql.tables import turns
from orchestrator.errors import BadInput
from orchestrator.ports import Clock
from orchestrator.types import Message, Principal


class SqlConversations:
    """The `Conversations` port: a chain of hashes, so that an id names a turn and all before it.

    Every id covers the tenant and the principal's name, and every query asks for them as well.
    """

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self._database = database
        self._now = clock.now if clock is not None else time.time

    async def append(
        self, messages: Sequence[Message], *, principal: Principal, after: str | None = None
    ) -> str | None:
        """Store turns that follow the turn `after`; the id of the last one, or `after` if there are none.

        BadInput if the principal has no turn `after`.
        """
        if not messages:
            return after
        rows: list[dict[str, Any]] = []
        parent = after
        for message in messages:
            identifier = turn_id(message, principal=principal, after=parent)
            rows.append(
                {
                    "id": identifier,
                    "parent": parent,
                    "tenant": principal.tenant,
                    "principal": principal.name,
                    "role": message.role,
                    "text": message.text,
                    "created": self._now(),
                }
            )
            parent = identifier
        await self._database.run_writing(self._store, rows, principal, after)
        return parent

    async def read(self, conversation: str, *, principal: Principal) -> tuple[Message, ...]:
        """The turns up to this one, oldest first; empty if unknown or another principal's."""
        return await self._database.run(self._read, conversation, principal)

    def prune(self, *, before: float) -> int:
        """Delete turns older than this (seconds since the epoch) that no newer turn follows; how many."""
        ancestors = select(turns.c.id, turns.c.parent).where(turns.c.created >= before).cte(recursive=True)
        older = turns.alias()
        ancestors = ancestors.union(
            select(older.c.id, older.c.parent).where(older.c.id == ancestors.c.parent)
        )
        stale = select(turns.c.id).where(turns.c.created < before, turns.c.id.not_in(select(ancestors.c.id)))
        with self._database.writing() as connection:
            gone = connection.execute(stale).scalars().all()
            for part in chunks(gone):
                connection.execute(delete(turns).where(turns.c.id.in_(part)))
        return len(gone)

    def _store(self, rows: list[dict[str, Any]], principal: Principal, after: str | None) -> None:
        with self._database.writing() as connection:
            if after is not None and not _known(connection, after, principal):
                raise BadInput(
                    f"There is no conversation {after!r} of {principal.name}.",
                    hint="Start a new one, or give the id that this principal was given.",
                )
            insert_missing(connection, turns, rows)

    def _read(self, conversation: str, principal: Principal) -> tuple[Message, ...]:
        columns = (turns.c.parent, turns.c.role, turns.c.text)
        newest = select(*columns, literal(0).label("age")).where(
            turns.c.id == conversation, *_of(turns.c, principal)
        )
        chain = newest.cte(recursive=True)
        older = turns.alias()
        chain = chain.union_all(
            select(older.c.parent, older.c.role, older.c.text, chain.c.age + 1).where(
                older.c.id == chain.c.parent, *_of(older.c, principal)
            )
        )
        with self._database.reading() as connection:
            rows = connection.execute(select(chain.c.role, chain.c.text).order_by(chain.c.age.desc()))
            return tuple(Message(row.role, row.text) for row in rows)


def turn_id(message: Message, *, principal: Principal, after: str | None) -> str:
    """The id of a turn: SHA-256 of whose it is, what it follows and what it says."""
    parts = [principal.tenant, principal.name, after, message.role, message.text]
    return hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).hexdigest()


def _of(columns: Any, principal: Principal) -> tuple[Any, Any]:
    return columns.tenant == principal.tenant, columns.principal == principal.name


def _known(connection: Connection, identifier: str, principal: Principal) -> bool:
    query = select(turns.c.id).where(turns.c.id == identifier, *_of(turns.c, principal))
    return connection.execute(query).first() is not None
