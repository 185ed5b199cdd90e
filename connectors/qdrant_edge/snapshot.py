"""The open shards of an index, version by version: a search sees one version from beginning to end."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from connectors.qdrant_edge.reading import ShardReader
from orchestrator.errors import StoreError
from orchestrator.ports import IndexFormat, IndexRegistry, ShardedVersion, ShardRegistry, TermStatistics
from orchestrator.types import Principal
from orchestrator.vector_stores.current_version import not_held, other_format
from orchestrator.vector_stores.reader_statistics import ReaderStatistics

Result = TypeVar("Result")
log = logging.getLogger("connectors.qdrant_edge")

#: Seconds between two calls that hold the interpreter, so that a loop gets its turn.
_BREATH = 0.002
#: Readers whose statistics are summed before a new version is searched; the others' are when they ask.
_FOLLOWED = 16


@dataclass(slots=True, eq=False)
class Snapshot:
    """A version with its shards open, and the searches that are in it."""

    version: ShardedVersion
    readers: tuple[ShardReader, ...]
    statistics: ReaderStatistics = field(default_factory=ReaderStatistics)
    searches: int = 0


class Snapshots:
    """Opens the shards of the current version, and closes those that no search is in any more.

    A thread of its own does both, one shard after the other, and only those that are new or no longer
    part of the version. Safe to use from several threads and event loops.
    """

    def __init__(
        self,
        registry: IndexRegistry,
        shards: ShardRegistry,
        index: str,
        folder: Path,
        format: IndexFormat,
    ) -> None:
        self._registry = registry
        self._shards = shards
        self._index = index
        self._folder = folder
        self._format = format
        self._lock = threading.Lock()
        self._thread: ThreadPoolExecutor | None = None
        self._current: Snapshot | None = None
        self._old: list[Snapshot] = []
        self._readers: dict[str, ShardReader] = {}
        # What waits for the thread, and has not asked for the current version yet.
        self._asked: Future[Snapshot | None] | None = None

    def current(self) -> Snapshot | Future[Snapshot | None]:
        """The version published last, or what gives it when it has been read and opened.

        The latter gives None if there is no index. The database is asked in the thread: reading which of
        many passages are removed takes long, and a database server may take for ever.
        """
        seen, snapshot = self._registry.seen(self._index), self._current
        if seen is not None and snapshot is not None and snapshot.version.number == seen.number:
            return snapshot
        with self._lock:
            # One that has begun to read may know less than what is published by now.
            if self._asked is None:
                self._asked = self._submitted(self._open)
            return self._asked

    @contextmanager
    def held(self, snapshot: Snapshot) -> Generator[Snapshot | None]:
        """Keep a snapshot's shards open for a while; gives None if they have been closed already."""
        with self._lock:
            alive = snapshot is self._current or snapshot in self._old
            if alive:
                snapshot.searches += 1
        try:
            yield snapshot if alive else None
        finally:
            if alive:
                with self._lock:
                    snapshot.searches -= 1
                    over = snapshot in self._old and not snapshot.searches
                if over:
                    self._submitted(self._close_unused)

    def statistics(self, snapshot: Snapshot, principal: Principal) -> TermStatistics:
        """Document frequencies of what a principal may read as of the snapshot's version.

        Waits for the database, unless `snapshot.statistics` has them.
        """
        # Searches of one reader at the same time have them summed once.
        with snapshot.statistics.summing:
            known = snapshot.statistics.get(principal)
            if known is None:
                known = self._registry.statistics(snapshot.version, principal)
                snapshot.statistics.put(principal, known)
        return known

    def settle(self) -> None:
        """Wait until what is to be opened or closed by now has been."""
        self._submitted(lambda: None).result()

    def close(self) -> None:
        """Close every shard. What is asked for afterwards is opened again."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.shutdown(wait=True)
        with self._lock:
            readers = list(self._readers.values())
            self._readers, self._old, self._current, self._asked = {}, [], None, None
        for reader in readers:
            reader.close()

    # -- in the thread -------------------------------------------------------------------------

    def _open(self) -> Snapshot | None:
        with self._lock:
            self._asked = None
        published, before = self._registry.current(self._index), self._current
        if published is None:
            return None
        if before is not None and before.version.number == published.number:
            return before
        # Only now: reading which passages are removed takes long.
        version = self._shards.current(self._index)
        while version is not None:
            try:
                return self._opened(version)
            except StoreError:
                # Merged away and deleted since the version was read? Then there is a newer one.
                latest = self._shards.current(self._index)
                if latest is not None and latest.number == version.number:
                    raise
                version = latest
        return None

    def _opened(self, version: ShardedVersion) -> Snapshot:
        before = self._current
        if version.format != self._format:
            raise other_format(version, self._format)
        points, dead = sum(shard.points for shard in version.shards), sum(map(len, version.removed.values()))
        held = points - dead
        # After a rebuild a passage may be called dead in several shards: only the registry knows for sure.
        if held < version.passages and self._shards.unplaced(self._index, limit=1):
            raise not_held(version, "qdrant_edge", max(0, held))
        begun, new = time.perf_counter(), 0
        for shard in version.shards:
            if shard.name not in self._readers:
                new += 1
                reader = ShardReader(self._folder / self._index / shard.name)
                with self._lock:
                    self._readers[shard.name] = reader
                time.sleep(_BREATH)
        snapshot = Snapshot(version, tuple(self._readers[shard.name] for shard in version.shards))
        # Whoever asked before is likely to ask again: the loop need not wait for the database then.
        for reader in before.statistics.readers(_FOLLOWED) if before is not None else ():
            self.statistics(snapshot, reader)
        with self._lock:
            if self._current is not None:
                self._old.append(self._current)
            self._current = snapshot
        seconds = time.perf_counter() - begun
        log.debug(
            "%s: version %d, %d new shards, opened in %.3f s", self._index, version.number, new, seconds
        )
        self._close_unused()
        return snapshot

    def _close_unused(self) -> None:
        with self._lock:
            self._old = [snapshot for snapshot in self._old if snapshot.searches]
            used = {
                reader.name
                for snapshot in [*self._old, self._current]
                if snapshot is not None
                for reader in snapshot.readers
            }
            unused = [self._readers.pop(name) for name in list(self._readers) if name not in used]
        begun = time.perf_counter()
        for reader in unused:
            time.sleep(_BREATH)
            reader.close()
        if unused:
            seconds = time.perf_counter() - begun
            log.debug("%s: %d old shards, closed in %.3f s", self._index, len(unused), seconds)

    def _submitted(self, work: Callable[[], Result]) -> Future[Result]:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="shards")
        return self._thread.submit(work)
