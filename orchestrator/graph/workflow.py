"""A workflow: a named expression with inputs and outputs, checked before it runs, itself a node."""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from orchestrator.budget import Budget
from orchestrator.errors import BadInput, WorkflowError
from orchestrator.graph.channel import Channel
from orchestrator.graph.expression import Expression, Nested, P, composing, expression
from orchestrator.graph.plan.checks import port_faults
from orchestrator.graph.plan.fault import Fault
from orchestrator.graph.plan.indexes import index_faults, named_indexes
from orchestrator.graph.plan.plan import Plan, calls, outline
from orchestrator.graph.plan.planner import plan_workflow
from orchestrator.graph.plan.resolve import output_channels
from orchestrator.loops import refuse_running_loop
from orchestrator.types import Principal, Question, Usage

if TYPE_CHECKING:
    from orchestrator.graph.run.checkpoint import FlowSerializer
    from orchestrator.graph.run.direct_backend import DirectRunner
    from orchestrator.graph.run.events import Event
    from orchestrator.graph.run.result import RunResult
    from orchestrator.graph.run.runner import Durability, Ports
    from orchestrator.graph.run.state import Sharing

_UNLIMITED = Budget()


@dataclass(frozen=True)
class Workflow(Nested):
    """A composition of nodes under a name. Two workflows of the same nodes are equal."""

    name: str
    body: Expression
    inputs: tuple[Any, ...] = (Question,)
    outputs: tuple[Any, ...] = ()

    def __getstate__(self) -> dict[str, Any]:
        """What it is pickled by; what was computed from it is computed again."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @cached_property
    def output_channels(self) -> tuple[Channel, ...]:
        """The output channels: those declared, and last the channel that the workflow ends in."""
        return output_channels(self)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """A workflow is not called; raises `BadInput` that says how it is run."""
        raise BadInput(
            f"The workflow {self.name!r} was called like a function.",
            hint="Run it: await workflow.run(question, ports=…).",
        )

    # -- checking ------------------------------------------------------------------------------

    @cached_property
    def _planned(self) -> tuple[Plan, tuple[Fault, ...]]:
        plan, faults = plan_workflow(self)
        return plan, tuple(faults)

    @property
    def plan(self) -> Plan:
        """The workflow with every channel resolved."""
        return self._planned[0]

    @cached_property
    def indexes(self) -> tuple[str, ...]:
        """The indexes that its nodes name in a setting `index`, beside the one that it is run on."""
        return named_indexes(self.plan)

    def faults(self, ports: Ports | None = None) -> tuple[Fault, ...]:
        """Everything that is wrong; with `ports`, also missing ports and indexes."""
        found = self._planned[1]
        if ports is None:
            return found
        return (*found, *port_faults(self.plan, ports), *index_faults(self.plan, ports))

    def check(self, ports: Ports | None = None) -> None:
        """Raise one WorkflowError that lists every fault, if there is any."""
        # Indexes come and go.
        if ports is not None and self._checked_with == set(ports) and not self.indexes:
            return
        found = self.faults(ports)
        if found:
            raise WorkflowError(self.name, found)
        if ports is not None:
            self.__dict__["_checked_with"] = set(ports)

    @cached_property
    def _checked_with(self) -> set[Any] | None:
        """The ports of the last check that found nothing, so that a run need not repeat it."""
        return None

    @cached_property
    def fingerprint(self) -> str:
        """Identifies the plan: nodes, settings, code and wiring, the same in every process."""
        from orchestrator.graph.plan.fingerprint import fingerprint, node_identity

        parts = [str(self.name), outline(self.plan.body), *(str(slot) for slot in self.plan.inputs)]
        for call in calls(self.plan.body):
            keys = [slot.key for slot in call.writes]
            parts += [call.path, node_identity(call.node).digest, str(call.arguments), str(keys)]
        return fingerprint(parts)

    def draw(self) -> str:
        """The graph as Mermaid text, with what flows along every edge."""
        from orchestrator.graph.plan.mermaid import mermaid

        return mermaid(self.plan)

    # -- running -------------------------------------------------------------------------------

    @property
    def langgraph(self) -> Any:
        """The compiled LangGraph graph, one LangGraph node a node; await `ainvoke`, as its nodes are async.

        Invoke it with a state of values by channel, `{"Question": Question(…)}`, and the ports in
        `config={"configurable": {"ports": {…}}}`.
        """
        self.check()
        return self.compiled(lines=False)

    def compiled(self, *, lines: bool, checkpointer: Any = None) -> Any:
        """The LangGraph graph, compiled once; each checkpointer gets a shallow copy of it."""
        from orchestrator.graph.run.langgraph_backend import compile_plan

        kind = (lines, checkpointer is not None)
        if kind not in self._compiled:
            serializer = self.serializer if kind[1] else None
            self._compiled[kind] = compile_plan(self.plan, lines=lines, serializer=serializer)
        graph = self._compiled[kind]
        return graph if checkpointer is None else graph.copy({"checkpointer": checkpointer})

    @cached_property
    def direct_runner(self) -> DirectRunner:
        """The runner that executes the plan without LangGraph."""
        from orchestrator.graph.run.direct_backend import DirectRunner

        return DirectRunner(self.plan)

    @cached_property
    def _compiled(self) -> dict[tuple[bool, bool], Any]:
        return {}

    @cached_property
    def serializer(self) -> FlowSerializer:
        """The serializer of this workflow's checkpoints."""
        from orchestrator.graph.run.checkpoint import FlowSerializer
        from orchestrator.graph.run.langgraph_steps import USAGE

        types = {slot.key: slot.channel.type for slot in self.plan.slots}
        return FlowSerializer({**types, USAGE: Usage})

    async def run(
        self,
        *inputs: Any,
        ports: Ports,
        budget: Budget | None = None,
        durability: Durability = "none",
        run_id: str | None = None,
        principal: Principal | None = None,
        sharing: Sharing | None = None,
    ) -> RunResult:
        """Run once. Inputs are found by their types; the principal is the question's, unless given.

        `durability` is "none", "exit" (state is kept when the run ends or fails) or "step" (after
        every node). Cancelling the task stops every node and model request of the run. `sharing`
        lets runs that are compared make equal calls once.
        """
        from orchestrator.graph.run import runner

        return await runner.run(
            self,
            inputs,
            ports,
            budget=budget or _UNLIMITED,
            durability=durability,
            run_id=run_id,
            principal=principal,
            sharing=sharing,
        )

    def run_sync(self, *inputs: Any, ports: Ports, **settings: Any) -> RunResult:
        """`run` for a script, in a loop of its own; BadInput inside a running loop, where `run` is awaited.

        Ports that hold connections, such as an application's, belong to one loop: see
        `Application.run_sync`.
        """
        import asyncio

        refuse_running_loop("run_sync", "run")
        return asyncio.run(self.run(*inputs, ports=ports, **settings))

    async def stream(
        self,
        *inputs: Any,
        ports: Ports,
        budget: Budget | None = None,
        durability: Durability = "none",
        run_id: str | None = None,
        principal: Principal | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Run once, yielding events; the last is `Finished`. Close the generator to stop the run."""
        # Half of the time that a workflow takes to be written down, before any is run.
        import asyncio

        from orchestrator.graph.run import runner

        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        work = runner.run(
            self,
            inputs,
            ports,
            budget=budget or _UNLIMITED,
            durability=durability,
            run_id=run_id,
            principal=principal,
            events=queue,
        )
        async for event in (events := runner.streamed(work, queue)):
            try:
                yield event
            except GeneratorExit:
                await events.aclose()
                raise

    async def resume(
        self, run_id: str, *, ports: Ports, principal: Principal, budget: Budget | None = None
    ) -> RunResult:
        """Go on with a durable run that was interrupted, as the principal that began it."""
        from orchestrator.graph.run import runner

        return await runner.resume(self, run_id, ports, principal=principal, budget=budget or _UNLIMITED)


def _always_a_workflow(make: Callable[P, Workflow]) -> Callable[P, Workflow]:
    """Let a call with arguments that are missing or unknown give a workflow, which `check` refuses."""
    checked = composing(make)

    @functools.wraps(make)
    def made(*args: P.args, **kwargs: P.kwargs) -> Workflow:
        result: Any = checked(*args, **kwargs)
        return result if isinstance(result, Workflow) else Workflow("workflow", result)

    return made


@_always_a_workflow
def workflow(name: str, body: object, *, inputs: Any = (Question,), outputs: Any = ()) -> Workflow:
    """Name a composition. `inputs` are the types it starts from, `outputs` values to keep beside the last.

    Both are tuples of types, such as `(Hits, Annotated[Hits, "first"])`; `check` reports anything else.
    """
    return Workflow(name, expression(body), _types(inputs), _types(outputs))


def _types(given: Any) -> Any:
    return tuple(cast("list[Any]", given)) if isinstance(given, list) else given
