"""What can be said of an expression without lowering it: its name, what it writes, what it ends in."""

from __future__ import annotations

import enum
import typing
from typing import Any

from orchestrator.graph import algebra
from orchestrator.graph.channel import Channel
from orchestrator.graph.expression import Broken, Expression, Nested, Parallel, Sequence, Step
from orchestrator.graph.node import FunctionNode, Node
from orchestrator.graph.signature import Signature


def title_of(expr: Expression) -> str:
    """How an expression is called in messages."""
    match expr:
        case Step():
            return expr.name or expr.node.title
        case Sequence():
            return title_of(expr.parts[-1]) if expr.parts else "nothing"
        case Broken():
            return expr.what
        case _:
            return str(getattr(expr, "title", None) or getattr(expr, "name", type(expr).__name__.lower()))


def as_step(expr: Expression) -> Step | None:
    """A node, or a node at its place, as a step; anything else is none."""
    if isinstance(expr, Node | FunctionNode):
        return Step(expr)
    return expr if isinstance(expr, Step) else None


def step_writes(step: Step, signature: Signature) -> tuple[Channel, ...]:
    """The channels that a step writes, renamed as it says."""
    if step.writes is not None and len(signature.writes) == 1:
        return (Channel(signature.writes[0].type, step.writes),)
    return signature.writes


def several(channel: Channel) -> Channel:
    """The channel of `tuple[X, ...]` for that of X."""
    return Channel(tuple[channel.type, ...], channel.name)  # pyright: ignore[reportInvalidTypeForm]


def writes_of(expr: Expression) -> tuple[Channel, ...]:
    """Channels that an expression writes for its readers."""
    match expr:
        case Sequence():
            found = [channel for part in expr.parts for channel in writes_of(part)]
        case Step() | Node() | FunctionNode():
            step = as_step(expr)
            found = list(step_writes(step, step.node.signature)) if step else []
        case Parallel():
            found = [channel for branch in expr.branches for channel in writes_of(branch)]
        case algebra.Fuse():
            found = [*writes_of(expr.parallel), *writes_of(expr.by)]
        case algebra.Route():
            found = [channel for _, choice in expr.choices for channel in writes_of(choice)]
        case algebra.Repeat():
            found = list(writes_of(expr.body))
        case algebra.Each():
            end = ends_in(expr)
            found = [end] if end else []
        case Broken():
            found = []
        case _:
            found = list(output_channels(typing.cast("Nested", expr)))
    return tuple(dict.fromkeys(found))


def output_channels(nested: Nested) -> tuple[Channel, ...]:
    """What a workflow shows to its reader: the declared outputs, and last the channel that it ends in."""
    declared = [Channel(tp) for tp in nested.outputs]
    last = ends_in(nested.body)
    return tuple(
        dict.fromkeys([*(channel for channel in declared if channel != last), *([last] if last else [])])
    )


def ends_in(expr: Expression) -> Channel | None:
    """The channel of an expression's result: what its last writer writes."""
    match expr:
        case Sequence():
            ends = (ends_in(part) for part in reversed(expr.parts))
            return next((end for end in ends if end is not None), None)
        case algebra.Fuse():
            return ends_in(expr.by)
        case algebra.Each():
            end = ends_in(expr.body)
            return several(end) if end else None
        case algebra.Route():
            ends = (ends_in(choice) for _, choice in expr.choices)
            return next((end for end in ends if end is not None), None)
        case algebra.Repeat():
            return ends_in(expr.body)
        case Parallel():
            return None
        case _:
            written = writes_of(expr)
            return written[-1] if written else None


def fused_channel(by: Expression) -> Channel | None:
    """The X of a fuser's `tuple[X, ...]`."""
    step = as_step(by)
    if step is None:
        return None
    elements = [read.channel.element for read in step.node.signature.reads]
    return next((element for element in elements if element is not None), None)


def labels_of(returns: Any) -> list[Any] | None:
    """Every label that a selector of this return type can give; None if they cannot be known."""
    if returns is bool:
        return [True, False]
    if typing.get_origin(returns) is typing.Literal:
        return list(typing.get_args(returns))
    if isinstance(returns, type) and issubclass(returns, enum.Enum):
        return list(returns)
    return None


def item_type(collection: Any) -> Any:
    """The declared type of a collection's items; None if there is none."""
    element = Channel(collection).element
    if element is not None:
        return element.type
    method = getattr(collection, "__iter__", None)
    if method is None:
        return None
    try:
        returned = typing.get_type_hints(method).get("return")
    except (NameError, TypeError):
        return None
    inner = typing.get_args(returned)
    return inner[0] if inner else None
