"""Document frequencies of the readers of one version."""

from __future__ import annotations

import threading
from collections import OrderedDict

from orchestrator.ports import TermStatistics
from orchestrator.types import Principal

#: Terms of all readers that are kept together: eight bytes each.
MOST_TERMS = 4_000_000
#: What a reader costs besides, in terms.
_READER = 100


class ReaderStatistics:
    """The document frequencies of the readers that asked last, as many as there is room for.

    Two principals of one tenant with the same grants are one reader. Safe to use from several threads.
    Who computes what is not there holds `summing` meanwhile.
    """

    def __init__(self, most_terms: int = MOST_TERMS) -> None:
        self.summing = threading.Lock()
        self._lock = threading.Lock()
        self._most = most_terms
        self._terms = 0
        self._kept: OrderedDict[tuple[str, frozenset[str]], tuple[Principal, TermStatistics]] = OrderedDict()

    def get(self, principal: Principal) -> TermStatistics | None:
        """Those of this reader, if they are kept."""
        key = principal.tenant, principal.grants
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            self._kept.move_to_end(key)
            return found[1]

    def put(self, principal: Principal, statistics: TermStatistics) -> None:
        """Keep those of a reader, and give up others if there is no room; the newest are always kept."""
        key = principal.tenant, principal.grants
        with self._lock:
            before = self._kept.pop(key, None)
            self._terms += _size(statistics) - (_size(before[1]) if before is not None else 0)
            self._kept[key] = principal, statistics
            while self._terms > self._most and len(self._kept) > 1:
                _, (_, oldest) = self._kept.popitem(last=False)
                self._terms -= _size(oldest)

    def readers(self, most: int) -> list[Principal]:
        """Those who asked last, the latest first."""
        with self._lock:
            return [reader for reader, _ in reversed(self._kept.values())][:most]


def _size(statistics: TermStatistics) -> int:
    return len(statistics.frequency) + _READER
