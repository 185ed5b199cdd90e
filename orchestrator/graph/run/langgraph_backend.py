"""From a plan to a LangGraph graph: one LangGraph node a node, or one a straight line of them.

The first is what `.langgraph` gives and what runs that keep every step use; the second saves the
cost of a LangGraph step between nodes that have nothing but each other before and behind them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, TypedDict
from weakref import WeakValueDictionary

from orchestrator.errors import WrongReturn
from orchestrator.graph.plan.plan import Argument, Branch, Call, Fork, Line, Loop, Map, Op, Plan, calls
from orchestrator.graph.run.node_call import PreparedCall
from orchestrator.graph.run.state import RunState, current_run
from orchestrator.ports import Runs
from orchestrator.types import NOBODY, Usage

State = Mapping[str, Any]
Update = dict[str, Any]
#: Keys of the state beside the slots: what a resumed run must know about the part before it.
USAGE, DEGRADED = "_usage", "_degraded"
#: LangGraph counts steps to end loops; here loops are bounded by `at_most`.
RECURSION_LIMIT = 100_000


def compile_plan(plan: Plan, *, lines: bool, durable: bool = False) -> Any:
    """The compiled LangGraph graph of a plan; `lines` runs a straight line of nodes as one step.

    A durable one keeps usage and degradation beside the values, and awaits a checkpointer.
    """
    compiler = _Compiler(plan, lines, durable=durable)
    entries, exits = compiler.emit(plan.body)
    return compiler.finished(entries, exits)


def _add_items(old: Update | None, new: Update | None) -> Update:
    """Collect the results of a map by position; None begins anew."""
    return {} if new is None else {**(old or {}), **new}


def _later(old: Any, new: Any) -> Any:
    return new


class _Compiler:
    """Adds a plan's operations to a LangGraph builder. `emit` gives (entries, exits) of an operation."""

    def __init__(self, plan: Plan, lines: bool, *, durable: bool) -> None:
        from langgraph.graph import StateGraph  # pyright: ignore[reportMissingTypeStubs]

        fields: dict[str, Any] = {slot.key: Any for slot in plan.slots}
        if durable:
            fields[USAGE] = Annotated[Usage, _later]
            fields[DEGRADED] = Annotated[tuple[str, ...], _later]
        for op in _maps(plan.body):
            fields[_items(op)] = Annotated[dict[int, Any], _add_items]
        for op in _loops(plan.body):
            fields[_round(op)] = int
        self.lines = lines
        self.plan = plan
        state = TypedDict("State", fields, total=False)  # type: ignore[operator]
        self.graph: Any = StateGraph(state)  # type: ignore[arg-type]

    def finished(self, entries: list[str], exits: list[str]) -> Any:
        from langgraph.graph import END, START  # pyright: ignore[reportMissingTypeStubs]

        for entry in entries:
            self.graph.add_edge(START, entry)
        for end in exits:
            self.graph.add_edge(end, END)
        return self.graph.compile()

    def add(self, name: str, function: Callable[[State], Awaitable[Update]]) -> str:
        self.graph.add_node(name, function)
        return name

    def wire(self, exits: list[str], entries: list[str]) -> None:
        for entry in entries:
            self.graph.add_edge(exits if len(exits) > 1 else exits[0], entry)

    # -- operations ------------------------------------------------------------------------------

    def emit(self, op: Op) -> tuple[list[str], list[str]]:
        match op:
            case Call():
                name = self.add(op.path, _line([op]))
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
        self.add(name, _line(group))
        return [name], [name]

    def fork(self, op: Fork) -> tuple[list[str], list[str]]:
        entries: list[str] = []
        exits: list[str] = []
        for number, branch in enumerate(op.branches):
            begin, end = self.emit(branch)
            if not begin:
                begin = end = [self.add(f"{op.path}.{number}", _nothing)]
            entries += begin
            exits += end
        if op.join is None:
            return entries, exits
        _, joined = self.emit(op.join)
        self.wire(exits, joined)
        return entries, joined

    def branch(self, op: Branch) -> tuple[list[str], list[str]]:
        chosen = PreparedCall(op.by)
        key = op.by.writes[0].key
        settle = {label: copies for label, _, copies in op.choices}

        async def choose(state: State) -> Update:
            run = _run(state)
            before = {**dict.fromkeys(op.clear), **_copied(op.carry, state)}
            written = await chosen(state, run)
            if written[key] not in settle:
                raise WrongReturn(
                    f"chose {written[key]!r}, which is no target.",
                    hint=f"Return one of {', '.join(map(repr, settle))}.",
                    node=op.path,
                    run_id=run.run_id,
                )
            return {**before, **written, **_accounts(run)}

        async def settled(state: State) -> Update:
            return _copied(settle[state[key]], state)

        self.add(op.path, choose)
        end = self.add(f"{op.path}.end", settled)
        targets: dict[Any, list[str]] = {}
        for label, choice, _ in op.choices:
            begin, exits = self.emit(choice)
            targets[label] = begin or [end]
            if begin:
                self.wire(exits, [end])

        def follow(state: State) -> list[str]:
            return targets[state[key]]

        everywhere = sorted({target for begin in targets.values() for target in begin})
        self.graph.add_conditional_edges(op.path, follow, everywhere)
        return [op.path], [end]

    def loop(self, op: Loop) -> tuple[list[str], list[str]]:
        until = PreparedCall(op.until)
        done = op.until.writes[0].key
        rounds = _round(op)

        async def begin(state: State) -> Update:
            return {**dict.fromkeys(op.clear), **_copied(op.enter, state), rounds: 0}

        async def check(state: State) -> Update:
            run = _run(state)
            written = await until(state, run)
            return {**_copied(op.again, state), **written, rounds: state[rounds] + 1, **_accounts(run)}

        first = self.add(f"{op.path}.begin", begin)
        entries, exits = self.emit(op.body)
        again = self.add(op.until.path, check)
        end = self.add(f"{op.path}.end", _nothing)
        self.wire([first], entries or [again])
        if entries:
            self.wire(exits, [again])

        def onward(state: State) -> list[str]:
            run = _run(state)
            if state[done] or state[rounds] >= op.at_most:
                return [end]
            if run.exhausted():
                run.degrade(f"{op.path}: stopped after {state[rounds]} rounds, since the budget ran out")
                return [end]
            return entries or [again]

        self.graph.add_conditional_edges(again, onward, [*(entries or [again]), end])
        return [first], [end]

    def map(self, op: Map) -> tuple[list[str], list[str]]:
        from langgraph.types import Send

        items = _items(op)
        inner = compile_plan(Plan((op.item,), op.body, self.plan.slots, op.result, ()), lines=self.lines)
        needed = sorted({key for call in calls(op.body) for key in _keys(call.arguments)} & set(op.shared))
        # A run's limit lives while one of its items does, so that a run that fails leaves nothing behind.
        limits: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        one, collected = f"{op.path}.item", f"{op.path}.collect"

        async def begin(state: State) -> Update:
            return {items: None}

        def spread(state: State) -> list[Any]:
            shared = {key: state[key] for key in needed if key in state}
            sends = [
                Send(one, {"number": number, "state": {**shared, op.item.key: item}})
                for number, item in enumerate(state[op.over])
            ]
            return sends or [collected]

        async def run_one(task: State) -> Update:
            run = _run(task["state"])
            limit = limits.setdefault(run.run_id, asyncio.Semaphore(op.at_once))
            async with limit:
                ended = await inner.ainvoke(task["state"], {"recursion_limit": RECURSION_LIMIT})
            return {items: {task["number"]: ended[op.result.key]}}

        async def collect(state: State) -> Update:
            run = _run(state)
            found: dict[int, Any] = state.get(items) or {}
            return {op.yields.key: tuple(found[number] for number in sorted(found)), **_accounts(run)}

        self.add(op.path, begin)
        self.add(one, run_one)
        self.add(collected, collect)
        self.graph.add_conditional_edges(op.path, spread, [one, collected])
        self.graph.add_edge(one, collected)
        return [op.path], [collected]


