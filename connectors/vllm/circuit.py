"""Circuit breaker: after repeated failures a server is not used for a while, longer each time."""

from __future__ import annotations

import random
from collections.abc import Callable

#: Failures in a row after which a server is left alone.
FAILURES = 3
#: Seconds for which it is left alone at first, and at most.
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0


class Circuit:
    """Closed while requests get through. Open, it lets one trial through when its pause is over.

    The trial is a look at the server's health and not a user's request. Times are seconds of `clock`.
    """

    __slots__ = ("_clock", "_failures", "_pause", "_rng", "_until", "reason", "trying")

    def __init__(self, clock: Callable[[], float], seed: int = 0) -> None:
        self._clock = clock
        self._rng = random.Random(seed)  # noqa: S311  # spreads pauses, hides nothing
        self._failures = 0
        self._pause = 0.0
        self._until = 0.0
        #: Why it is open.
        self.reason = ""
        #: Whether a trial is under way.
        self.trying = False

    @property
    def closed(self) -> bool:
        """Whether requests may go to the server."""
        return self._failures < FAILURES

    @property
    def ripe(self) -> bool:
        """Whether it is open, its pause is over, and nobody tries yet."""
        return not self.closed and not self.trying and self.wait <= 0

    @property
    def wait(self) -> float:
        """Seconds until the next trial; 0 if it is closed."""
        return 0.0 if self.closed else max(0.0, self._until - self._clock())

    def looks_well(self) -> None:
        """Close it after a trial: the next failure opens it again, for longer, until a request succeeds."""
        self._failures, self.reason = FAILURES - 1, ""

    def success(self) -> None:
        """Close it."""
        self._failures, self._pause, self.reason = 0, 0.0, ""

    def failure(self, reason: str) -> None:
        """Count a failure; the one that opens it, and each failed trial, begins a longer pause."""
        was_closed = self.closed
        self._failures += 1
        self.reason = reason
        # Requests that were under way when it opened fail, too, and say nothing new.
        if not self.closed and (was_closed or self.trying):
            self._pause = min(LONGEST_PAUSE, self._pause * 2 or FIRST_PAUSE)
            self._until = self._clock() + self._pause * self._rng.uniform(0.75, 1.25)
