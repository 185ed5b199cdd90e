"""From an expression to a plan, collecting every fault on the way."""

from __future__ import annotations

import typing
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from orchestrator.graph import algebra
from orchestrator.graph.channel import Channel, type_name
from orchestrator.graph.expression import Broken, Expression, Nested, Parallel, Sequence, Step
from orchestrator.graph.node import FunctionNode, Node
from orchestrator.graph.plan.checks import label_faults, node_faults, value_faults
from orchestrator.graph.plan.fault import Fault
from orchestrator.graph.plan.plan import Argument, Branch, Call, Fork, Line, Loop, Map, Op, Plan, Slot
from orchestrator.graph.plan.resolve import (
    as_step,
    ends_in,
    fused_channel,
    item_type,
    output_channels,
    several,
    step_writes,
    title_of,
    writes_of,
)
from orchestrator.graph.plan.slots import Copies, Env, SlotTable, missing_fix


class Lowering(SlotTable):
    """Lowers expressions one by one, each into operations over the slots of its scope."""

    def plan(self, expr: Expression, env: Env, scope: str, prefix: str) -> Line:
        """Lower one expression; `env` is updated to what a reader after it finds."""
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
            case Broken():
                self.fault(prefix + expr.what, expr.problem, expr.fix)
                return Line(())
            case _:
                return self.nested(typing.cast("Nested", expr), env, scope, prefix)

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
        title = role + (step.name or step.node.title)
        path = self.path(prefix, title.replace(":", "_").replace("|", "_"))
        signature = step.node.signature
        self.report(node_faults(path, step, signature))
        renamed = dict(step.reads)
        arguments: list[Argument] = []
        for read in signature.reads:
            channel = read.channel
            if read.parameter in renamed:
                channel = Channel(channel.type, renamed[read.parameter])
            element = channel.element
            if gathered is not None and element is not None and element == gathered[0].channel:
                arguments.append(Argument(read.parameter, tuple(slot.key for slot in gathered), gathers=True))
                gathered = None
            else:
                arguments.append(self.argument(path, read, channel, env))
        writes: tuple[Slot, ...] = ()
        if role:
            key = self.slot(scope, Channel(signature.returns, path))
            writes = (key,)
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
            for channel in _in_order(ends)
        }
        join: Call | None = None
        if fuse is not None:
            join = self.join(fuse, expr, ends, env, scope, prefix)
        for channel, slots in changed.items():
            if join is not None and any(slot.channel == channel for slot in join.writes):
                continue
            if len(slots) == 1:
                env[channel] = slots[0]
            elif len(slots) > 1:
                names = " and ".join(self.writer(slot) for slot in slots)
                self.fault(
                    names,
                    f"both write {channel} side by side, and nothing joins them",
                    f"join them: fuse(… | …, by=…), or rename one: .writing({channel.name + 'second'!r})",
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
        if element is None:
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
                    f"ends without writing {element}, which {title} fuses",
                    f"end every branch with a node that writes {element}",
                )
                continue
            self.promised(prefix + title_of(branch), element, slot)
            self.was_read(slot.key)
            gathered.append(slot)
        if not gathered:
            return None
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
        path = self.path(prefix, f"each_{type_name(expr.over).lower().split('[')[0]}")
        over = Channel(expr.over)
        item = item_type(expr.over)
        source = env.get(over)
        if expr.at_once < 1:
            self.fault(path, f"runs {expr.at_once} items at once", "give at_once a positive number")
        if item is None:
            self.fault(
                path,
                f"maps over {type_name(expr.over)}, whose items have no declared type",
                "map over tuple[X, ...] or a type whose __iter__ is annotated -> Iterator[X]",
            )
            return Line(())
        if source is None or not source.sure:
            self.fault(path, f"maps over {over}, which nothing before it writes", missing_fix(over, env))
            return Line(())
        self.was_read(source.key)
        inner_scope = self.scope()
        item_slot = self.slot(inner_scope, Channel(item))
        inner = {**env, item_slot.channel: item_slot}
        body = self.plan(expr.body, inner, inner_scope, f"{path}/")
        end = ends_in(expr.body)
        result = inner.get(end) if end is not None else None
        if result is None:
            self.fault(
                path, "has a body that writes nothing", "end the body with a node that returns a value"
            )
            return Line(())
        self.was_read(result.key)
        yields = self.slot(scope, several(result.channel))
        self.wrote(path, yields)
        env[yields.channel] = yields
        shared = tuple(sorted({slot.key for slot in env.values() if slot is not yields}))
        return Line((Map(path, body, source.key, item_slot, result, yields, shared, expr.at_once),))

    def route(self, expr: algebra.Route, env: Env, scope: str, prefix: str) -> Line:
        """Lower a choice; what only some choices write is not sure afterwards."""
        by = self.call(expr.by, env, scope, prefix, role="route_")
        if by is None:
            return Line(())
        self.report(label_faults(by.path, by.node.signature.returns, [label for label, _ in expr.choices]))
        written = {channel for _, choice in expr.choices for channel in writes_of(choice)}
        carry = self.carry(written, env, scope)
        clear = self.cleared(written, env, scope)
        before = {key: set(paths) for key, paths in self.writers.items()}
        ends: list[Env] = []
        after: dict[str, set[str]] = {}
        lines: list[tuple[Any, Line, Copies]] = []
        for label, choice in expr.choices:
            inner = dict(env)
            self.writers = {key: set(paths) for key, paths in before.items()}
            line = self.plan(choice, inner, scope, prefix)
            lines.append((label, line, self.settled(inner, env, scope)))
            ends.append(inner)
            for key, paths in self.writers.items():
                after.setdefault(key, set()).update(paths)
        self.writers = after
        for channel in _in_order(ends):
            slots = [end.get(channel) for end in ends]
            first = next(slot for slot in slots if slot is not None)
            everywhere = all(slot is not None and slot.sure for slot in slots)
            env[channel] = replace(first, sure=everywhere)
        return Line((Branch(by.path, by, tuple(lines), carry, clear),))

    def settled(self, inner: Env, env: Env, scope: str) -> Copies:
        """Move what a choice wrote into inner scopes to the slots where every choice leaves its values."""
        copies: list[tuple[str, str]] = []
        for channel, slot in list(inner.items()):
            own = self.slot(scope, channel, sure=slot.sure)
            if slot != env.get(channel) and slot.key != own.key:
                copies.append((slot.key, own.key))
                self.copied(slot.key, own.key)
                inner[channel] = own
        return tuple(copies)

    def cleared(self, channels: set[Channel], env: Env, scope: str) -> tuple[str, ...]:
        """Slots that may hold a value of an earlier round, where a reader must find none."""
        return tuple(sorted(self.slot(scope, channel).key for channel in channels if channel not in env))

    def carry(self, channels: set[Channel], env: Env, scope: str) -> Copies:
        """Move channels that are about to be written conditionally into slots of this scope."""
        copies: list[tuple[str, str]] = []
        for channel in sorted(channels, key=str):
            held = env.get(channel)
            if held is None:
                continue
            own = self.slot(scope, channel, sure=held.sure)
            if own.key != held.key:
                copies.append((held.key, own.key))
                self.copied(held.key, own.key)
                env[channel] = own
        return tuple(copies)

    def repeat(self, expr: algebra.Repeat, env: Env, scope: str, prefix: str) -> Line:
        """Lower a loop; the body may read what it wrote in the round before."""
        path = self.path(prefix, "repeat")
        if expr.at_most < 1:
            self.fault(path, f"repeats at most {expr.at_most} times", "give at_most a positive number")
        written = writes_of(expr.body)
        enter = self.carry(set(written), env, scope)
        clear = self.cleared(set(written), env, scope)
        for channel in written:
            if channel not in env:
                env[channel] = self.slot(scope, channel, sure=False)
        entry = dict(env)
        self.loop_reads.append(set())
        before = dict(self.unread)
        body = self.plan(expr.body, env, scope, prefix)
        until = self.call(expr.until, env, scope, prefix, role="until_")
        for key in self.loop_reads.pop():
            # A value written late in the body has its reader early in the next round.
            for writer in self.writers.get(key, ()):
                if (writer, key) not in before:
                    self.unread.pop((writer, key), None)
        if until is None:
            return body
        if until.node.signature.returns is not bool:
            self.fault(
                until.path,
                f"decides when to stop, but returns {type_name(until.node.signature.returns)}",
                "annotate it -> bool",
            )
        again: list[tuple[str, str]] = []
        for channel, held in entry.items():
            now = env.get(channel)
            if now is not None and now.key != held.key:
                again.append((now.key, held.key))
                self.copied(now.key, held.key)
                env[channel] = replace(held, sure=now.sure)
        return Line((Loop(path, body, until, expr.at_most, enter, tuple(sorted(again)), clear),))

    def nested(self, inner: Nested, env: Env, scope: str, prefix: str) -> Line:
        """Lower a workflow inside another: it sees its inputs only, and shows its outputs only."""
        path = self.path(prefix, inner.name)
        own: Env = {}
        for tp in inner.inputs:
            channel = Channel(tp)
            slot = env.get(channel)
            if slot is None or not slot.sure:
                self.fault(
                    path, f"reads {channel}, which nothing before it writes", missing_fix(channel, env)
                )
            else:
                self.was_read(slot.key)
                own[channel] = slot
        body = self.plan(inner.body, own, self.scope(), f"{path}/")
        for channel in output_channels(inner):
            if channel in own:
                self.promised(path, channel, own[channel])
                env[channel] = replace(own[channel], sure=True)
        return body

    def promised(self, path: str, channel: Channel, slot: Slot) -> None:
        """Report an output that some path does not write."""
        if not slot.sure:
            self.fault(
                path,
                f"promises {channel}, which is not written on every path through it",
                f"write {channel} on the other paths too",
            )


