"""What one LangGraph node of a compiled plan does: calls of nodes, and what a run keeps beside them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from orchestrator.errors import BudgetExhausted, OrchestratorError
from orchestrator.graph.plan.plan import Argument, Call, Fork
from orchestrator.graph.run.checkpoint import FlowSerializer, opened
from orchestrator.graph.run.direct_backend import fork_reason, gathered_slots, nothing_done
from orchestrator.graph.run.node_call import PreparedCall
from orchestrator.graph.run.state import RunState, current_run
from orchestrator.ports import Runs, replace_ports
from orchestrator.types import NOBODY

State = Mapping[str, Any]
Update = dict[str, Any]
StepFunction = Callable[[State], Awaitable[Update]]
#: Keys of the state beside the slots: what a resumed run must know about the part before it.
USAGE, DEGRADED = "_usage", "_degraded"


def line_step(group: list[Call], *, spare: bool = False) -> StepFunction:
    """The LangGraph node of one call, or of several one after the other."""
    prepared = [PreparedCall(call, spare=spare) for call in group]
    if len(prepared) == 1:
        only = prepared[0]

        async def call(state: State) -> Update:
            run = current(state)
            written = await only(state, run)
            written.update(accounts(run))
            return written

        return call

    async def line(state: State) -> Update:
        run = current(state)
        here = dict(state)
        written: Update = {}
        for step in prepared:
            update = await step(here, run)
            here.update(update)
            written.update(update)
        written.update(accounts(run))
        return written

    return line


def given_up_step(function: StepFunction, lost: str, number: int) -> StepFunction:
    """A node of a branch that is left out once the budget ran out in it."""

    async def node(state: State) -> Update:
        if number in state.get(lost, ()):
            return {}
        try:
            return await function(state)
        except BudgetExhausted:
            return {lost: (number,)}

    return node


def cleared_step(keys: tuple[str, ...]) -> StepFunction:
    """The LangGraph node that empties slots."""

    async def clear(state: State) -> Update:
        return dict.fromkeys(keys)

    return clear


def joined_step(op: Fork, join: Call, *, spare: bool) -> StepFunction:
    """The LangGraph node that fuses what the branches have done."""
    fuse = line_step([join], spare=spare)
    gathered = gathered_slots(op)

    async def joined(state: State) -> Update:
        lost = state.get(lost_branches(op), ())
        if lost:
            run = current(state)
            if all(state.get(key) is None for key in gathered):
                raise nothing_done(op.path, run)
            run.degrade(fork_reason(op, list(lost)))
        return {**await fuse(state), lost_branches(op): None}

    return joined


def copied(copies: tuple[tuple[str, str], ...], state: State) -> Update:
    return {new: state[old] for old, new in copies if old in state}


async def nothing(state: State) -> Update:
    return {}


def accounts(run: RunState) -> Update:
    """What a durable run keeps beside its values, so that it counts on after a resume."""
    if not run.durable:
        return {}
    return {USAGE: run.usage, DEGRADED: tuple(run.degraded)}


def current(state: State) -> RunState:
    """The current run; one of its own for a graph that a LangGraph user invokes directly."""
    run = current_run.get()
    if run is not None:
        return run
    from langgraph.config import get_config

    ports = get_config().get("configurable", {}).get("ports", {})
    principal = next((value.principal for value in state.values() if hasattr(value, "principal")), NOBODY)
    return RunState("langgraph", replace_ports(ports, without={Runs}), principal)


def slots_of(arguments: tuple[Argument, ...]) -> list[str]:
    return [key for argument in arguments for key in argument.slots]


def lost_branches(op: Fork) -> str:
    return f"_lost {op.path}"


def kept_step(name: str, function: StepFunction, serializer: FlowSerializer) -> StepFunction:
    """A node of a durable run: it finds values as they were, and leaves them as they are kept."""

    async def step(state: State) -> Update:
        run = current(state)
        await run.check_ownership()
        try:
            return serializer.kept_all(await function(opened(state)))
        except OrchestratorError as error:
            error.node, error.run_id = error.node or name, error.run_id or run.run_id
            raise

    return step
