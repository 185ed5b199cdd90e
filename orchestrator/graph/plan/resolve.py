"""What can be said of an expression without lowering it: its name, what it writes, what it ends in."""

from __future__ import annotations

import enum
import typing
from collections.abc import Iterable
from typing import Any, cast

from orchestrator.graph import algebra
from orchestrator.graph.channel import Channel, channel_of
from orchestrator.graph.channel_type import annotation_problem
from orchestrator.graph.expression import Broken, Expression, Nested, Parallel, Sequence, Step
from orchestrator.graph.names import written
from orchestrator.graph.node import FunctionNode, Node
from orchestrator.graph.signature import Signature
from orchestrator.graph.type_parts import Variables, class_of, variables_of


def title_of(expr: Expression) -> str:
    """How an expression is called in messages; after its kind, where it does not let itself be asked."""
    try:
        return _title_of(expr)
    except Exception:
        return type(expr.node if isinstance(expr, Step) else expr).__name__.lower()


def _title_of(expr: Expression) -> str:
    match expr:
        case Step():
            return printable(str(given_name(expr)))
        case Sequence():
            return title_of(expr.parts[-1]) if expr.parts else "nothing"
        case Broken():
            return expr.what
        case Nested():
            return workflow_title(expr.name)
        case _:
            return printable(str(getattr(expr, "title", None) or type(expr).__name__.lower()))


def given_name(step: Step) -> Any:
    """What a step is named, which need not be a text; an empty name means the node's own."""
    name: Any = step.name
    return step.node.title if isinstance(name, str) and not name else name


def workflow_title(name: Any) -> str:
    """How a workflow is called in messages, whatever it was named."""
    return printable(name) if isinstance(name, str) and name.strip() else written(name)


def printable(name: str) -> str:
    """A name as one line, without what parts the names of the engine."""
    return "".join(mark if mark.isprintable() and mark not in ":|" else "_" for mark in name)


def within(expr: Expression) -> tuple[Expression, ...]:
    """The expressions that one is made of."""
    match expr:
        case Sequence():
            return expr.parts
        case Parallel():
            return expr.branches
        case algebra.Fuse():
            return expr.parallel, expr.by
        case algebra.Each():
            return (expr.body,)
        case algebra.Route():
            return expr.by, *(choice for _, choice in expr.choices)
        case algebra.Repeat():
            return expr.body, expr.until
        case Nested():
            return (expr.body,)
        case _:
            return ()


def broken_in(expr: Expression) -> list[Broken]:
    """Everything in an expression that is no expression."""
    if isinstance(expr, Broken):
        return [expr]
    return [broken for part in within(expr) for broken in broken_in(part)]


def endless(expr: Expression, deepest: int, around: tuple[Nested, ...] = ()) -> str | None:
    """What is wrong with a composition that cannot be walked through; None if it can."""
    if deepest < 0:
        return "is nested too deeply"
    if isinstance(expr, Nested):
        if any(outer is expr for outer in around):
            return "contains itself"
        around = (*around, expr)
    found = (endless(part, deepest - 1, around) for part in within(expr))
    return next((reason for reason in found if reason is not None), None)


def as_step(expr: Expression) -> Step | None:
    """A node, or a node at its place, as a step; anything else is none."""
    if isinstance(expr, Node | FunctionNode):
        return Step(expr)
    return expr if isinstance(expr, Step) else None


def step_writes(step: Step, signature: Signature) -> tuple[Channel, ...]:
    """The channels that a step writes, renamed as it says."""
    if isinstance(step.writes, str) and len(signature.writes) == 1:
        return (Channel(signature.writes[0].type, step.writes),)
    return signature.writes


def reads_of(step: Step) -> tuple[Channel, ...]:
    """The channels that a step reads, rebound as it says."""
    renamed = dict(step.reads)
    return tuple(
        Channel(read.channel.type, name)
        if isinstance(name := cast("Any", renamed.get(read.parameter, read.channel.name)), str)
        else read.channel
        for read in step.node.signature.reads
    )


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
        case Nested():
            found = list(output_channels(expr))
        case _:
            found = []
    return tuple(dict.fromkeys(found))


def output_channels(nested: Nested) -> tuple[Channel, ...]:
    """What a workflow shows to its reader: the declared outputs, and last the channel that it ends in."""
    declared = declared_channels(nested.outputs)
    last = ends_in(nested.body)
    return tuple(
        dict.fromkeys([*(channel for channel in declared if channel != last), *([last] if last else [])])
    )


def declared_channels(types: Any) -> list[Channel]:
    """The channels that `inputs` or `outputs` name, without what names none."""
    listed = typing.cast("tuple[Any, ...]", types) if isinstance(types, tuple) else (types,)
    return [channel_of(tp) for tp in listed if annotation_problem(tp) is None]


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
    if isinstance(returns, type) and issubclass(returns, enum.Enum) and not issubclass(returns, enum.Flag):
        return list(returns)
    return None


def item_type(collection: Any) -> Any:
    """The declared type of a collection's items; None if there is none."""
    element = Channel(collection).element
    if element is not None:
        return element.type
    method = getattr(class_of(collection), "__iter__", None)
    if method is None:
        return None
    try:
        returned = typing.get_type_hints(method).get("return")
    except Exception:
        return None
    inner, kind = typing.get_args(returned), class_of(returned)
    if not inner or not (isinstance(kind, type) and issubclass(kind, Iterable)):
        return None
    # A tuple of two types is an `Iterable` as well, and its first type not that of all its items.
    return None if issubclass(kind, tuple) else _of_variables(inner[0], variables_of(collection))


def _of_variables(tp: Any, variables: Variables) -> Any:
    """A type with what its type variables stand for."""
    parameters: tuple[Any, ...] = getattr(tp, "__parameters__", ())
    if not isinstance(tp, typing.TypeVar) and parameters:
        return tp[tuple(variables.get(each, each) for each in parameters)]
    return variables.get(tp, tp)
