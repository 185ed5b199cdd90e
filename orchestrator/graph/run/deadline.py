"""The end of a run that nothing moves: its deadline, and the grace time after it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any

from orchestrator.errors import BudgetExhausted
from orchestrator.graph.run.state import MOMENT, RunState, forgotten


async def within_budget(work: Coroutine[Any, Any, Any], run: RunState) -> Any:
    """What the work returns, done in a task of its own.

    BudgetExhausted if it goes on after the grace time, whatever holds it up. Where it is cancelled it ends
    so, even if a node goes on; with a deadline it is not waited for longer than that allows.
    """
    task = asyncio.get_running_loop().create_task(work)
    left = run.left()
    try:
        if left is None:
            await _ended(task)
            return task.result()
        # Nodes end by themselves at the end of the grace time, and say more.
        done, _ = await asyncio.wait({task}, timeout=left + MOMENT)
        if done:
            return task.result()
        raise BudgetExhausted(
            f"The deadline of {run.budget.seconds:g} s and {run.budget.grace:g} s of grace passed.",
            hint="Give the run more seconds.",
            run_id=run.run_id,
        )
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=None if left is None else run.clean_up_seconds())
            task.add_done_callback(forgotten)


async def _ended(task: asyncio.Task[Any]) -> None:
    """Wait for a task, which goes on if this is cancelled: `asyncio.wait` in two thirds of its time."""
    waiter = task.get_loop().create_future()
    task.add_done_callback(partial(_wake, waiter))
    await waiter


def _wake(waiter: asyncio.Future[None], task: asyncio.Task[Any]) -> None:
    if not waiter.done():
        waiter.set_result(None)
