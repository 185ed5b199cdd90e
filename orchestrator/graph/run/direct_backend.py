"""A plan run without LangGraph: where there is no state to keep, and in experiments.

The nodes, their wrapper and the slots are the same as in the compiled graph, and so are the results;
what is saved is LangGraph's own time, which can be as long as that of light nodes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from orchestrator.errors import BudgetExhausted, WrongReturn
from orchestrator.graph.plan.plan import Branch, Call, Fork, Line, Loop, Map, Op, Plan
from orchestrator.graph.run.deadline import within_budget
from orchestrator.graph.run.node_call import PreparedCall
from orchestrator.graph.run.side_by_side import SideBySide
from orchestrator.graph.run.state import RunState, current_run

#: A branch writes slots of its own, so that all of a run's operations can share one state.
State = dict[str, Any]
Walk = Callable[[State, RunState], Awaitable[None]]


class DirectRunner:
    """A plan with every call prepared. `ainvoke` is that of a compiled graph."""

    def __init__(self, plan: Plan) -> None:
        self._walk = walk(plan.body)

    async def ainvoke(self, state: Mapping[str, Any], config: Mapping[str, Any] | None = None) -> State:
        """Run the plan from a state of its inputs, within the current run; the state at the end.

        In a task of its own, as LangGraph's nodes are: what a node sets in its context stays in the run,
        and a run that is cancelled ends so, even if a node goes on.
        """
        run = current_run.get()
        assert run is not None, "the runner has set the run"
        here = dict(state)
        await within_budget(_run(self._walk, here, run), run)
        return here


def walk(op: Op, *, spare: bool = False) -> Walk:
    """What executes an operation on a state. Calls that others can do without are `spare`."""
    match op:
        case Call():
            return _call(op, spare)
        case Line():
            return _line(op, spare)
        case Fork():
            return _fork(op, spare)
        case Branch():
            return _branch(op, spare)
        case Loop():
            return _loop(op, spare)
        case Map():
            return _map(op, spare)


def _call(op: Call, spare: bool) -> Walk:
    prepared = PreparedCall(op, spare=spare)

    async def call(state: State, run: RunState) -> None:
        state.update(await prepared(state, run))

    return call


def _line(op: Line, spare: bool) -> Walk:
    parts = [walk(part, spare=spare) for part in op.ops]
    if len(parts) == 1:
        return parts[0]

    async def line(state: State, run: RunState) -> None:
        for part in parts:
            await part(state, run)

    return line


def _fork(op: Fork, spare: bool) -> Walk:
    branches = [walk(branch, spare=spare) for branch in op.branches]
    join = _call(op.join, spare) if op.join is not None else None
    gathered = gathered_slots(op)

    async def fork(state: State, run: RunState) -> None:
        for key in gathered:  # of an earlier round
            state.pop(key, None)
        parts = [partial(_run, branch, state, run) for branch in branches]
        work = SideBySide(parts, len(parts), run, all_needed=join is None)
        finished = await work.done()
        if len(finished) < len(branches):
            if not any(key in state for key in gathered):
                raise work.exhausted or nothing_done(op.path, run)
            run.degrade(
                fork_reason(op, [number for number in range(len(branches)) if number not in finished])
            )
        if join is not None:
            await join(state, run)

    return fork


def gathered_slots(op: Fork) -> tuple[str, ...]:
    """The slots of the branches' results that a fusion reads; none where nothing joins the branches."""
    arguments = op.join.arguments if op.join is not None else ()
    return tuple(key for argument in arguments if argument.gathers for key in argument.slots)


def fork_reason(op: Fork, lost: list[int]) -> str:
    """Why a fusion fused less than all."""
    branches = "branch " if len(lost) == 1 else "branches "
    named = ", ".join(str(number + 1) for number in lost)
    return f"{op.path}: {branches}{named} of {len(op.branches)} cut short, since the budget ran out"


def map_reason(op: Map, done: int, all_of_them: int) -> str:
    """Why a map yields less than all."""
    return f"{op.path}: {done} of {all_of_them} items, since the budget ran out"


def nothing_done(path: str, run: RunState) -> BudgetExhausted:
    """The error of work side by side of which nothing was done."""
    shortage = run.shortage() or "the budget"
    return BudgetExhausted(
        f"{shortage[0].upper()}{shortage[1:]} ran out before any of it was done.",
        hint="Give the run a larger Budget.",
        node=path,
        run_id=run.run_id,
    )


def _branch(op: Branch, spare: bool) -> Walk:
    by = PreparedCall(op.by, spare=spare)
    key = op.by.writes[0].key
    choices = {label: (walk(choice, spare=spare), settle) for label, choice, settle in op.choices}

    async def branch(state: State, run: RunState) -> None:
        before = {**dict.fromkeys(op.clear), **_copied(op.carry, state)}
        written = await by(state, run)
        chosen = choices.get(written[key])
        if chosen is None:
            raise WrongReturn(
                f"Chose {written[key]!r}, which is no target.",
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


def _loop(op: Loop, spare: bool) -> Walk:
    body, until = walk(op.body, spare=spare), PreparedCall(op.until, spare=spare)
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


def _map(op: Map, spare: bool) -> Walk:
    one = walk_item(op, spare=spare)

    async def each(state: State, run: RunState) -> None:
        items = tuple(state[op.over])
        shared = {key: state[key] for key in op.shared if key in state}
        work = SideBySide([partial(one, shared, item, run) for item in items], op.at_once, run)
        found = await work.done()
        if len(found) < len(items):
            if not found:
                raise work.exhausted or nothing_done(op.path, run)
            run.degrade(map_reason(op, len(found), len(items)))
        state[op.yields.key] = tuple(found[number] for number in sorted(found))

    return each


def walk_item(op: Map, *, spare: bool = False) -> Callable[[State, Any, RunState], Any]:
    """What runs a map's body for one item: (shared state, item, run) → its result."""
    body = walk(op.body, spare=spare)

    async def one(shared: State, item: Any, run: RunState) -> Any:
        inner = {**shared, op.item.key: item}
        await body(inner, run)
        return inner[op.result.key]

    return one


async def _run(walk: Walk, state: State, run: RunState) -> None:
    await walk(state, run)


def _copied(copies: tuple[tuple[str, str], ...], state: State) -> State:
    return {new: state[old] for old, new in copies if old in state}
