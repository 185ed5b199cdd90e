"""The algebra: fusion, maps, choices and loops over expressions."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.graph.expression import Broken, Expression, Sequence, composing, expression
from orchestrator.graph.node import FunctionNode


@dataclass(frozen=True, slots=True)
class Fuse(Expression):
    """The results of all branches, given to one fusing node as a tuple."""

    parallel: Expression
    by: Expression


@dataclass(frozen=True, slots=True)
class Each(Expression):
    """A body run for every item of a collection, at most `at_once` at a time; yields a tuple."""

    body: Expression
    over: Any
    at_once: int = 8


@dataclass(frozen=True, slots=True)
class Route(Expression):
    """One of several expressions, chosen by a node that returns a label."""

    choices: tuple[tuple[Any, Expression], ...]
    by: Expression


@dataclass(frozen=True, slots=True)
class Repeat(Expression):
    """A body run again until a node returns True, `at_most` times."""

    body: Expression
    until: Expression
    at_most: int


#: The expression that does nothing: a route's way around.
SKIP = Sequence(())


@composing
def fuse(parallel: Expression, *, by: object) -> Fuse:
    """Join parallel branches: `fuse(a | b, by=rrf(60))`. `by` reads `tuple[X, ...]` and returns X."""
    return Fuse(expression(parallel), expression(by))


@composing
def each(body: object, *, over: Any, at_once: int = 8) -> Each:
    """Run `body` for every item of the channel `over`, at most `at_once` at a time.

    The body reads the item by its type and ends in one value; the tuple of these, in the order of
    the items, is legal only where a fusion or a collector follows.
    """
    return Each(expression(body), over, at_once)


@composing
def route(choices: Mapping[Any, object], *, by: object) -> Expression:
    """Run one of `choices`. `by` returns a `Literal[...]`, an enum or a bool, so that it can be checked."""
    if not isinstance(choices, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        given = expression(choices)
        named = given.what if isinstance(given, Broken) else getattr(given, "title", "a composition")
        kind = type(choices).__name__
        shown = named if kind in named or choices is None else f"{named} ({kind})"
        return Broken(
            "route",
            f"is given {shown}, and not a mapping of labels to choices",
            'write route({"a": …, "b": …}, by=…)',
        )
    return Route(
        tuple((label, SKIP if body is None else expression(body)) for label, body in choices.items()),
        _function_node(by),
    )


@composing
def repeat(body: object, *, until: object, at_most: int) -> Repeat:
    """Run `body` until `until` returns True, at most `at_most` times."""
    return Repeat(expression(body), _function_node(until), at_most)


def _function_node(value: object) -> Expression:
    """Selectors and conditions are small functions: they may be given undecorated."""
    if inspect.isfunction(value) or inspect.ismethod(value):
        return FunctionNode.of(value)
    return expression(value)
