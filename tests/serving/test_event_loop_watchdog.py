"""The log says when the serving loop stood still."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest

from orchestrator.serving.limits.event_loop_watchdog import NOTABLE, watch_event_loop


async def test_a_loop_that_stood_still_is_logged_with_how_long(caplog: pytest.LogCaptureFixture) -> None:
    beating = asyncio.ensure_future(watch_event_loop())
    await asyncio.sleep(0)
    with caplog.at_level(logging.WARNING):
        time.sleep(4 * NOTABLE)  # noqa: ASYNC251
        await asyncio.sleep(0.01)
        for _ in range(100):
            if caplog.records:
                break
            await asyncio.sleep(0.01)
    beating.cancel()
    message = caplog.records[0].getMessage()
    assert message.startswith("The loop stood still for ")
    assert int(message.split()[5]) >= 1000 * NOTABLE
