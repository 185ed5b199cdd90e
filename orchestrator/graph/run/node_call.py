"""The one wrapper around every node: inputs, policy, budget, cache, trace, span, cancellation."""

from __future__ import annotations

import asyncio
import random
import typing
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial
from inspect import isawaitable
from typing import Any

from orchestrator.errors import (
    BudgetExhausted,
    NodeError,
    NodeTimeout,
    OrchestratorError,
    WrongReturn,
    told_error,
)
from orchestrator.graph.channel import type_name
from orchestrator.graph.plan.indexes import index_of
from orchestrator.graph.plan.plan import Call
from orchestrator.graph.run.meter import Meter
from orchestrator.graph.run.metered_embedder import MeteredEmbedder, MeteredTokenEmbedder
from orchestrator.graph.run.metered_model import MeteredModel
from orchestrator.graph.run.metered_next_tokens import MeteredNextTokens
from orchestrator.graph.run.node_cache import CachedResult
from orchestrator.graph.run.node_threads import node_threads
from orchestrator.graph.run.provenance import ReadDocuments, ReadFeatures, Reading
from orchestrator.graph.run.state import RunState, forgotten
from orchestrator.graph.run.step_trace import StepTrace
from orchestrator.graph.run_context import Run
from orchestrator.ports import (
    Documents,
    Embedder,
    Features,
    LanguageModel,
    ModelCall,
    NextTokenModel,
    TokenEmbedder,
    VectorStore,
    counts_usage,
    for_call,
    for_tenant,
)

#: What counts the calls of a port that may cost something, beside language models.
METERED: dict[Any, Callable[[Any, Meter], object]] = {
    Embedder: MeteredEmbedder,
    TokenEmbedder: MeteredTokenEmbedder,
    NextTokenModel: MeteredNextTokens,
    # That of several indexes embeds what lies in one of another embedder.
    VectorStore: lambda store, meter: store.embedding_with(partial(MeteredEmbedder, meter=meter)),
}
#: First wait between two attempts, in seconds, and the longest; doubled each time, with jitter.
FIRST_WAIT, LONGEST_WAIT = 0.1, 10.0
#: How much of the grace time a call takes that others can do without, so that some is left for those.
_SPARE_SHARE = 0.5


