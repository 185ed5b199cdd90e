"""The LangGraph backend: compiles a plan to a graph, with one LangGraph node per node or straight line.

The first is what `.langgraph` gives and what runs that keep every step use; the second saves the
cost of a LangGraph step between nodes that have nothing but each other before and behind them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, TypedDict, TypeVar
from weakref import WeakValueDictionary

from orchestrator.errors import BadInput, BudgetExhausted, WrongReturn
from orchestrator.graph.plan.plan import Branch, Call, Fork, Line, Loop, Map, Op, Plan, calls
from orchestrator.graph.run.checkpoint import FlowSerializer, opened
from orchestrator.graph.run.direct_backend import gathered_slots, map_reason, nothing_done, walk_item
from orchestrator.graph.run.langgraph_steps import (
    DEGRADED,
    USAGE,
    State,
    StepFunction,
    Update,
    accounts,
    cleared_step,
    copied,
    current,
    given_up_step,
    joined_step,
    kept_step,
    line_step,
    lost_branches,
    nothing,
    slots_of,
)
from orchestrator.graph.run.node_call import PreparedCall
from orchestrator.loops import refuse_running_loop

OpT = TypeVar("OpT", Map, Loop, Fork)
#: LangGraph counts steps to end loops; here loops are bounded by `at_most`.
RECURSION_LIMIT = 100_000
#: How many parts of a map's items are steps of their own, at least: what an item is kept with.
PARTS = 64


def compile_plan(plan: Plan, *, lines: bool, serializer: FlowSerializer | None = None) -> Any:
    """The compiled LangGraph graph of a plan; `lines` runs a straight line of nodes as one step.

    With a serializer it is durable: it keeps usage and degradation beside the values, each value as it
    is written, and awaits a checkpointer.
    """
    compiler = _Compiler(plan, lines, serializer)
    entries, exits = compiler.emit(plan.body)
    return compiler.finished(entries, exits)


def _add_items(old: Update | None, new: Update | None) -> Update:
    """Collect the results of a map by position; None begins again."""
    return {} if new is None else {**(old or {}), **new}


def _union(old: tuple[int, ...] | None, new: tuple[int, ...] | None) -> tuple[int, ...]:
    """Collect the branches that were given up; None begins again."""
    return () if new is None else tuple(sorted({*(old or ()), *new}))


def _later(old: Any, new: Any) -> Any:
    return new


class _Compiler:
    """Adds a plan's operations to a LangGraph builder. `emit` gives (entries, exits) of an operation."""

    def __init__(self, plan: Plan, lines: bool, serializer: FlowSerializer | None) -> None:
        from langgraph.graph import StateGraph  # pyright: ignore[reportMissingTypeStubs]

        fields: dict[str, Any] = {slot.key: Any for slot in plan.slots}
        if serializer is not None:
            fields[USAGE] = Annotated[Any, _later]
            fields[DEGRADED] = Annotated[tuple[str, ...], _later]
        for op in _found(plan.body, Map):
            fields[_items(op)] = Annotated[dict[int, Any], _add_items]
        for op in _found(plan.body, Loop):
            fields[_round(op)] = int
        for op in _found(plan.body, Fork):
            fields[lost_branches(op)] = Annotated[tuple[int, ...], _union]
        self.lines = lines
        self.serializer = serializer
        #: The branches of fusions that are being emitted: (where it is noted that it was given up, number).
        self.branches: list[tuple[str, int]] = []
        #: How many loops there are around what is emitted.
        self.loops = 0
        state = TypedDict("State", fields, total=False)  # type: ignore[operator]
        self.graph: Any = StateGraph(state)  # type: ignore[arg-type]

    def finished(self, entries: list[str], exits: list[str]) -> Any:
        from langgraph.graph import END, START  # pyright: ignore[reportMissingTypeStubs]

        for entry in entries:
            self.graph.add_edge(START, entry)
        for end in exits:
            self.graph.add_edge(end, END)
        compiled: Any = self.graph.compile()
        compiled.__class__ = _asynchronous(type(compiled))
        return compiled

    def add(self, name: str, function: StepFunction) -> str:
        for lost, number in reversed(self.branches):
            function = given_up_step(function, lost, number)
        if self.serializer is not None:
            function = kept_step(name, function, self.serializer)
        self.graph.add_node(name, function)
        return name

    def kept(self, slot: str, value: Any) -> Any:
        """A value as the state of this graph holds it."""
        return value if self.serializer is None else self.serializer.kept(slot, value)

    @property
    def spare(self) -> bool:
        """Whether what is emitted now can be left out."""
        return bool(self.branches)

    def given_up(self) -> Callable[[State], bool]:
        """What tells whether a branch was given up in which the operation stands that is emitted now."""
        branches = tuple(self.branches)
        return lambda state: any(number in state.get(lost, ()) for lost, number in branches)

    def wire(self, exits: list[str], entries: list[str]) -> None:
        for entry in entries:
            self.graph.add_edge(exits if len(exits) > 1 else exits[0], entry)

    # -- operations ------------------------------------------------------------------------------

    def emit(self, op: Op) -> tuple[list[str], list[str]]:
        match op:
            case Call():
                name = self.add(op.path, line_step([op], spare=self.spare))
                return [name], [name]
            case Line():
                return self.line(op)
            case Fork():
                return self.fork(op)
            case Branch():
                return self.branch(op)
            case Loop():
                return self.loop(op)
            case Map():
                return self.map(op)

    def line(self, line: Line) -> tuple[list[str], list[str]]:
        entries: list[str] = []
        exits: list[str] = []
        for group in self.grouped(line.ops):
            begin, end = self.emit(group) if not isinstance(group, list) else self.straight(group)
            if exits:
                self.wire(exits, begin)
            entries, exits = entries or begin, end
        return entries, exits

    def grouped(self, ops: tuple[Op, ...]) -> list[Op | list[Call]]:
        """Operations, with neighbouring calls taken together where that is allowed."""
        groups: list[Op | list[Call]] = []
        for op in ops:
            if self.lines and isinstance(op, Call):
                last = groups[-1] if groups else None
                if isinstance(last, list):
                    last.append(op)
                else:
                    groups.append([op])
            else:
                groups.append(op)
        return groups

    def straight(self, group: list[Call]) -> tuple[list[str], list[str]]:
        name = group[0].path if len(group) == 1 else f"{group[0].path}..{group[-1].path.split('/')[-1]}"
        self.add(name, line_step(group, spare=self.spare))
        return [name], [name]

    def fork(self, op: Fork) -> tuple[list[str], list[str]]:
        entries: list[str] = []
        exits: list[str] = []
        for number, branch in enumerate(op.branches):
            if op.join is not None:
                self.branches.append((lost_branches(op), number))
            begin, end = self.emit(branch)
            if not begin:
                begin = end = [self.add(f"{op.path}.{number}", nothing)]
            if op.join is not None:
                self.branches.pop()
            entries += begin
            exits += end
        if op.join is None:
            return entries, exits
        joined = self.add(op.join.path, joined_step(op, op.join, spare=self.spare))
        self.wire(exits, [joined])
        if not self.loops:
            return entries, [joined]
        # What a branch wrote in an earlier round is no result of this one.
        first = self.add(f"{op.path}.begin", cleared_step(gathered_slots(op)))
        self.wire([first], entries)
        return [first], [joined]

    def branch(self, op: Branch) -> tuple[list[str], list[str]]:
        chosen = PreparedCall(op.by, spare=self.spare)
        key = op.by.writes[0].key
        settle = {label: copies for label, _, copies in op.choices}

        async def choose(state: State) -> Update:
            run = current(state)
            before = {**dict.fromkeys(op.clear), **copied(op.carry, state)}
            written = await chosen(state, run)
            if written[key] not in settle:
                raise WrongReturn(
                    f"Chose {written[key]!r}, which is no target.",
                    hint=f"Return one of {', '.join(map(repr, settle))}.",
                    node=op.path,
                    run_id=run.run_id,
                )
            return {**before, **written, **accounts(run)}

        async def settled(state: State) -> Update:
            return copied(settle.get(state.get(key), ()), state)

        self.add(op.path, choose)
        end = self.add(f"{op.path}.end", settled)
        targets: dict[Any, list[str]] = {}
        for label, choice, _ in op.choices:
            begin, exits = self.emit(choice)
            targets[label] = begin or [end]
            if begin:
                self.wire(exits, [end])

        def follow(state: State) -> list[str]:
            # Nothing was chosen where the branch was given up.
            return targets.get(opened(state).get(key), [end])

        everywhere = sorted({target for begin in targets.values() for target in begin} | {end})
        self.graph.add_conditional_edges(op.path, follow, everywhere)
        return [op.path], [end]

    def loop(self, op: Loop) -> tuple[list[str], list[str]]:
        until = PreparedCall(op.until, spare=self.spare)
        done = op.until.writes[0].key
        rounds = _round(op)

        async def begin(state: State) -> Update:
            return {**dict.fromkeys(op.clear), **copied(op.enter, state), rounds: 0}

        async def check(state: State) -> Update:
            run = current(state)
            written = await until(state, run)
            return {**copied(op.again, state), **written, rounds: state[rounds] + 1, **accounts(run)}

        first = self.add(f"{op.path}.begin", begin)
        self.loops += 1
        entries, exits = self.emit(op.body)
        self.loops -= 1
        again = self.add(op.until.path, check)
        end = self.add(f"{op.path}.end", nothing)
        self.wire([first], entries or [again])
        if entries:
            self.wire(exits, [again])

        given_up = self.given_up()

        def onward(kept: State) -> list[str]:
            state = opened(kept)
            run = current(state)
            if given_up(state) or state[done] or state[rounds] >= op.at_most:
                return [end]
            if run.exhausted():
                run.degrade(f"{op.path}: stopped after {state[rounds]} rounds, since the budget ran out")
                return [end]
            return entries or [again]

        self.graph.add_conditional_edges(again, onward, [*(entries or [again]), end])
        return [first], [end]

    def map(self, op: Map) -> tuple[list[str], list[str]]:
        """A map: its items in parts, each a step; within a part nothing is scheduled or kept."""
        from langgraph.types import Send

        results = _items(op)
        run_item = walk_item(op, spare=True)
        needed = sorted({key for call in calls(op.body) for key in slots_of(call.arguments)} & set(op.shared))
        # A run's limit lives while one of its items does, so that a run that fails leaves nothing behind.
        limits: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        one, collected = f"{op.path}.item", f"{op.path}.collect"
        given_up = self.given_up()

        async def begin(state: State) -> Update:
            return {results: None}

        def spread(state: State) -> list[Any]:
            if given_up(state):
                return [collected]
            shared = {key: state[key] for key in needed if key in state}
            items = enumerate(opened(state)[op.over])
            numbered = [(number, self.kept(op.item.key, item)) for number, item in items]
            parts = min(len(numbered), max(PARTS, op.at_once))
            # Every so many, so that a part of it is done by the deadline wherever the slow ones are.
            return [
                Send(one, {"items": dict(numbered[part::parts]), "shared": shared}) for part in range(parts)
            ] or [collected]

        async def run_part(task: State) -> Update:
            shared = opened(task["shared"])
            run = current(shared)
            limit = limits.setdefault(run.run_id, asyncio.Semaphore(op.at_once))
            found: dict[Any, Any] = {}
            async with limit:
                for number, item in opened(task["items"]).items():
                    if found and run.remaining() == 0.0:
                        break
                    try:
                        found[number] = await asyncio.create_task(run_item(shared, item, run))
                    except BudgetExhausted:
                        break
            return {results: {number: self.kept(op.result.key, value) for number, value in found.items()}}

        async def collect(state: State) -> Update:
            run = current(state)
            found: dict[Any, Any] = opened(state.get(results) or {})
            everything = len(tuple(state[op.over]))
            if len(found) < everything:
                if not found:
                    raise nothing_done(op.path, run)
                run.degrade(map_reason(op, len(found), everything))
            return {op.yields.key: tuple(found[number] for number in sorted(found)), **accounts(run)}

        self.add(op.path, begin)
        self.add(one, run_part)
        self.add(collected, collect)
        self.graph.add_conditional_edges(op.path, spread, [one, collected])
        self.graph.add_edge(one, collected)
        return [op.path], [collected]


