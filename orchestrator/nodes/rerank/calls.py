"""Model calls of a reranker: side by side or one after the other, within the budget, and never an error."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from orchestrator.errors import BudgetExhausted, ModelError
from orchestrator.nodes.rerank.candidates import Ranking, Task

ResultT = TypeVar("ResultT")

#: Calls of one reranker under way at once; the connector may allow fewer.
AT_ONCE = 128
#: Failures in a row after which the rest is not asked: the model is not there any more. What is refused is
#: answered first, so that fewer might only be the refusals among those under way.
GIVEN_UP = AT_ONCE
#: The same, of calls that wait for one another.
GIVEN_UP_IN_LINE = 3
#: Labels that are one token in every tokenizer seen so far; connectors check it against their server's.
LABELS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")


class Enough(Exception):
    """No further call may be made, or would be answered; what was found until then stands."""


async def together(
    task: Task,
    calls: Sequence[Callable[[], Awaitable[ResultT]]],
    so_far: Callable[[Sequence[ResultT | None]], Ranking] | None = None,
) -> list[ResultT | None]:
    """Results of calls made side by side, in their order; None for those that the budget did not allow.

    So are those on which the model failed, which `task.replies` counts, and those that were not asked because
    of it. Under a deadline, `so_far` makes a ranking of the results that there are, for the run to take if
    the rest does not come in time; it is asked twenty times at most.
    """
    limit = asyncio.Semaphore(AT_ONCE)
    results: list[ResultT | None] = [None] * len(calls)
    due = -(-len(calls) // 20) if so_far is not None and task.run.remaining is not None else 0
    finished = in_a_row = 0

    async def one(number: int, call: Callable[[], Awaitable[ResultT]]) -> None:
        nonlocal finished, in_a_row
        async with limit:
            if in_a_row >= GIVEN_UP:
                return
            try:
                results[number] = await call()
            except BudgetExhausted as error:
                _stopped(task, error)
                return
            except ModelError as error:
                task.replies.fail(error)
                in_a_row += 1
                return
        task.replies.answered += 1
        finished, in_a_row = finished + 1, 0
        if so_far is not None and due and finished % due == 0:
            task.offer(so_far(results))

    try:
        async with asyncio.TaskGroup() as group:
            for number, call in enumerate(calls):
                group.create_task(one(number, call))
    except ExceptionGroup as failed:
        # Whatever is no failure of the model stops the others; it is the node's.
        raise failed.exceptions[0] from None
    return results


class InLine:
    """Calls that are made one after the other, each after the results of those before it."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._in_a_row = 0

    async def __call__(self, call: Callable[[], Awaitable[ResultT]]) -> ResultT | None:
        """The result of a call, None if the model failed on it; Enough if no other need be tried."""
        try:
            result = await call()
        except BudgetExhausted as error:
            _stopped(self._task, error)
            raise Enough from error
        except ModelError as error:
            self._task.replies.fail(error)
            self._in_a_row += 1
            if self._in_a_row >= GIVEN_UP_IN_LINE:
                raise Enough from error
            return None
        self._task.replies.answered += 1
        self._in_a_row = 0
        return result


def _stopped(task: Task, error: BudgetExhausted) -> None:
    task.replies.stopped = True
    task.run.degrade(f"reranked in part: {error.message.rstrip('.')}")