def plan_workflow(workflow: Nested) -> tuple[Plan, list[Fault]]:
    """The plan of a workflow, and everything that is wrong with it."""
    state = Lowering()
    inputs = tuple(state.slot("", Channel(tp)) for tp in workflow.inputs)
    env: Env = {slot.channel: slot for slot in inputs}
    body = state.plan(workflow.body, env, "", "")
    wanted = output_channels(workflow)
    output: Slot | None = None
    for channel in wanted:
        slot = env.get(channel)
        if slot is None:
            state.fault(workflow.name, f"promises {channel}, which nothing writes", "drop it from outputs")
            continue
        state.promised(workflow.name, channel, slot)
        state.was_read(slot.key)
        output = slot
    if not body.ops:
        state.fault(workflow.name, "does nothing", "compose at least one node")
    for (path, key), channel in state.unread.items():
        state.fault(
            path,
            f"is a dead end: nothing reads the {channel} that it writes",
            f"compose a node that reads {channel}, drop this one, "
            f"or keep the value: workflow(…, outputs=({type_name(channel.type)}, …))"
            + (f" [slot {key}]" if "@" in key else ""),
        )
    plan = Plan(inputs, body, tuple(state.slots.values()), output, tuple(env.values()))
    state.report(value_faults(plan))
    return plan, state.faults


def _in_order(ends: Iterable[Env]) -> list[Channel]:
    return list(dict.fromkeys(channel for end in ends for channel in end))
