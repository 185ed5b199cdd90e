"""Event-loop watchdog: logs when the serving loop was blocked, since every client waits then."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from pathlib import Path
from time import perf_counter, process_time

log = logging.getLogger("orchestrator.serving.limits.event_loop_watchdog")

#: Seconds between two beats, and the delay of one from which on it is worth a word.
BEAT, NOTABLE = 0.05, 0.1
#: What Linux knows of a thread: nanoseconds that it ran, and that it was ready but no core was free.
_THREAD = Path("/proc/thread-self/schedstat")


async def watch_event_loop() -> None:
    """Beat until cancelled, and log beats that were late, with what tells a full machine from a long call.

    Where the process ran for nearly all of the time, something held the interpreter or did not await;
    where it ran for little of it, others had the cores, or it waited for a disk.
    """
    ran, starved = process_time(), _starved()
    while True:
        due = perf_counter() + BEAT
        await asyncio.sleep(BEAT)
        late, before = perf_counter() - due, (ran, starved)
        ran, starved = process_time(), _starved()
        if late >= NOTABLE:
            log.warning(
                "The loop stood still for %.0f ms: the process ran for %.0f, no core was free for %.0f.",
                *(1e3 * seconds for seconds in (late, ran - before[0], starved - before[1])),
            )


def _starved() -> float:
    """Seconds that this thread has waited for a core in its life; 0 where nobody counts them."""
    with suppress(OSError, ValueError, IndexError):
        return int(_THREAD.read_text().split()[1]) / 1e9
    return 0.0