class PreparedCall:
    """A call with everything looked up that does not change from run to run."""

    __slots__ = (
        "arguments", "call", "context", "expected", "function", "index", "metered", "needs", "optional",
        "pass_through", "path", "policy", "settings", "share", "simple", "single", "writes",
    )  # fmt: skip

    def __init__(self, call: Call, *, spare: bool = False) -> None:
        signature = call.node.signature
        self.call = call
        self.path = call.path
        self.share = _SPARE_SHARE if spare else 1.0
        self.policy = call.policy
        self.function: Callable[..., Any] = call.node.function
        self.settings: dict[str, Any] = dict(getattr(call.node, "settings", ()) or ())
        self.index = index_of(call.node)
        self.arguments = call.arguments
        self.needs = tuple((need.parameter, need.port) for need in signature.needs)
        self.optional = {need.parameter for need in signature.needs if need.optional}
        self.metered = any(need.port is LanguageModel or need.port in METERED for need in signature.needs)
        self.context = signature.context
        self.writes = tuple(slot.key for slot in call.writes)
        self.expected = tuple(_runtime_type(slot.channel.type) for slot in call.writes)
        self.single = len(self.writes) == 1
        self.simple = (
            signature.asynchronous
            and self.policy.attempts == 1
            and self.policy.timeout is None
            and self.policy.cache is None
        )
        self.pass_through = _pass_through(call)

    async def __call__(self, state: Mapping[str, Any], run: RunState) -> dict[str, Any]:
        """Run the node on a state; returns the slots that it wrote."""
        reads = self.reads(state, run)
        trace = run.step_started(self.path, reads)
        try:
            if self.simple and run.budget.seconds is None and run.tracer is None and run.sharing is None:
                value = await self.function(**reads, **self.settings, **self.injected(run, trace)[0])
            else:
                value = await self.governed(reads, run, trace)
            written = self.checked(value)
        except asyncio.CancelledError as error:
            trace.error = "cancelled"
            if _is_asked_to_stop():
                raise
            raise self.failed(error, run) from error
        except BudgetExhausted as error:
            trace.error = error.message
            written = self.fallback_result(None, reads, run, error)
        except OrchestratorError as error:
            error.node = error.node or self.path
            error.run_id = error.run_id or run.run_id
            trace.error = error.record
            raise
        except BaseException as error:
            trace.error = told_error(error)
            if _ends_the_program(error):
                raise
            raise self.failed(error, run) from error
        finally:
            run.step_finished(trace)
        trace.writes = written
        return written

    def failed(self, error: BaseException, run: RunState) -> NodeError:
        """The error of a node that failed with an error of its own."""
        return NodeError(f"Failed with {told_error(error)}.", node=self.path, run_id=run.run_id)

    def reads(self, state: Mapping[str, Any], run: RunState) -> dict[str, Any]:
        """The values of the parameters that are read from the state; BudgetExhausted if one was left out."""
        values: dict[str, Any] = {}
        for argument in self.arguments:
            if argument.gathers:
                # A branch that the deadline cut has left none.
                found = (state.get(key) for key in argument.slots)
                values[argument.parameter] = tuple(value for value in found if value is not None)
            elif not argument.slots:
                values[argument.parameter] = None
            elif argument.slots[0] in state or argument.optional:
                values[argument.parameter] = state.get(argument.slots[0])
            else:
                raise BudgetExhausted(
                    f"Reads {argument.slots[0].partition('@')[0]}, which was left out.",
                    hint="Give the run a larger Budget.",
                    node=self.path,
                    run_id=run.run_id,
                )
        return values

    def injected(self, run: RunState, trace: StepTrace) -> tuple[dict[str, Any], Run | None]:
        """The values of the parameters that are ports or the run."""
        values: dict[str, Any] = {}
        ports = run.ports_of(self.index)
        for parameter, port in self.needs:
            try:
                values[parameter] = ports[port]
            except KeyError:
                if parameter in self.optional:
                    values[parameter] = None
                    continue
                raise NodeError(
                    f"Needs the port {type_name(port)}, which this run was not given.",
                    hint=f"Pass ports={{{type_name(port)}: …}}.",
                ) from None
        if self.metered:
            self.bind_ports(values, run, trace)
        context = None
        if self.context is not None:
            context = values[self.context] = Run(run, self.path, trace.notes)
        return values, context

    def bind_ports(self, values: dict[str, Any], run: RunState, trace: StepTrace) -> None:
        """Give the models as this node uses them: for the run's tenant, counted, told what is read."""
        meter = Meter(run, trace)
        reading: Reading | None = None
        told = False
        needs = [(parameter, port) for parameter, port in self.needs if values[parameter] is not None]
        for parameter, port in needs:
            if port is LanguageModel:
                reading = reading or Reading()
                model = for_tenant(values[parameter], run.principal.tenant)
                view = for_call(model, ModelCall(run.run_id, reading.quoted))
                # A model that is its own view has not asked what is read.
                told = told or view is not model
                values[parameter] = MeteredModel(view, meter)
            elif port is NextTokenModel or (port in METERED and counts_usage(values[parameter])):
                values[parameter] = METERED[port](values[parameter], meter)
        if reading is None or not told:
            return
        for parameter, port in needs:
            if port is Documents:
                values[parameter] = ReadDocuments(values[parameter], reading)
            elif port is Features:
                values[parameter] = ReadFeatures(values[parameter], reading)

    def checked(self, value: Any) -> dict[str, Any]:
        """The returned value by slot; WrongReturn if it is not what the annotation promises."""
        if self.single:
            if not isinstance(value, self.expected[0]):
                self.wrong(value)
            return {self.writes[0]: value}
        if not self.writes:
            return {}
        values = typing.cast("tuple[Any, ...]", value) if isinstance(value, tuple) else ()
        if len(values) != len(self.writes) or not all(map(isinstance, values, self.expected)):
            self.wrong(value)
        return dict(zip(self.writes, values, strict=True))

    def wrong(self, value: Any) -> typing.NoReturn:
        """Raise WrongReturn, showing both sides."""
        promised = ", ".join(str(slot.channel) for slot in self.call.writes)
        raise WrongReturn(
            f"Returned {type_name(type(value))}, but its annotation promises {promised}.",
            hint="Return what the annotation says, or change the annotation.",
            node=self.path,
        )

    # -- policy --------------------------------------------------------------------------------

    async def governed(self, reads: dict[str, Any], run: RunState, trace: StepTrace) -> Any:
        """Run under the node's policy and the run's deadline."""
        span = run.tracer.start_as_current_span(self.path) if run.tracer else nullcontext()
        with span:
            if run.sharing is None:
                return await self.cached(reads, run, trace)
            return await run.sharing.value(
                self.call, reads, run, trace, lambda: self.cached(reads, run, trace)
            )

    async def cached(self, reads: dict[str, Any], run: RunState, trace: StepTrace) -> Any:
        """Take the result from the cache, if the policy keeps it there."""
        if self.policy.cache is None:
            return await self.attempted(reads, run, trace)
        kept = await CachedResult.find(self.call, reads, run)
        if kept is not None and kept.hit:
            trace.cached = True
            return kept.value
        before = len(run.degraded)
        value = await self.attempted(reads, run, trace)
        if kept is not None and len(run.degraded) == before:
            await kept.keep(value, self.policy.cache)
        return value

    async def attempted(self, reads: dict[str, Any], run: RunState, trace: StepTrace) -> Any:
        """Try as often as the policy says, waiting longer each time."""
        for number in range(1, self.policy.attempts + 1):
            trace.attempts = number
            try:
                return await self.timed(reads, run, trace)
            except Exception as error:
                if number == self.policy.attempts or not _may_pass(error):
                    raise
                wait = random.uniform(0.0, min(LONGEST_WAIT, FIRST_WAIT * 2**number))  # noqa: S311
                remaining = run.remaining()
                await asyncio.sleep(wait if remaining is None else min(wait, remaining))
                if run.remaining() == 0.0:
                    raise
            run.restart(self.path)
        raise AssertionError("the last attempt returns or raises")

    async def timed(self, reads: dict[str, Any], run: RunState, trace: StepTrace) -> Any:
        """One attempt, within the node's timeout and the run's deadline."""
        injected, context = self.injected(run, trace)
        try:
            if self.policy.timeout is None and run.budget.seconds is None:
                return await self.invoked(reads, injected)
            return await self.limited(reads, injected, context, run)
        except BaseException:
            # What it has begun and cannot stop, a thread above all, must neither go on nor be heard.
            if context is not None:
                context.stopped = True
            raise

    async def limited(
        self, reads: dict[str, Any], injected: dict[str, Any], context: Run | None, run: RunState
    ) -> Any:
        """One attempt that is stopped when it takes too long."""
        task = asyncio.ensure_future(self.invoked(reads, injected))
        try:
            return await self.waited(task, context, reads, run)
        finally:
            if not task.done():
                if context is not None:
                    context.stopped = True
                task.cancel()
                await asyncio.wait({task}, timeout=run.clean_up_seconds())
                task.add_done_callback(forgotten)

    async def waited(
        self, task: asyncio.Task[Any], context: Run | None, reads: dict[str, Any], run: RunState
    ) -> Any:
        """Wait for a node: to its timeout, to the deadline if it has a result by then, else with grace."""
        timeout, remaining = self.policy.timeout, run.remaining()
        if timeout is not None and (remaining is None or timeout <= remaining):
            done, _ = await asyncio.wait({task}, timeout=timeout)
            if done:
                return task.result()
            raise NodeTimeout(
                f"Took longer than its timeout of {timeout:g} s.",
                hint="Raise it with .within(timeout=…), or allow more attempts.",
            )
        done, _ = await asyncio.wait({task}, timeout=remaining)
        if done:
            return task.result()
        exhausted = BudgetExhausted(
            f"The deadline of {run.budget.seconds:g} s passed before it had anything to return.",
            hint="Give the run more seconds, or offer partial results with run.offer(…).",
        )
        if self.pass_through is not None or (context is not None and context.best):
            return _only(self.fallback_result(context, reads, run, exhausted), self.single)
        done, _ = await asyncio.wait({task}, timeout=run.left(self.share))
        if not done:
            raise exhausted
        run.late = run.late or self.path
        return task.result()

    async def invoked(self, reads: dict[str, Any], injected: dict[str, Any]) -> Any:
        """Call the node's function, in a thread if it is a plain one."""
        call = partial(self.function, **reads, **self.settings, **injected)
        try:
            value = call() if self.call.node.signature.asynchronous else await node_threads().run(call)
            # A plain function around an async one, such as a decorator makes, returns what is awaited.
            return await value if isawaitable(value) else value
        except (SystemExit, GeneratorExit) as error:
            # Out of a task of its own it would end the loop, and the program.
            if _ends_the_program(error):
                raise
            raise NodeError(f"Failed with {told_error(error)}.") from error

    def fallback_result(
        self, context: Run | None, reads: dict[str, Any], run: RunState, error: BudgetExhausted
    ) -> dict[str, Any]:
        """What stands in for a result when the budget ran out: the best so far, or the input unchanged."""
        if context is not None and context.best:
            run.degrade(f"{self.path}: best result so far, since the budget ran out")
            return self.checked(context.best[0])
        if self.pass_through is not None and reads.get(self.pass_through) is not None:
            run.degrade(f"{self.path}: left out, since the budget ran out")
            return {self.writes[0]: reads[self.pass_through]}
        error.node = error.node or self.path
        error.run_id = error.run_id or run.run_id
        raise error


