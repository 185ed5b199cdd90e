"""Results of nodes, in SQL."""

from __future__ import annotations

import time
from collections.abc import Iterable
from threading import Lock

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from connectors.sql.database import Database
from connectors.sql.statements import chunks, insert_all
from connectors.sql.tables import cache_entries, cache_sources, indexes, passages
from orchestrator.ports import Clock


class SqlCache:
    """The `Cache` port. Publishing a version drops, in its transaction, what stood on changed documents.

    Sources are ids of passages or documents. The whole is held near `max_bytes` by dropping what was
    used the longest ago; uses are noted with the next write, so that reading never waits for a writer.
    A value larger than an eighth of the whole is not kept.
    """

    def __init__(self, database: Database, clock: Clock | None = None, *, max_bytes: int = 256 << 20) -> None:
        self._database = database
        self._now = clock.now if clock is not None else time.time
        self._max_bytes = max_bytes
        self._lock = Lock()
        self._used: dict[str, float] = {}
        self._unchecked = max_bytes

    async def get(self, key: str) -> bytes | None:
        """The value, if it is kept and has not expired."""
        return await self._database.run(self._get, key)

    async def put(
        self, key: str, value: bytes, *, sources: Iterable[str] = (), seconds: float | None = None
    ) -> None:
        """Keep a value until a source changes, `seconds` pass, or room is needed."""
        if len(value) <= self._max_bytes // 8 and not self._database.read_only:
            await self._database.run_writing(self._put, key, value, sorted(set(sources)), seconds)

    def prune(self) -> int:
        """Drop what has expired; how many."""
        with self._database.writing() as connection:
            return connection.execute(
                delete(cache_entries).where(cache_entries.c.expires <= self._now())
            ).rowcount

    def clear(self) -> int:
        """Drop everything; how many entries."""
        with self._database.writing() as connection:
            return connection.execute(delete(cache_entries)).rowcount

    def _get(self, key: str) -> bytes | None:
        now = self._now()
        query = select(cache_entries.c.value).where(
            cache_entries.c.key == key,
            or_(cache_entries.c.expires.is_(None), cache_entries.c.expires > now),
        )
        with self._database.reading() as connection:
            value = connection.execute(query).scalar()
        if value is None:
            return None
        with self._lock:
            self._used[key] = now
        return bytes(value)

    def _put(self, key: str, value: bytes, sources: list[str], seconds: float | None) -> None:
        now = self._now()
        with self._lock:
            used, self._used = self._used, {}
        with self._database.writing() as connection:
            # Whoever made the value may have read passages that have been replaced in the meantime.
            if _outdated(connection, sources):
                return
            for part in chunks(used):
                rows = connection.execute(select(cache_entries.c.key).where(cache_entries.c.key.in_(part)))
                for found in rows.scalars().all():
                    entry = update(cache_entries).where(cache_entries.c.key == found)
                    connection.execute(entry.values(used=used[found]))
            connection.execute(delete(cache_entries).where(cache_entries.c.key == key))
            connection.execute(
                insert(cache_entries).values(
                    key=key,
                    value=value,
                    size=len(key) + len(value) + sum(map(len, sources)),
                    expires=None if seconds is None else now + seconds,
                    used=now,
                )
            )
            insert_all(connection, cache_sources, ({"source": source, "key": key} for source in sources))
            self._make_room(connection, len(value), now)

    def _make_room(self, connection: Connection, added: int, now: float) -> None:
        """Look at the whole size only after a sixteenth of it was written: the sum reads an index."""
        self._unchecked += added
        if self._unchecked < self._max_bytes // 16:
            return
        self._unchecked = 0
        connection.execute(delete(cache_entries).where(cache_entries.c.expires <= now))
        total = connection.execute(select(func.sum(cache_entries.c.size))).scalar() or 0
        if total <= self._max_bytes:
            return
        newer = func.sum(cache_entries.c.size).over(
            order_by=(cache_entries.c.used.desc(), cache_entries.c.key.desc())
        )
        sized = select(cache_entries.c.key, newer.label("newer")).subquery()
        # Down to seven eighths, so that the next writes need not make room again.
        oldest = select(sized.c.key).where(sized.c.newer > self._max_bytes * 7 // 8)
        connection.execute(delete(cache_entries).where(cache_entries.c.key.in_(oldest)))


def _outdated(connection: Connection, sources: list[str]) -> bool:
    for part in chunks(sources):
        query = select(passages.c.id).where(
            passages.c.index_id.in_(select(indexes.c.id)),
            passages.c.id.in_(part),
            passages.c.retired.is_not(None),
        )
        if connection.execute(query.limit(1)).first() is not None:
            return True
    return False
