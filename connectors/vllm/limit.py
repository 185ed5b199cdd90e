"""Adaptive concurrency limit of a server: raised by successes, lowered by refusals.

Additive increase, multiplicative decrease, as TCP avoids congestion (Chiu and Jain, 1989): a full limit's
worth of successes while the limit is in use raises it by one; a refusal (429, 503) or a timeout lowers
it by a third, once for all requests that were under way together.
"""

from __future__ import annotations

LEAST = 1
MOST = 512
#: Where it begins: a server that batches continuously gains by many requests, and refuses what is too much.
FIRST = 128
_FACTOR = 2 / 3


class AdaptiveLimit:
    """The limit of one server. `start` gives a ticket, which `success`, `refusal` or `end` takes back."""

    __slots__ = ("_epoch", "_limit", "_successes", "active")

    def __init__(self, first: int = FIRST) -> None:
        self._limit = float(first)
        self._epoch = 0
        self._successes = 0
        #: Requests under way.
        self.active = 0

    @property
    def limit(self) -> int:
        """Requests that may be under way at once."""
        return int(self._limit)

    @property
    def free(self) -> bool:
        """Whether another request may start."""
        return self.active < self.limit

    @property
    def load(self) -> float:
        """The share of the limit that is in use."""
        return self.active / self.limit

    def start(self) -> int:
        """Count a request; its ticket says before which refusals it started."""
        self.active += 1
        return self._epoch

    def success(self) -> None:
        """A request was answered while the limit was in use, or not: only the former says anything."""
        if self.active * 2 > self.limit:
            self._successes += 1
        if self._successes >= self.limit:
            self._successes = 0
            self._limit = min(MOST, self._limit + 1)

    def refusal(self, ticket: int) -> None:
        """A request was too much. Those that started with it are refused for the same reason."""
        if ticket == self._epoch:
            self._epoch += 1
            self._successes = 0
            self._limit = max(LEAST, min(self._limit, max(self.active, LEAST)) * _FACTOR)

    def end(self) -> None:
        """A request is no longer under way, however it ended."""
        self.active -= 1