def _is_asked_to_stop() -> bool:
    """Whether the current task is being cancelled, rather than that its node raised CancelledError itself."""
    task = _current_task()
    return task is None or task.cancelling() > 0


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # no loop runs
        return None


def _ends_the_program(error: BaseException) -> bool:
    """Whether an error is not a node's: the user's Ctrl-C, or a coroutine that is closed with its loop."""
    closed = isinstance(error, GeneratorExit) and _current_task() is None
    return closed or isinstance(error, KeyboardInterrupt)


def _only(written: dict[str, Any], single: bool) -> Any:
    return next(iter(written.values())) if single else tuple(written.values())


def _pass_through(call: Call) -> str | None:
    """The parameter that a node could return unchanged: the one it reads of the type it writes."""
    if len(call.writes) != 1:
        return None
    written = call.writes[0].channel.type
    for read in call.node.signature.reads:
        if read.channel.type == written:
            return read.parameter
    return None


def _runtime_type(tp: Any) -> Any:
    if tp is None or typing.get_origin(tp) is typing.Literal:
        return object
    origin = typing.get_origin(tp) or tp
    if origin is float:
        return (float, int)
    return origin if isinstance(origin, type) else object


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, OrchestratorError):
        return error.retryable
    return isinstance(error, ConnectionError | TimeoutError)
