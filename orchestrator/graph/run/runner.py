"""Runs a workflow: from a question to a result, with its record, events, cancellation and resumption."""

from __future__ import annotations

import asyncio
import importlib
import time
import uuid
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from time import perf_counter
from typing import Any, Literal, Protocol, get_origin

from orchestrator.budget import Budget
from orchestrator.errors import (
    BadInput,
    OrchestratorError,
    PlanChanged,
    RunNotFound,
    SettingsError,
)
from orchestrator.graph.channel import Channel, type_name
from orchestrator.graph.plan.fingerprint import SCHEME
from orchestrator.graph.plan.plan import Plan
from orchestrator.graph.run.checkpoint import opened
from orchestrator.graph.run.deadline import within_budget
from orchestrator.graph.run.events import Event, Finished
from orchestrator.graph.run.langgraph_backend import RECURSION_LIMIT
from orchestrator.graph.run.langgraph_steps import DEGRADED, USAGE
from orchestrator.graph.run.lease import owned
from orchestrator.graph.run.result import RunResult
from orchestrator.graph.run.state import RunState, Sharing, current_run
from orchestrator.graph.run.trace import step_record
from orchestrator.graph.serialise import dump, load, readable
from orchestrator.logs import logged
from orchestrator.ports import IndexedPorts, RunRecord, Runs, RunStatus
from orchestrator.tracing import tracer
from orchestrator.types import NOBODY, Principal, Usage
from orchestrator.values import passages_of, restricted

Ports = Mapping[Any, Any]
Durability = Literal["none", "exit", "step"]


class Flow(Protocol):
    """A planned workflow, as the runner needs it; see `orchestrator.graph.workflow`."""

    @property
    def name(self) -> str: ...

    @property
    def plan(self) -> Plan: ...

    # These are computed once, which a protocol can say of attributes alone.
    indexes: Any
    fingerprint: Any
    serializer: Any
    direct_runner: Any

    def check(self, ports: Ports | None = None) -> None: ...

    def compiled(self, *, lines: bool, checkpointer: Any = None) -> Any: ...


async def run(
    workflow: Flow,
    inputs: tuple[Any, ...],
    ports: Ports,
    *,
    budget: Budget,
    durability: Durability,
    run_id: str | None,
    principal: Principal | None,
    events: asyncio.Queue[Event | None] | None = None,
    sharing: Sharing | None = None,
) -> RunResult:
    """Check, run, record. Raises what the failing node raised, with its name and the run's id."""
    workflow.check(ports)
    ports = _across(workflow, ports)
    state = initial_state(workflow, inputs)
    _ready(durability)
    who = principal or next((value.principal for value in inputs if hasattr(value, "principal")), NOBODY)
    running = RunState(
        run_id or uuid.uuid4().hex,
        ports,
        who,
        budget,
        events,
        tracer=tracer(),
        durable=durability != "none",
        sharing=sharing,
    )
    if durability == "none":
        record = _begun(workflow, running, durability) if ports.get(Runs) is not None else None
        with logged(run=running.run_id):
            return await _driven(workflow, state, running, record)
    given = {slot.key: dump(state[slot.key], slot.channel.type) for slot in workflow.plan.inputs}
    async with owned(_runs(ports), running.run_id) as running.lease:
        with logged(run=running.run_id):
            return await _driven(workflow, state, running, _begun(workflow, running, durability, given))


async def resume(
    workflow: Flow,
    run_id: str,
    ports: Ports,
    *,
    principal: Principal,
    budget: Budget,
    events: asyncio.Queue[Event | None] | None = None,
) -> RunResult:
    """Go on with a durable run that did not end, from the last step that was kept."""
    workflow.check(ports)
    ports = _across(workflow, ports)
    # What is not the principal's, or has ended, is refused before anything is claimed.
    await _resumable(workflow, run_id, ports, principal)
    async with owned(_runs(ports), run_id) as lease:
        record = await _resumable(workflow, run_id, ports, principal)
        _ready(record.durability)
        running = RunState(
            run_id, ports, principal, budget, events, tracer=tracer(), durable=True, lease=lease
        )
        with logged(run=run_id):
            return await _driven(workflow, None, running, record)


