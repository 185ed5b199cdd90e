"""A clock that stands still until a test moves it."""

from __future__ import annotations


class ManualClock:
    """The `Clock` port, in a test's hands. Seconds."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self._now = now

    def now(self) -> float:
        """The time that was set."""
        return self._now

    def monotonic(self) -> float:
        """The same: nobody sets this clock back."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let this much time pass."""
        self._now += seconds
