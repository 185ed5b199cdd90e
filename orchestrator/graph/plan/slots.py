"""Which slots a lowering has given out, who wrote them, and which writes nobody has read yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from orchestrator.graph.channel import Channel, type_name
from orchestrator.graph.expression import Broken, Expression
from orchestrator.graph.plan.fault import Fault
from orchestrator.graph.plan.plan import Argument, Slot
from orchestrator.graph.plan.resolve import title_of
from orchestrator.graph.signature import Read

#: What a reader at some point of the graph finds: channel → the slot that holds it there.
Env = dict[Channel, Slot]
#: Values to move, as (from, to) slots.
Copies = tuple[tuple[str, str], ...]


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
        while key in self.slots and self.slots[key].channel != channel:
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
            self.fault(prefix + expr.what, expr.problem, expr.fix)
        else:
            kind = type(expr).__name__.lower()
            self.fault(
                prefix + title_of(expr), f"is a {kind}, and only a node can stand here", "give one node"
            )

    # -- reads and writes ----------------------------------------------------------------------

    def wrote(self, path: str, slot: Slot) -> None:
        """Note a write; earlier writers of the slot are hidden from later readers."""
        self.unread[path, slot.key] = slot.channel
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
        if slot is not None and (slot.sure or read.optional):
            self.was_read(slot.key)
            return Argument(read.parameter, (slot.key,), optional=read.optional)
        if read.optional:
            return Argument(read.parameter, (), optional=True)
        if slot is not None:
            self.was_read(slot.key)
            self.fault(
                path,
                f"reads {channel}, which is not written on every path that leads here",
                f"write {channel} on the other paths too, or read `{type_name(channel.type)} | None`",
            )
            return Argument(read.parameter, (slot.key,))
        self.fault(path, f"reads {channel}, which nothing before it writes", missing_fix(channel, env))
        return Argument(read.parameter, ())

    def copied(self, old: str, new: str) -> None:
        """Note that a slot's value was copied: it counts as read when the copy is."""
        self.writers[new] = set(self.writers.get(old, set()))
        for writer in self.writers[new]:
            if (writer, old) in self.unread:
                self.unread[writer, new] = self.unread.pop((writer, old))

    def writer(self, slot: Slot) -> str:
        """Who wrote a slot last, for messages."""
        return " or ".join(sorted(self.writers.get(slot.key, {slot.key})))


def missing_fix(channel: Channel, env: Env) -> str:
    """The next step for a read that nothing writes."""
    same_type = [str(other) for other in env if other.type == channel.type]
    if same_type:
        return f"rebind it with .reading(…) to what is there: {', '.join(sorted(same_type))}"
    there = ", ".join(sorted(str(other) for other in env)) or "nothing"
    return f"put a node that writes {channel} before it (there is: {there})"
