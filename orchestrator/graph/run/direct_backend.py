"""A plan run without LangGraph: where there is nothing to schedule or to keep, and in experiments.

The nodes, their wrapper and the slots are the same as in the compiled graph, and so are the results;
what is saved is LangGraph's own time, which can be as long as that of light nodes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any

from orchestrator.errors import WrongReturn
from orchestrator.graph.plan.plan import Branch, Call, Fork, Line, Loop, Map, Op, Plan
from orchestrator.graph.run.node_call import PreparedCall
from orchestrator.graph.run.state import RunState, current_run

#: A branch writes slots of its own, so that all of a run's operations can share one state.
State = dict[str, Any]
Walk = Callable[[State, RunState], Awaitable[None]]


class DirectRunner:
    """A plan with every call prepared. `ainvoke` is that of a compiled graph."""

    def __init__(self, plan: Plan) -> None:
        self._walk = _walk(plan.body)

    async def ainvoke(self, state: Mapping[str, Any], config: Mapping[str, Any] | None = None) -> State:
        """Run the plan from a state of its inputs, within the current run; the state at the end.

        In a task of its own, as LangGraph's nodes are: what a node sets in its context stays in the run,
        and a run that is cancelled ends so, even if a node goes on.
        """
        run = current_run.get()
        assert run is not None, "the runner has set the run"
        here = dict(state)
        walking = asyncio.ensure_future(_run(self._walk, here, run))
        try:
            await asyncio.wait((walking,))
        finally:
            if not walking.done():
                walking.cancel()
                await asyncio.gather(walking, return_exceptions=True)
        walking.result()
        return here


def _walk(op: Op) -> Walk:
    match op:
        case Call():
            return _call(op)
        case Line():
            return _line(op)
        case Fork():
            return _fork(op)
        case Branch():
            return _branch(op)
        case Loop():
            return _loop(op)
        case Map():
            return _map(op)


def _call(op: Call) -> Walk:
    prepared = PreparedCall(op)

    async def call(state: State, run: RunState) -> None:
        state.update(await prepared(state, run))

    return call


def _line(op: Line) -> Walk:
    parts = [_walk(part) for part in op.ops]
    if len(parts) == 1:
        return parts[0]

    async def line(state: State, run: RunState) -> None:
        for part in parts:
            await part(state, run)

    return line


def _fork(op: Fork) -> Walk:
    branches = [_walk(branch) for branch in op.branches]
    join = _call(op.join) if op.join is not None else None

    async def fork(state: State, run: RunState) -> None:
        await _together(_run(branch, state, run) for branch in branches)
        if join is not None:
            await join(state, run)

    return fork


def _branch(op: Branch) -> Walk:
    by = PreparedCall(op.by)
    key = op.by.writes[0].key
    choices = {label: (_walk(choice), settle) for label, choice, settle in op.choices}

    async def branch(state: State, run: RunState) -> None:
        before = {**dict.fromkeys(op.clear), **_copied(op.carry, state)}
        written = await by(state, run)
        chosen = choices.get(written[key])
        if chosen is None:
            raise WrongReturn(
                f"chose {written[key]!r}, which is no target.",
                hint=f"Return one of {', '.join(map(repr, choices))}.",
                node=op.path,
                run_id=run.run_id,
            )
        state.update(before)
        state.update(written)
        choice, settle = chosen
        await choice(state, run)
        state.update(_copied(settle, state))

    return branch


def _loop(op: Loop) -> Walk:
    body, until = _walk(op.body), PreparedCall(op.until)
    done = op.until.writes[0].key

    async def loop(state: State, run: RunState) -> None:
        state.update({**dict.fromkeys(op.clear), **_copied(op.enter, state)})
        for number in range(1, op.at_most + 1):
            await body(state, run)
            written = await until(state, run)
            state.update({**_copied(op.again, state), **written})
            if state[done]:
                return
            if number < op.at_most and run.exhausted():
                run.degrade(f"{op.path}: stopped after {number} rounds, since the budget ran out")
                return

    return loop


def _map(op: Map) -> Walk:
    body = _walk(op.body)

    async def each(state: State, run: RunState) -> None:
        limit = asyncio.Semaphore(op.at_once)
        shared = {key: state[key] for key in op.shared if key in state}

        async def one(item: Any) -> Any:
            async with limit:
                inner = {**shared, op.item.key: item}
                await body(inner, run)
                return inner[op.result.key]

        state[op.yields.key] = tuple(await _together(one(item) for item in state[op.over]))

    return each


async def _run(walk: Walk, state: State, run: RunState) -> None:
    await walk(state, run)


async def _together(work: Iterable[Coroutine[Any, Any, Any]]) -> list[Any]:
    """The results of all; the first failure stops the others, and is what is raised."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _copied(copies: tuple[tuple[str, str], ...], state: State) -> State:
    return {new: state[old] for old, new in copies if old in state}
