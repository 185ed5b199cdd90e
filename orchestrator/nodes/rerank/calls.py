"""Model calls of a reranker: side by side, within the budget, and never lost in an error."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from orchestrator.errors import BudgetExhausted, ModelError
from orchestrator.nodes.rerank.candidates import Task

ResultT = TypeVar("ResultT")

#: Calls of one reranker under way at once; the connector may allow fewer.
AT_ONCE = 128
#: Failures in a row after which the rest is not asked: the model is not there any more. What is refused is
#: answered first, so that fewer might only be the refusals among those under way.
GIVEN_UP = AT_ONCE
#: Labels that are one token in every tokenizer seen so far; connectors check it against their server's.
LABELS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")


async def together(
    task: Task,
    calls: Sequence[Callable[[], Awaitable[ResultT]]],
    so_far: Callable[[Sequence[ResultT | None]], Sequence[int]] | None = None,
) -> list[ResultT | None]:
    """Results of calls made side by side, in their order; None for those that the budget did not allow.

    So are those on which the model failed, which the run says, and those that were not asked because of it;
    if it failed on all, its error is raised.
    Under a deadline, `so_far` makes an order of the results that there are, for the run to take if the
    rest does not come in time; it is asked twenty times at most.
    """
    limit = asyncio.Semaphore(AT_ONCE)
    results: list[ResultT | None] = [None] * len(calls)
    due = -(-len(calls) // 20) if so_far is not None and task.run.remaining is not None else 0
    finished = 0
    failures: list[ModelError] = []
    in_a_row = 0

    async def one(number: int, call: Callable[[], Awaitable[ResultT]]) -> None:
        nonlocal finished, in_a_row
        async with limit:
            if in_a_row >= GIVEN_UP:
                return
            try:
                results[number] = await call()
            except BudgetExhausted as error:
                task.run.degrade(f"reranked in part: {error.message.rstrip('.')}")
                return
            except ModelError as error:
                failures.append(error)
                in_a_row += 1
                return
        finished, in_a_row = finished + 1, 0
        if so_far is not None and due and finished % due == 0:
            task.offer(so_far(results))

    try:
        async with asyncio.TaskGroup() as group:
            for number, call in enumerate(calls):
                group.create_task(one(number, call))
    except ExceptionGroup as failed:
        # One failing call stops the others; its error is the node's.
        raise failed.exceptions[0] from None
    if failures and not finished:
        raise failures[0]
    if failures:
        why = failures[0].told.rstrip(".")
        task.run.degrade(f"reranked in part: {len(failures)} of {len(calls)} model calls failed ({why})")
    return results