def _asynchronous(made: Any) -> Any:
    """A compiled graph whose nodes are asynchronous: `invoke` runs it in a loop of its own.

    All of it in one loop, since connections that nodes share belong to the loop that opened them.
    """

    def invoke(graph: Any, *given: Any, **named: Any) -> Any:
        refuse_running_loop("invoke", "ainvoke")
        return asyncio.run(graph.ainvoke(*given, **named))

    def stream(graph: Any, *given: Any, **named: Any) -> Any:
        raise BadInput("The nodes of this graph are asynchronous.", hint="Iterate over `astream(…)`.")

    return type("AsynchronousGraph", (made,), {"invoke": invoke, "stream": stream})


def _items(op: Map) -> str:
    return f"_items {op.path}"


def _round(op: Loop) -> str:
    return f"_round {op.path}"


def _found(op: Op, kind: type[OpT]) -> list[OpT]:
    """The operations of a kind within another, except those in a map, whose items run directly."""
    found = [op] if isinstance(op, kind) else []
    return found + [deep for part in _inner(op) for deep in _found(part, kind)]


def _inner(op: Op) -> list[Op]:
    match op:
        case Call() | Map():
            return []
        case Line():
            return list(op.ops)
        case Fork():
            return [*op.branches]
        case Branch():
            return [choice for _, choice, _ in op.choices]
        case Loop():
            return [op.body]