def _line(group: list[Call]) -> Callable[[State], Awaitable[Update]]:
    """The LangGraph node of one call, or of several one after the other."""
    prepared = [PreparedCall(call) for call in group]
    if len(prepared) == 1:
        only = prepared[0]

        async def call(state: State) -> Update:
            run = _run(state)
            written = await only(state, run)
            written.update(_accounts(run))
            return written

        return call

    async def line(state: State) -> Update:
        run = _run(state)
        here = dict(state)
        written: Update = {}
        for step in prepared:
            update = await step(here, run)
            here.update(update)
            written.update(update)
        written.update(_accounts(run))
        return written

    return line


def _copied(copies: tuple[tuple[str, str], ...], state: State) -> Update:
    return {new: state[old] for old, new in copies if old in state}


async def _nothing(state: State) -> Update:
    return {}


def _accounts(run: RunState) -> Update:
    """What a durable run keeps beside its values, so that it counts on after a resume."""
    if not run.durable:
        return {}
    return {USAGE: run.usage, DEGRADED: tuple(run.degraded)}


def _run(state: State) -> RunState:
    """The current run; one of its own for a graph that a LangGraph user invokes directly."""
    run = current_run.get()
    if run is not None:
        return run
    from langgraph.config import get_config

    ports = get_config().get("configurable", {}).get("ports", {})
    principal = next((value.principal for value in state.values() if hasattr(value, "principal")), NOBODY)
    return RunState(
        "langgraph", {port: value for port, value in ports.items() if port is not Runs}, principal
    )


def _keys(arguments: tuple[Argument, ...]) -> list[str]:
    return [key for argument in arguments for key in argument.slots]


def _items(op: Map) -> str:
    return f"_items {op.path}"


def _round(op: Loop) -> str:
    return f"_round {op.path}"


def _inner(op: Op) -> list[Op]:
    match op:
        case Call():
            return []
        case Line():
            return list(op.ops)
        case Fork():
            return [*op.branches]
        case Branch():
            return [choice for _, choice, _ in op.choices]
        case Loop() | Map():
            return [op.body]


def _maps(op: Op) -> list[Map]:
    found = [op] if isinstance(op, Map) else []
    return found + [deep for part in _inner(op) for deep in _maps(part)]


def _loops(op: Op) -> list[Loop]:
    found = [op] if isinstance(op, Loop) else []
    return found + [deep for part in _inner(op) for deep in _loops(part)]
