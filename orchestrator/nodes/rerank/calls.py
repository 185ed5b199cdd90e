"""Model calls of a reranker: side by side, within the budget, and never lost in an error."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from orchestrator.errors import BudgetExhausted
from orchestrator.nodes.rerank.candidates import Task

ResultT = TypeVar("ResultT")

#: Calls of one reranker under way at once; the connector may allow fewer.
AT_ONCE = 128
#: Labels that are one token in every tokenizer seen so far; connectors check it against their server's.
LABELS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")


async def together(task: Task, calls: Sequence[Callable[[], Awaitable[ResultT]]]) -> list[ResultT | None]:
    """Results of calls made side by side, in their order; None for those that the budget did not allow."""
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(call: Callable[[], Awaitable[ResultT]]) -> ResultT | None:
        async with limit:
            try:
                return await call()
            except BudgetExhausted as error:
                task.run.degrade(f"reranked in part: {error.message.rstrip('.')}")
                return None

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(call)) for call in calls]
    except ExceptionGroup as failed:
        # One failing call stops the others; its error is the node's.
        raise failed.exceptions[0] from None
    return [done.result() for done in tasks]
