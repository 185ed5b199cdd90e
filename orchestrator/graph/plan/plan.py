"""A workflow with every channel resolved to a slot of the state: what is checked, drawn and compiled.

A *scope* owns one slot a channel. A branch of a fork is a scope of its own, so that branches never
write the same slot; choices of a route and rounds of a loop share their scope, and values from
outside that they may overwrite are carried into it first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from orchestrator.graph.channel import Channel
from orchestrator.graph.policy import Policy


@dataclass(frozen=True, slots=True)
class Slot:
    """One key of the state. `sure` is False where some path to the reader does not write it."""

    key: str
    channel: Channel
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Argument:
    """A parameter and the slots it is filled from; several are gathered into a tuple, none is None."""

    parameter: str
    slots: tuple[str, ...]
    gathers: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """One run of one node."""

    path: str
    node: Any
    arguments: tuple[Argument, ...]
    writes: tuple[Slot, ...]
    policy: Policy = field(default_factory=Policy)


@dataclass(frozen=True, slots=True)
class Line:
    """Operations one after the other."""

    ops: tuple[Op, ...]


@dataclass(frozen=True, slots=True)
class Fork:
    """Operations side by side; `join` fuses their results."""

    path: str
    branches: tuple[Line, ...]
    join: Call | None = None


@dataclass(frozen=True, slots=True)
class Branch:
    """One of several operations, by what `by` returns.

    `carry` copies slots (from, to) beforehand and `clear` empties some; each choice brings the
    copies that settle its results where a reader after the branch finds them.
    """

    path: str
    by: Call
    choices: tuple[tuple[Any, Line, tuple[tuple[str, str], ...]], ...]
    carry: tuple[tuple[str, str], ...] = ()
    clear: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Loop:
    """An operation repeated until `until` is True.

    `enter` copies and `clear` empties slots before the first round, `again` copies after each.
    """

    path: str
    body: Line
    until: Call
    at_most: int
    enter: tuple[tuple[str, str], ...] = ()
    again: tuple[tuple[str, str], ...] = ()
    clear: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Map:
    """An operation run for every item of `over`, in a state of its own that begins with `shared`."""

    path: str
    body: Line
    over: str
    item: Slot
    result: Slot
    yields: Slot
    shared: tuple[str, ...]
    at_once: int


Op = Call | Line | Fork | Branch | Loop | Map


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole workflow: what it starts from, what it does, and where its results lie."""

    inputs: tuple[Slot, ...]
    body: Line
    slots: tuple[Slot, ...]
    output: Slot | None
    final: tuple[Slot, ...]


def calls(op: Op) -> list[Call]:
    """Every call of an operation, in the order of the graph."""
    match op:
        case Call():
            return [op]
        case Line():
            return [call for part in op.ops for call in calls(part)]
        case Fork():
            inner = [call for branch in op.branches for call in calls(branch)]
            return inner + ([op.join] if op.join else [])
        case Branch():
            return [op.by] + [call for _, choice, _ in op.choices for call in calls(choice)]
        case Loop():
            return [*calls(op.body), op.until]
        case Map():
            return calls(op.body)


def outline(op: Op) -> str:
    """The control flow of an operation as text, its calls by path."""
    match op:
        case Call():
            return op.path
        case Line():
            return f"({' '.join(outline(part) for part in op.ops)})"
        case Fork():
            joined = op.join.path if op.join else "-"
            return f"fork[{' '.join(outline(branch) for branch in op.branches)} → {joined}]"
        case Branch():
            choices = " ".join(f"{label!r}:{outline(line)} {copies}" for label, line, copies in op.choices)
            return f"route[{op.by.path} {choices} {op.carry} {op.clear}]"
        case Loop():
            return f"repeat[{outline(op.body)} {op.until.path} {op.at_most} {op.enter} {op.again} {op.clear}]"
        case Map():
            return f"each[{op.over} {outline(op.body)} {op.at_once} {op.result.key} → {op.yields.key}]"
