from __future__ import annotations

import pytest

from orchestrator.clock import SystemClock
from orchestrator.ports import Clock
from orchestrator.testing.clock import ClockConformance, ManualClock


class TestSystemClock(ClockConformance):
    @pytest.fixture
    def clock(self) -> Clock:
        return SystemClock()


class TestManualClock(ClockConformance):
    @pytest.fixture
    def clock(self) -> Clock:
        return ManualClock()
