"""A clock for tests, which only moves when told to."""

from __future__ import annotations

import pytest

from orchestrator.ports import Clock


class ManualClock:
    """A `Clock` for tests that only moves when told to. Seconds."""

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


class ClockConformance:
    """Subclass it with a fixture `clock`."""

    @pytest.fixture
    def clock(self) -> Clock:
        """The clock under test."""
        raise NotImplementedError

    def test_time_does_not_go_back(self, clock: Clock) -> None:
        looks = [(clock.monotonic(), clock.now()) for _ in range(100)]
        assert [each[0] for each in looks] == sorted(each[0] for each in looks)
        assert all(isinstance(seconds, float) for look in looks for seconds in look)

    def test_now_is_in_seconds_since_the_epoch(self, clock: Clock) -> None:
        # Of 1970 or later, and before the year 2200.
        assert 0.0 <= clock.now() < 7.3e9
