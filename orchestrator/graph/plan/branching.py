"""Routes and loops: what only some paths or rounds write, and where a reader behind them finds it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from orchestrator.graph import algebra
from orchestrator.graph.channel import Channel, type_name
from orchestrator.graph.expression import Expression
from orchestrator.graph.plan.checks import is_count, label_faults
from orchestrator.graph.plan.plan import Branch, Call, Line, Loop
from orchestrator.graph.plan.resolve import as_step, reads_of, writes_of
from orchestrator.graph.plan.slots import Copies, Env, SlotTable


class Branching(SlotTable):
    """Lowers what runs on some paths only."""

    @abstractmethod
    def plan(self, expr: Expression, env: Env, scope: str, prefix: str) -> Line:
        """Lower one expression; `env` is updated to what a reader after it finds."""

    @abstractmethod
    def call(self, expr: Expression, env: Env, scope: str, prefix: str, *, role: str = "") -> Call | None:
        """Lower a node; a `role` writes nothing to channels."""

    def route(self, expr: algebra.Route, env: Env, scope: str, prefix: str) -> Line:
        """Lower a choice; what only some choices write is not sure afterwards."""
        by = self.call(expr.by, env, scope, prefix, role="route_")
        if by is None:
            for _, choice in expr.choices:
                self.broken(choice, prefix)
            return Line(())
        labels = [label for label, _ in expr.choices]
        self.report(label_faults(by.path, by.node.signature.returns, labels))
        written = {channel for _, choice in expr.choices for channel in writes_of(choice)}
        carry = self.carry(written, env, scope)
        clear = self.cleared(written, env, scope)
        before = {key: set(paths) for key, paths in self.writers.items()}
        ends: list[Env] = []
        after: dict[str, set[str]] = {}
        lines: list[tuple[Any, Line, Copies]] = []
        broken = False
        for label, choice in expr.choices:
            inner = dict(env)
            self.writers = {key: set(paths) for key, paths in before.items()}
            broken = self.broken(choice, prefix) or broken
            line = self.plan(choice, inner, scope, prefix)
            lines.append((label, line, self.settled(inner, env, scope)))
            ends.append(inner)
            for key, paths in self.writers.items():
                after.setdefault(key, set()).update(paths)
        if lines and not broken and not any(line.ops for _, line, _ in lines):
            self.fault(
                by.path,
                "chooses among choices that all do nothing",
                "give a choice a node, or drop the route",
            )
        self.writers = after
        for channel in in_order(ends):
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
        if not is_count(expr.at_most):
            self.fault(
                path,
                f"repeats with at_most={expr.at_most!r}, which is no number of rounds",
                "give at_most a whole number of 1 or more",
            )
        written = writes_of(expr.body)
        enter = self.carry(set(written), env, scope)
        clear = self.cleared(set(written), env, scope)
        for channel in written:
            if channel not in env:
                env[channel] = self.slot(scope, channel, sure=False)
        entry = dict(env)
        self.loop_reads.append(set())
        before = dict(self.unread)
        broken = self.broken(expr.body, prefix)
        body = self.plan(expr.body, env, scope, prefix)
        until = self.call(expr.until, env, scope, prefix, role="until_")
        for key in self.loop_reads.pop():
            # A value written late in the body has its reader early in the next round.
            for writer in self.writers.get(key, ()):
                if (writer, key) not in before:
                    self.unread.pop((writer, key), None)
        if not body.ops and not broken:
            self.fault(path, "repeats nothing", "give repeat(…) a body that does something, or drop it")
        if until is None:
            return body
        self.condition(expr, until, written, env, broken=broken or not body.ops)
        again: list[tuple[str, str]] = []
        for channel, held in entry.items():
            now = env.get(channel)
            if now is not None and now.key != held.key:
                again.append((now.key, held.key))
                self.copied(now.key, held.key)
                env[channel] = replace(held, sure=now.sure)
        return Line((Loop(path, body, until, expr.at_most, enter, tuple(sorted(again)), clear),))

    def condition(
        self, expr: algebra.Repeat, until: Call, written: tuple[Channel, ...], env: Env, *, broken: bool
    ) -> None:
        """Report a condition that is none, or that no round can change."""
        step = as_step(expr.until)
        signature = until.node.signature
        if signature.returns is not bool:
            self.fault(
                until.path,
                f"decides when to stop, but returns {type_name(signature.returns)}",
                "annotate it -> bool",
            )
        reads = reads_of(step) if step is not None else ()
        alive = signature.needs or signature.context or signature.problems
        if broken or alive or any(channel in written for channel in reads):
            return
        optional = [
            read.optional and not channel.name for read, channel in zip(signature.reads, reads, strict=True)
        ]
        if any(channel not in env and not free for channel, free in zip(reads, optional, strict=True)):
            return  # it reads what is not there, which has been reported
        names = " and ".join(str(channel) for channel in reads) or "nothing"
        there = ", ".join(channel.annotation for channel in written)
        fix = f"let it read what the body writes: {there}" if there else "let the body write what it reads"
        self.fault(until.path, f"reads {names}, which the body never writes: no round can change it", fix)


def in_order(ends: Iterable[Env]) -> list[Channel]:
    """The channels of several ends, the first one's first."""
    return list(dict.fromkeys(channel for end in ends for channel in end))