def _begun(
    workflow: Flow, running: RunState, durability: Durability, given: dict[str, Any] | None = None
) -> RunRecord:
    """The record of a run that begins; `given` is its input, where it can be resumed."""
    return RunRecord(
        running.run_id,
        workflow.name,
        workflow.fingerprint,
        durability,
        running.principal,
        created=time.time(),
        input=given,
    )


def _across(workflow: Flow, ports: Ports) -> Ports:
    """The ports, with the passages of every index that the workflow names."""
    return ports.across(workflow.indexes) if workflow.indexes and isinstance(ports, IndexedPorts) else ports


def _ready(durability: str) -> None:
    """Import what a run needs that keeps something: that takes a second, once, which is not the run's."""
    if durability != "none":
        importlib.import_module("langgraph.graph")


async def _resumable(workflow: Flow, run_id: str, ports: Ports, principal: Principal) -> RunRecord:
    """The record of a run that can be carried on."""
    record = await _runs(ports).read(run_id, principal=principal)
    if record is None:
        raise RunNotFound(
            f"There is no run {run_id!r} of {principal.name}.", hint="Check the id.", run_id=run_id
        )
    if record.status == "done":
        raise BadInput(f"Run {run_id!r} has ended.", hint="Read it back instead.", run_id=run_id)
    if record.durability == "none":
        raise BadInput(
            f"Run {run_id!r} was not durable.", hint='Run with durability="step" or "exit".', run_id=run_id
        )
    if not record.plan.startswith(SCHEME):
        raise PlanChanged(
            f"Run {run_id!r} was kept by an earlier version, which told code apart by less.",
            hint="Start the run again.",
            run_id=run_id,
        )
    if record.plan != workflow.fingerprint:
        raise PlanChanged(
            f"Workflow {workflow.name!r} is no longer the one that run {run_id!r} began with.",
            hint="Resume with the workflow as it was, or start a new run.",
            run_id=run_id,
        )
    return record


def initial_state(workflow: Flow, inputs: tuple[Any, ...]) -> dict[str, Any]:
    """The slots that a run starts from: each input value in the slot of its type."""
    state: dict[str, Any] = {}
    left = list(inputs)
    for slot in workflow.plan.inputs:
        kind = get_origin(slot.channel.type) or slot.channel.type
        found = next((value for value in left if isinstance(value, kind)), None)
        if found is None:
            given = ", ".join(type_name(type(value)) for value in inputs) or "nothing"
            raise BadInput(
                f"Workflow {workflow.name!r} starts from {slot.channel}, but was given {given}.",
                hint=f"Pass a {slot.channel}, for example {_example(slot.channel)}.",
            )
        left.remove(found)
        state[slot.key] = found
    if left:
        wanted = ", ".join(str(slot.channel) for slot in workflow.plan.inputs)
        raise BadInput(
            f"Workflow {workflow.name!r} was given a {type_name(type(left[0]))} too many.",
            hint=f"It starts from {wanted}.",
        )
    return state


def _example(channel: Channel) -> str:
    if type_name(channel.type) == "Question":
        return 'Question("…", principal=ANONYMOUS)'
    return f"{channel}(…)"


