"""The planner: compiles an expression into a plan, and collects every fault."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_origin

from orchestrator.graph import algebra
from orchestrator.graph.channel import Channel, channel_of, type_name
from orchestrator.graph.channel_type import annotation_problem, flow_problem
from orchestrator.graph.expression import Broken, Expression, Nested, Parallel, Sequence, Step, expression
from orchestrator.graph.names import name_problem
from orchestrator.graph.node import FunctionNode, Node
from orchestrator.graph.plan.branching import Branching, in_order
from orchestrator.graph.plan.checks import declaration_faults, is_count, node_faults, value_faults
from orchestrator.graph.plan.fault import Fault
from orchestrator.graph.plan.plan import Argument, Call, Fork, Line, Map, Op, Plan, Slot
from orchestrator.graph.plan.resolve import (
    as_step,
    broken_in,
    declared_channels,
    endless,
    ends_in,
    fused_channel,
    given_name,
    item_type,
    output_channels,
    printable,
    reads_of,
    several,
    step_writes,
    title_of,
    workflow_title,
    writes_of,
)
from orchestrator.graph.plan.slots import Env

#: How many expressions may lie inside of each other; Python's own stack ends soon after.
DEEPEST = 100


class Lowering(Branching):
    """Lowers expressions one by one, each into operations over the slots of its scope."""

    def plan(self, expr: Expression, env: Env, scope: str, prefix: str) -> Line:
        """Lower one expression; `env` is updated to what a reader after it finds."""
        try:
            return self.lowered(expr, env, scope, prefix)
        except Exception as error:
            self.unseen(expr, error, prefix)
            return Line(())

    def lowered(self, expr: Expression, env: Env, scope: str, prefix: str) -> Line:
        """Lower one expression, whose nodes and values run code of their own and may raise anything."""
        match expr:
            case Sequence():
                ops: list[Op] = []
                for part in expr.parts:
                    ops.extend(self.plan(part, env, scope, prefix).ops)
                return Line(tuple(ops))
            case Step() | Node() | FunctionNode():
                call = self.call(expr, env, scope, prefix)
                return Line((call,) if call else ())
            case Parallel():
                return Line((self.fork(expr, env, scope, prefix, None),))
            case algebra.Fuse():
                return self.fuse(expr, env, scope, prefix)
            case algebra.Each():
                return self.each(expr, env, scope, prefix)
            case algebra.Route():
                return self.route(expr, env, scope, prefix)
            case algebra.Repeat():
                return self.repeat(expr, env, scope, prefix)
            case Nested():
                return self.nested(expr, env, scope, prefix)
            case _:
                self.broken(expression(expr) if not isinstance(expr, Broken) else expr, prefix)
                return Line(())

    def call(
        self,
        expr: Expression,
        env: Env,
        scope: str,
        prefix: str,
        *,
        gathered: tuple[Slot, ...] | None = None,
        role: str = "",
    ) -> Call | None:
        """Lower a node. `gathered` fills its first `tuple[X, ...]`; a `role` writes nothing to channels."""
        step = as_step(expr)
        if step is None:
            self.not_a_node(expr, prefix)
            return None
        title: Any = given_name(step)
        unnamed = name_problem("node", title, step=True)
        shown = title if isinstance(title, str) and title.strip() else str(step.node.title)
        path = self.path(prefix, role + printable(shown))
        if unnamed is not None:
            self.fault(path, unnamed.problem, unnamed.fix)
        signature = step.node.signature
        self.report(node_faults(path, step, signature))
        arguments: list[Argument] = []
        for read, channel in zip(signature.reads, reads_of(step), strict=True):
            element = channel.element
            wrong = flow_problem(channel.type) if channel not in env else None
            if gathered is not None and element is not None and element == gathered[0].channel:
                arguments.append(Argument(read.parameter, tuple(slot.key for slot in gathered), gathers=True))
                gathered = None
            elif wrong is not None:
                ask = "; ask for a service by its port" if isinstance(channel.type, type) else ""
                self.fault(path, f"reads {read.parameter!r}, but {wrong.problem}", wrong.fix + ask)
            elif name_problem("channel", channel.name) is None or not channel.name:
                arguments.append(self.argument(path, read, channel, env))
        writes: tuple[Slot, ...] = ()
        if role:
            writes = (self.slot(scope, Channel(signature.returns, path)),)
        else:
            writes = tuple(self.slot(scope, channel) for channel in step_writes(step, signature))
            for slot in writes:
                self.wrote(path, slot)
                env[slot.channel] = slot
        return Call(path, step.node, tuple(arguments), writes, step.policy)

    def fork(
        self,
        expr: Parallel,
        env: Env,
        scope: str,
        prefix: str,
        fuse: tuple[Expression, str] | None,
    ) -> Fork:
        """Lower branches, each in a scope of its own, and join them."""
        path = self.path(prefix, "fork")
        ends: list[Env] = []
        lines: list[Line] = []
        for branch in expr.branches:
            inner = dict(env)
            lines.append(self.plan(branch, inner, self.scope(), prefix))
            ends.append(inner)
        changed = {
            channel: [end[channel] for end in ends if channel in end and end[channel] != env.get(channel)]
            for channel in in_order(ends)
        }
        join: Call | None = None
        if fuse is not None:
            join = self.join(fuse, expr, ends, env, scope, prefix)
        for channel, slots in changed.items():
            if join is not None and any(slot.channel == channel for slot in join.writes):
                continue
            if fuse is not None and join is None:
                for slot in slots:  # the fusion has been refused
                    env[channel] = slot
                    self.was_read(slot.key)
            elif len(slots) == 1:
                env[channel] = slots[0]
            elif len(slots) > 1:
                names = " and ".join(self.writer(slot) for slot in slots)
                self.fault(
                    names,
                    f"both write {channel} side by side, and nothing joins them",
                    f"join them, fuse(… | …, by=…), by a node that reads {several(channel).annotation}; "
                    f'or give one a name of its own, .writing("other"), and read it',
                )
                env[channel] = slots[0]
                for slot in slots:
                    self.was_read(slot.key)
        return Fork(path, tuple(lines), join)

    def join(
        self,
        fuse: tuple[Expression, str],
        expr: Parallel,
        ends: list[Env],
        env: Env,
        scope: str,
        prefix: str,
    ) -> Call | None:
        """The fusing call: what each branch ends with, as a tuple."""
        by, title = fuse
        element = fused_channel(by)
        step = as_step(by)
        if element is None and step is not None and step.node.signature.problems:
            self.report(node_faults(prefix + title, step, step.node.signature))
            return None
        if element is None or step is None:
            self.fault(
                prefix + title,
                "fuses, but reads no tuple of results",
                "give a fuser: a node that reads tuple[X, ...] and returns X, such as rrf(60)",
            )
            return None
        gathered: list[Slot] = []
        for branch, end in zip(expr.branches, ends, strict=True):
            slot = end.get(element)
            if slot is None or slot == env.get(element):
                self.fault(
                    prefix + title_of(branch),
                    f"ends without writing {element}, which {title} fuses: it writes {_written(branch)}",
                    f"end every branch with a node that writes {element}",
                )
                continue
            self.promised(prefix + title_of(branch), element, slot)
            self.was_read(slot.key)
            gathered.append(slot)
        if not gathered:
            return None
        written = [channel.type for channel in step_writes(step, step.node.signature)]
        if element.type not in written and not step.node.signature.problems:
            self.fault(
                prefix + title,
                f"fuses {element}, but returns {' and '.join(map(type_name, written)) or 'None'}",
                f"let it return {type_name(element.type)}, and turn that into another type behind it",
            )
        return self.call(by, env, scope, prefix, gathered=tuple(gathered))

    def fuse(self, expr: algebra.Fuse, env: Env, scope: str, prefix: str) -> Line:
        """Lower `fuse(a | b, by=…)` and `fuse(each(…), by=…)`."""
        if as_step(expr.by) is None:
            self.not_a_node(expr.by, prefix)
            return self.plan(expr.parallel, env, scope, prefix)
        if isinstance(expr.parallel, algebra.Each):
            mapped = self.each(expr.parallel, env, scope, prefix)
            joined = self.call(expr.by, env, scope, prefix)
            return Line((*mapped.ops, joined) if joined else mapped.ops)
        if not isinstance(expr.parallel, Parallel):
            self.fault(
                prefix + title_of(expr.by),
                f"fuses {title_of(expr.parallel)}, which is not parallel",
                "give it branches, fuse(a | b, by=…), or drop the fusion",
            )
            return self.plan(expr.parallel, env, scope, prefix)
        return Line((self.fork(expr.parallel, env, scope, prefix, (expr.by, title_of(expr.by))),))

    def each(self, expr: algebra.Each, env: Env, scope: str, prefix: str) -> Line:
        """Lower a map: the body sees the item in place of the collection."""
        over = channel_of(expr.over)
        wrong = annotation_problem(expr.over)
        words = re.findall(r"[A-Za-z0-9]+", type_name(over.type).lower().split("[")[0])
        path = self.path(prefix, f"each_{'_'.join(words) or 'item'}")
        if not is_count(expr.at_once):
            self.fault(
                path,
                f"runs with at_once={expr.at_once!r}, which is no number of items",
                "give at_once a whole number of 1 or more",
            )
        broken = self.broken(expr.body, f"{path}/")
        if wrong is not None:
            self.fault(path, f"maps over a type that cannot flow: {wrong.problem}", wrong.fix)
            return Line(())
        item = item_type(over.type)
        source = env.get(over)
        if item is None:
            # A set has its items in another order in each process.
            lacks = "order" if get_origin(over.type) is frozenset else "declared type"
            self.fault(
                path,
                f"maps over {over}, whose items have no {lacks}",
                "map over tuple[X, ...] or a type whose __iter__ is annotated -> Iterator[X]",
            )
            return Line(())
        if source is None or not source.sure:
            self.missing(path, "maps over", over, env)
            return Line(())
        self.was_read(source.key)
        inner_scope = self.scope()
        item_slot = self.slot(inner_scope, Channel(item))
        self.wrote(path, item_slot)
        inner = {**env, item_slot.channel: item_slot}
        body = self.plan(expr.body, inner, inner_scope, f"{path}/")
        unused = [key for writer, key in self.unread if writer == path]
        for key in unused:
            self.unread.pop((path, key))
        end = ends_in(expr.body)
        result = inner.get(end) if end is not None else None
        if result is None:
            if not broken:
                fix = "end the body with a node that returns a value"
                self.fault(path, "has a body that writes nothing", fix)
            return Line(())
        if unused and not broken:
            self.fault(
                path,
                f"runs its body for each {type_name(item)}, which the body never reads",
                f"let a node of the body read {type_name(item)}, or drop each(…)",
            )
        self.uncollected(result)
        self.promised(path, result.channel, result)
        self.was_read(result.key)
        yields = self.slot(scope, several(result.channel))
        self.maps.add(path)
        self.wrote(path, yields)
        env[yields.channel] = yields
        shared = tuple(sorted({slot.key for slot in env.values() if slot is not yields}))
        return Line((Map(path, body, source.key, item_slot, result, yields, shared, expr.at_once),))

    def nested(self, inner: Nested, env: Env, scope: str, prefix: str) -> Line:
        """Lower a workflow inside another: it sees its inputs only, and shows its outputs only."""
        path = self.path(prefix, workflow_title(inner.name))
        self.report(declaration_faults(path, inner))
        own: Env = {}
        for channel in declared_channels(inner.inputs):
            slot = env.get(channel)
            if slot is None or not slot.sure:
                self.missing(path, "reads", channel, env)
            else:
                self.was_read(slot.key)
                own[channel] = slot
        before = dict(self.unread)
        body = self.plan(inner.body, own, self.scope(), f"{path}/")
        for channel in self.ended(path, inner, body, own, before):
            env[channel] = replace(own[channel], sure=True)
        return body

    def ended(
        self, path: str, workflow: Nested, body: Line, own: Env, before: Mapping[tuple[str, str], Channel]
    ) -> list[Channel]:
        """What a workflow shows at its end, with the faults of what it promises and does not write."""
        if not body.ops and not broken_in(workflow.body):
            self.fault(path, "does nothing", "compose at least one node")
        shown: list[Channel] = []
        declared = declared_channels(workflow.outputs)
        for channel in output_channels(workflow):
            slot = own.get(channel)
            if slot is not None:
                self.promised(path, channel, slot)
                self.uncollected(slot)
                shown.append(channel)
            elif channel in declared or not self.faults:
                fix = f"drop {channel.annotation} from its outputs, or compose a node that writes it"
                self.fault(path, f"promises {channel}, which nothing in it writes", fix)
        for writer, key in self.unread:
            channel = self.unread[writer, key]
            slot = own.get(channel)
            if (writer, key) in before or slot is None or slot.key != key or not slot.sure:
                continue
            if channel not in shown and writer in self.writers.get(key, ()):
                kept = ", ".join(each.annotation for each in [*declared, channel])
                name = workflow_title(workflow.name)
                self.keep[writer, key] = f"keep it: workflow({name!r}, …, outputs=({kept},))"
        return shown

    def promised(self, path: str, channel: Channel, slot: Slot) -> None:
        """Report a value that some path does not write."""
        if not slot.sure:
            self.fault(
                path,
                f"promises {channel}, which is not written on every path through it",
                f"write {channel.annotation} on the other paths too",
            )


def _written(expr: Expression) -> str:
    return " and ".join(str(channel) for channel in writes_of(expr)) or "nothing"


def plan_workflow(workflow: Nested) -> tuple[Plan, list[Fault]]:
    """The plan of a workflow, and everything that is wrong with it."""
    name = title_of(workflow)
    reason = endless(workflow, DEEPEST)
    if reason is not None:
        fix = "compose it of workflows that are made before it, each inside the next"
        return Plan((), Line(()), (), None, ()), [Fault(name, reason, fix)]
    state = Lowering()
    try:
        return _planned(workflow, name, state), state.faults
    except Exception as error:
        state.unseen(workflow, error, "")
        return Plan((), Line(()), (), None, ()), state.faults


def _planned(workflow: Nested, name: str, state: Lowering) -> Plan:
    state.report(declaration_faults(name, workflow))
    inputs = tuple(state.slot("", channel) for channel in declared_channels(workflow.inputs))
    env: Env = {slot.channel: slot for slot in inputs}
    body = state.plan(workflow.body, env, "", "")
    shown = state.ended(name, workflow, body, env, {})
    for channel in shown:
        state.was_read(env[channel].key)
    output = env[shown[-1]] if shown else None
    state.dead_ends()
    plan = Plan(inputs, body, tuple(state.slots.values()), output, tuple(env.values()))
    state.report(value_faults(plan.slots, state.made))
    return plan
