"""The time of the machine."""

from __future__ import annotations

import time


class SystemClock:
    """The `Clock` port, in seconds."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        return time.monotonic()
