"""Runs a workflow for an outside caller: admission, budget, stored run, errors and cancellation.

Every route of the endpoint and every command that runs a workflow goes through it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from uuid import uuid4

from orchestrator.budget import Budget
from orchestrator.errors import OrchestratorError, RunFailed
from orchestrator.graph.run.events import Event, Finished
from orchestrator.graph.run.result import RunResult
from orchestrator.graph.run.runner import Durability
from orchestrator.graph.workflow import Workflow
from orchestrator.ports import Conversations
from orchestrator.types import Message, Principal, Question


class Admission(Protocol):
    """Admission control: decides when a run may begin."""

    def place(self, caller: str) -> AbstractAsyncContextManager[None]:
        """Hold a place for a run of this caller, waiting for one; an error says why there is none."""
        ...


@dataclass(frozen=True, slots=True)
class ServedRun:
    """One run. `caller` says whose turn it takes where several wait: it is the key, not the principal.

    `earlier` are the turns before the question; they are stored once the run has its place, and the question
    names them by an id. Errors carry the id of the run; what nobody foresaw is a RunFailed.
    """

    workflow: Workflow
    inputs: tuple[Any, ...]
    principal: Principal
    ports: Mapping[Any, Any]
    caller: str = ""
    admission: Admission | None = None
    budget: Budget = field(default_factory=Budget)
    durability: Durability = "none"
    earlier: tuple[Message, ...] = ()
    run_id: str = field(default_factory=lambda: uuid4().hex)

    async def result(self) -> RunResult:
        """Run, and return the result."""
        try:
            async with self._place():
                return await self.workflow.run(*await self._asked(), **self._how())
        except Exception as error:
            failure = self._failure(error)
            raise failure from failure.__cause__

    async def events(self, quiet: float) -> AsyncGenerator[Event | None, None]:
        """Run, yielding events up to and with Finished; None each time that `quiet` seconds bring none.

        The run goes on in a task of its own, so that a client that reads slowly holds no place. Closing
        the generator cancels it.
        """
        queue: asyncio.Queue[Event | Exception] = asyncio.Queue()
        following = asyncio.create_task(self._follow(queue))
        try:
            while True:
                try:
                    async with asyncio.timeout(quiet):
                        event = await queue.get()
                except TimeoutError:
                    yield None
                    continue
                if isinstance(event, Exception):
                    failure = self._failure(event)
                    raise failure from failure.__cause__
                if isinstance(event, Finished):
                    # Its place is free, and the run kept, before anybody hears of the result.
                    await following
                yield event
                if isinstance(event, Finished):
                    return
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    async def _follow(self, queue: asyncio.Queue[Event | Exception]) -> None:
        try:
            async with (
                self._place(),
                aclosing(self.workflow.stream(*await self._asked(), **self._how())) as events,
            ):
                async for event in events:
                    queue.put_nowait(event)
        except Exception as error:
            queue.put_nowait(error)

    def _place(self) -> AbstractAsyncContextManager[None]:
        return nullcontext() if self.admission is None else self.admission.place(self.caller)

    def _how(self) -> dict[str, Any]:
        return {
            "ports": self.ports,
            "budget": self.budget,
            "durability": self.durability,
            "run_id": self.run_id,
            "principal": self.principal,
        }

    async def _asked(self) -> tuple[Any, ...]:
        """The inputs. A run's state does not grow with what was said before: its question has an id of it."""
        if not self.earlier:
            return self.inputs
        conversations = self.ports[Conversations]
        assert isinstance(conversations, Conversations)
        told = await conversations.append(self.earlier, principal=self.principal)
        return tuple(
            replace(each, conversation=told) if isinstance(each, Question) else each for each in self.inputs
        )

    def _failure(self, error: Exception) -> OrchestratorError:
        if not isinstance(error, OrchestratorError):
            failure = RunFailed(f"The run failed with {type(error).__name__}: {error}.")
            failure.__cause__ = error
            error = failure
        error.run_id = error.run_id or self.run_id
        return error
