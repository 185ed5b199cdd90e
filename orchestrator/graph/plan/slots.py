"""Which slots a lowering has given out, who wrote them, and which writes nobody has read yet."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from orchestrator.graph.channel import Channel, type_name
from orchestrator.graph.channel_type import flow_problem
from orchestrator.graph.expression import Broken, Expression, Nested
from orchestrator.graph.names import LANGGRAPH_NAMES
from orchestrator.graph.plan.fault import Fault
from orchestrator.graph.plan.plan import Argument, Slot
from orchestrator.graph.plan.resolve import broken_in, printable, title_of
from orchestrator.graph.problem import raised
from orchestrator.graph.signature import Read
from orchestrator.values import is_record

#: What a reader at some point of the graph finds: channel → the slot that holds it there.
Env = dict[Channel, Slot]
#: Values to move, as (from, to) slots.
Copies = tuple[tuple[str, str], ...]

#: Keys of the state that are LangGraph's or the engine's.
TAKEN = LANGGRAPH_NAMES | {"_usage", "_degraded"}


@dataclass(slots=True)
class SlotTable:
    """What one lowering has found and given out so far."""

    faults: list[Fault] = field(default_factory=list[Fault])
    slots: dict[str, Slot] = field(default_factory=dict[str, Slot])
    titles: dict[str, int] = field(default_factory=dict[str, int])
    scopes: int = 0
    #: Writer and slot of every write that nobody has read yet, by writer's path and slot key.
    unread: dict[tuple[str, str], Channel] = field(default_factory=dict[tuple[str, str], Channel])
    #: Which writes a reader of a slot may see at this point.
    writers: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    loop_reads: list[set[str]] = field(default_factory=list[set[str]])
    #: Who wrote each slot first.
    made: dict[str, str] = field(default_factory=dict[str, str])
    #: Paths of maps: their tuples must be read by a fusion or a collector.
    maps: set[str] = field(default_factory=set[str])
    #: How a value that nobody reads can be kept, by writer's path and slot key.
    keep: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])

    # -- names -------------------------------------------------------------------------------

    def path(self, prefix: str, title: str) -> str:
        """A name that no other node has: `chat/retrieve`, `chat/retrieve#2`."""
        full = f"{prefix}{title}"
        self.titles[full] = self.titles.get(full, 0) + 1
        return full if self.titles[full] == 1 else f"{full}#{self.titles[full]}"

    def scope(self) -> str:
        """A new scope, as the suffix of its slots."""
        self.scopes += 1
        return f"@{self.scopes}"

    def slot(self, scope: str, channel: Channel, *, sure: bool = True) -> Slot:
        """The slot of a channel in a scope."""
        key = f"{channel}{scope}"
        while key in TAKEN or (key in self.slots and self.slots[key].channel != channel):
            key += "~"  # two types of the same name
        self.slots[key] = Slot(key, channel)
        return Slot(key, channel, sure)

    def fault(self, path: str, problem: str, fix: str) -> None:
        """Report a fault; the same one once."""
        found = Fault(path, problem, fix)
        if found not in self.faults:
            self.faults.append(found)

    def report(self, faults: Iterable[Fault]) -> None:
        """Report faults found elsewhere."""
        for found in faults:
            self.fault(found.node, found.problem, found.fix)

    def not_a_node(self, expr: Expression, prefix: str) -> None:
        """Report something that stands where a node must."""
        if isinstance(expr, Broken):
            self.broken(expr, prefix)
        else:
            kind = "workflow" if isinstance(expr, Nested) else type(expr).__name__.lower()
            self.fault(
                prefix + title_of(expr), f"is a {kind}, and only one node can stand here", "give one node"
            )

    def unseen(self, expr: Expression, error: Exception, prefix: str) -> None:
        """Report an expression whose own code raised where it was looked at."""
        found = raised(error)
        self.fault(prefix + title_of(expr), found.problem, found.fix)

    def broken(self, expr: Expression, prefix: str) -> bool:
        """Report everything in an expression that is none; whether there is anything."""
        found = broken_in(expr)
        for broken in found:
            self.fault(prefix + printable(broken.what), broken.problem, broken.fix)
        return bool(found)

    # -- reads and writes ----------------------------------------------------------------------

    def wrote(self, path: str, slot: Slot) -> None:
        """Note a write; earlier writers of the slot are hidden from later readers."""
        self.unread[path, slot.key] = slot.channel
        self.made.setdefault(slot.key, path)
        self.writers[slot.key] = {path}

    def was_read(self, key: str) -> None:
        """Note that everything a slot may hold here has a reader."""
        for writer in self.writers.get(key, ()):
            self.unread.pop((writer, key), None)
        for reads in self.loop_reads:
            reads.add(key)

    def argument(self, path: str, read: Read, channel: Channel, env: Env) -> Argument:
        """Where a parameter is filled from."""
        slot = env.get(channel)
        if read.defaulted:
            self.fault(
                path,
                f"gives {read.parameter!r}, which reads {channel}, a default that it never takes",
                f"put {read.parameter!r} behind a *, if it is a setting; if it is read, drop the default",
            )
            return Argument(read.parameter, ())
        if slot is not None and (slot.sure or read.optional):
            self.was_read(slot.key)
            return Argument(read.parameter, (slot.key,), optional=read.optional)
        if read.optional:
            if channel.name and slot is None:
                self.fault(
                    path,
                    f"reads {channel} if it is there, but nothing before it writes {channel}",
                    f"drop the parameter {read.parameter!r}, or {missing_fix(channel, env, read.parameter)}",
                )
            return Argument(read.parameter, (), optional=True)
        if slot is not None:
            self.was_read(slot.key)
            self.missing(path, "reads", channel, env, f", or read `{channel.annotation} | None`")
            return Argument(read.parameter, (slot.key,))
        fix = missing_fix(channel, env, read.parameter)
        self.fault(path, f"reads {channel}, which nothing before it writes", fix)
        return Argument(read.parameter, ())

    def missing(self, path: str, does: str, channel: Channel, env: Env, otherwise: str = "") -> None:
        """Report what is not there, or not on every path."""
        if channel in env:
            self.fault(
                path,
                f"{does} {channel}, which is not written on every path that leads here",
                f"write {channel.annotation} on the other paths too{otherwise}",
            )
        else:
            fix = missing_fix(channel, env)
            self.fault(path, f"{does} {channel}, which nothing before it writes", fix)

    def copied(self, old: str, new: str) -> None:
        """Note that a slot's value was copied: it counts as read when the copy is."""
        self.writers[new] = set(self.writers.get(old, set()))
        self.made.setdefault(new, self.made.get(old, ""))
        for writer in self.writers[new]:
            if (writer, old) in self.unread:
                self.unread[writer, new] = self.unread.pop((writer, old))

    def uncollected(self, slot: Slot) -> None:
        """Report maps whose tuple leaves them unread in this slot."""
        for path in sorted(self.writers.get(slot.key, set()) & self.maps):
            if self.unread.pop((path, slot.key), None) is not None:
                self.unjoined(path, slot.channel)

    def unjoined(self, path: str, channel: Channel) -> None:
        """Report a map whose tuple nothing joins."""
        self.fault(
            path,
            f"ends in {channel}, which nothing joins",
            f"join it: fuse(each(…), by=…), or compose a node that reads {channel.annotation} behind it",
        )

    def dead_ends(self) -> None:
        """Report every value that nobody reads; of what cannot flow, the type is reported."""
        for (path, key), channel in self.unread.items():
            if path in self.maps:
                self.unjoined(path, channel)
            elif is_record(channel.type):
                continue
            elif flow_problem(channel.type) is None:
                keep = self.keep.get((path, key), "")
                self.fault(
                    path,
                    f"is a dead end: nothing reads the {channel} that it writes",
                    f"compose a node that reads {channel.annotation} right behind it"
                    + (f", drop it, or {keep}" if keep else ", or drop it"),
                )

    def writer(self, slot: Slot) -> str:
        """Who wrote a slot last, for messages."""
        return " or ".join(sorted(self.writers.get(slot.key, {"the input"})))


def missing_fix(channel: Channel, env: Env, parameter: str = "") -> str:
    """The next step for a read that nothing writes."""
    there = ", ".join(sorted(other.annotation for other in env)) or "nothing"
    put = f"put a node that writes {channel.annotation} before it (there is: {there})"
    names = [other.name for other in env if other.type == channel.type]
    if not names or not parameter:
        return put
    named = [name for name in names if name]
    if named:
        near = (difflib.get_close_matches(channel.name, named, 1, 0.0) or named)[0]
        return f'read what is there: .reading({parameter}="{near}"), or {put}'
    return f"annotate it {type_name(channel.type)}, which is there without a name, or {put}"