async def _driven(workflow: Flow, state: Any, running: RunState, record: RunRecord | None) -> RunResult:
    """Drive a run to its end, and keep its record whatever happens; without one, nothing is kept."""
    started = perf_counter()
    config: dict[str, Any] = {"recursion_limit": RECURSION_LIMIT}
    extra: dict[str, Any] = {}
    if durable := running.durable:
        assert record is not None
        runs = _runs(running.ports)
        saver = runs.saver(workflow.serializer)
        graph = workflow.compiled(lines=record.durability != "step", checkpointer=saver)
        config["configurable"] = {"thread_id": running.run_id}
        extra["durability"] = "sync" if record.durability == "step" else "exit"
        if state is not None:
            state = workflow.serializer.kept_all(state)
            await runs.begin(record)
        else:
            state = await _recalled(workflow, graph, config, running, record)
    else:
        graph = workflow.direct_runner
    token = current_run.set(running)
    status: RunStatus = "failed"
    error: str | None = None
    result: RunResult | None = None
    try:
        work = graph.ainvoke(state, config, **extra)
        final = await (within_budget(work, running) if durable else work)
        if running.late is not None and not running.degraded:
            running.degrade(
                f"the deadline of {running.budget.seconds:g} s passed: {running.late} took of the grace time"
            )
        values = opened(final) if durable else final
        result = RunResult.of(workflow.plan, values, running, perf_counter() - started)
        if result.answer is not None and workflow.plan.output is not None:
            running.settle_text(_speaker(running), result.answer.text)
        status = "done"
        return result
    except asyncio.CancelledError:
        running.cancelled = True
        status, error = "cancelled", "cancelled"
        raise
    except OrchestratorError as failure:
        failure.run_id = failure.run_id or running.run_id
        failure.spent = running.usage
        error = failure.record if failure.private else str(failure)
        raise
    finally:
        running.ended = True
        current_run.reset(token)
        if record is not None:
            ended = _ended(workflow, record, running, result, status, error, perf_counter() - started)
            await asyncio.shield(asyncio.ensure_future(_finished(_runs(running.ports), ended, running)))


async def _finished(runs: Runs, ended: RunRecord, running: RunState) -> None:
    """Keep the end of a run, unless it has become another's in the meantime."""
    if running.lease is None:
        await runs.finish(ended)
    elif running.lease.lost is None:
        await runs.finish(ended, running.lease.lease)


def _speaker(running: RunState) -> str:
    """Who is said to speak where the engine does: who spoke last, or else the last node."""
    if running.said:
        return running.said[-1][0]
    return running.steps[-1].path if running.steps else ""


async def _recalled(
    workflow: Flow, graph: Any, config: dict[str, Any], running: RunState, record: RunRecord
) -> dict[str, Any] | None:
    """Count on from what the run had spent; its input again, if it was interrupted before its first step."""
    kept = await graph.aget_state(config)
    values = opened(kept.values)
    # What a step spent that failed is in the record alone; what a run spent that was killed, in the state.
    told: Usage = values.get(USAGE, Usage())
    running.usage = max(told, record.usage, key=lambda usage: (usage.calls, usage.tokens))
    if not values and record.input is not None:
        given = {slot.key: load(record.input[slot.key], slot.channel.type) for slot in workflow.plan.inputs}
        return workflow.serializer.kept_all(given)
    running.degraded = list(values.get(DEGRADED, ()))
    return None


def _ended(
    workflow: Flow,
    record: RunRecord,
    running: RunState,
    result: RunResult | None,
    status: RunStatus,
    error: str | None,
    seconds: float,
) -> RunRecord:
    output: dict[str, Any] | None = None
    plan = workflow.plan
    if result is not None and result.output is not None and plan.output is not None:
        value = readable(result.output, plan.output.channel.type)
        output = {"type": type_name(plan.output.channel.type), "value": value}
        if passages := passages_of(result.output):
            output["passages"] = list(passages)
        if restricted(result.output):
            output["restricted"] = True
    return replace(
        record,
        status=status,
        seconds=seconds,
        output=output,
        degraded=result.degraded if result else tuple(running.degraded),
        usage=running.usage,
        steps=tuple(step_record(trace) for trace in running.steps),
        error=error,
    )


def _runs(ports: Ports) -> Runs:
    runs = ports.get(Runs)
    if runs is None:
        raise SettingsError(
            "A durable run needs the port Runs, and none was given.",
            hint='Pass ports={Runs: …}, or run with durability="none".',
        )
    return runs


async def streamed(task_of: Any, events: asyncio.Queue[Event | None]) -> AsyncGenerator[Event, None]:
    """Events of a run as they happen; closing the generator stops the run and waits until it has."""

    async def work() -> RunResult:
        try:
            return await task_of
        finally:
            events.put_nowait(None)

    task = asyncio.create_task(work())
    try:
        while (event := await events.get()) is not None:
            yield event
        yield Finished(await task)
    finally:
        if not task.done():
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)
