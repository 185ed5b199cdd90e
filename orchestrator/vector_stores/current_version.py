"""The version of an index that a search of a shared store sees, with the statistics of its readers."""

from __future__ import annotations

from orchestrator.errors import IndexMismatch, StoreError
from orchestrator.ports import IndexFormat, IndexRegistry, IndexVersion, TermStatistics
from orchestrator.types import Principal
from orchestrator.vector_stores.reader_statistics import ReaderStatistics
from orchestrator.vector_stores.versioned_rows import Space, VersionedRows


class CurrentVersion:
    """Reads the current version, and checks once that the store has all of its passages.

    Safe to use from several threads. Only `seen` and `known` may be called in an event loop: the others wait
    for the database.
    """

    def __init__(
        self,
        registry: IndexRegistry,
        index: str,
        format: IndexFormat,
        rows: VersionedRows,
    ) -> None:
        self._registry = registry
        self._index = index
        self._format = format
        self._rows = rows
        self._checked: tuple[IndexVersion, ReaderStatistics] | None = None

    @property
    def name(self) -> str:
        """The name of the index and the number of its published version."""
        version = self._registry.current(self._index)
        return f"{self._index}@{version.number if version else 0}"

    def seen(self) -> IndexVersion | None:
        """The current version, if it is known to be that and to be whole, without waiting for anybody."""
        version, checked = self._registry.seen(self._index), self._checked
        return version if version is not None and checked is not None and checked[0] == version else None

    def known(self, version: IndexVersion, principal: Principal) -> TermStatistics | None:
        """The statistics of a reader as of a version, if they are kept."""
        checked = self._checked
        return checked[1].get(principal) if checked is not None and checked[0] == version else None

    def read(self) -> IndexVersion | None:
        """The current version; None if there is no index, or nothing in it.

        IndexMismatch for an index of another format, StoreError if the store lacks passages of it.
        """
        version = self._registry.current(self._index)
        checked = self._checked
        if checked is not None and checked[0] == version:
            return version
        if version is None or not version.passages:
            return None
        if version.format != self._format:
            raise other_format(version, self._format)
        held = self._rows.count(Space.of(version), version.number)
        if held < version.passages:
            raise not_held(version, self._rows.name, held)
        self._checked = version, ReaderStatistics()
        return version

    def statistics(self, version: IndexVersion, principal: Principal) -> TermStatistics:
        """Document frequencies of what a principal may read, as of a version."""
        checked = self._checked
        if checked is None or checked[0] != version:
            return self._registry.statistics(version, principal)
        # Searches of one reader at the same time have them summed once.
        with checked[1].summing:
            known = checked[1].get(principal)
            if known is None:
                known = self._registry.statistics(version, principal)
                checked[1].put(principal, known)
        return known


def other_format(version: IndexVersion, format: IndexFormat) -> IndexMismatch:
    """The error for an index that other models made."""
    made = version.format
    return IndexMismatch(
        f"The index {version.index!r} was made with {made.embedder} ({made.dimensions}-d) and {made.sparse}; "
        f"the settings say {format.embedder} ({format.dimensions}-d) and {format.sparse}.",
        hint=f"Set the former embedder, or run `orchestrator index rebuild --index {version.index}`.",
    )


def not_held(version: IndexVersion, store: str, held: int) -> StoreError:
    """The error for a store that lacks passages of an index: often they are in another one."""
    index = version.index
    has = f"{held:,} of the {version.passages:,}" if held else f"none of the {version.passages:,}"
    return StoreError(
        f"The vector store {store} has {has} passages of the index {index!r}.",
        hint="If another store has them, set [ports] vector_store to it, or: `orchestrator index move --from "
        f"STORE --index {index}`. `orchestrator index rebuild --index {index}` embeds them again.",
    )
