"""The algebra: expressions that nodes are composed into. Values with structural `==` and `hash`.

Nothing here raises: what cannot be composed becomes a `Broken` expression, so that checking a
workflow lists all of its faults at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.graph.node import FunctionNode, Node


class Expression:
    """Anything that composes: a node, a composition of nodes, a workflow."""

    __slots__ = ()

    def __rshift__(self, other: object) -> Sequence:
        return Sequence((*_parts(self), *_parts(expression(other))))

    def __rrshift__(self, other: object) -> Sequence:
        return Sequence((*_parts(expression(other)), *_parts(self)))

    def __or__(self, other: object) -> Parallel:
        return Parallel((*_branches(self), *_branches(expression(other))))

    def __ror__(self, other: object) -> Parallel:
        return Parallel((*_branches(expression(other)), *_branches(self)))


@dataclass(frozen=True, slots=True)
class Broken(Expression):
    """Something that is no expression; checking reports it."""

    what: str
    problem: str
    fix: str


@dataclass(frozen=True, slots=True)
class Policy:
    """How a node is run: `timeout` in seconds an attempt, `attempts` in all, `cache` in seconds.

    Attempts follow each other with exponential backoff and jitter, and only after errors that may
    pass: an `OrchestratorError` marked retryable, a timeout, a lost connection.
    """

    timeout: float | None = None
    attempts: int = 1
    cache: float | None = None


@dataclass(frozen=True, slots=True)
class Step(Expression):
    """A node at one place in a graph: its name there, its channels, its policy."""

    node: Node | FunctionNode
    name: str = ""
    reads: tuple[tuple[str, str], ...] = ()
    writes: str | None = None
    policy: Policy = field(default_factory=Policy)

    def named(self, name: str) -> Step:
        """The same step under another name in traces and messages."""
        return replace(self, name=name)

    def reading(self, **channels: str) -> Step:
        """Read parameters from named channels: `.reading(hits="first")`."""
        return replace(self, reads=tuple(sorted({**dict(self.reads), **channels}.items())))

    def writing(self, channel: str) -> Step:
        """Write to a named channel of its type: `.writing("first")`."""
        return replace(self, writes=channel)

    def within(
        self, *, timeout: float | None = None, attempts: int | None = None, cache: float | None = None
    ) -> Step:
        """Run under a policy: seconds an attempt, attempts in all, seconds to keep the result."""
        policy = Policy(
            timeout if timeout is not None else self.policy.timeout,
            attempts if attempts is not None else self.policy.attempts,
            cache if cache is not None else self.policy.cache,
        )
        return replace(self, policy=policy)


@dataclass(frozen=True, slots=True)
class Sequence(Expression):
    """`a >> b`: one after the other."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Parallel(Expression):
    """`a | b`: side by side, each from the state at the fork."""

    branches: tuple[Expression, ...]


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


def fuse(parallel: Expression, *, by: object) -> Fuse:
    """Join parallel branches: `fuse(a | b, by=rrf(60))`. `by` reads `tuple[X, ...]` and returns X."""
    return Fuse(expression(parallel), expression(by))


def each(body: object, *, over: Any, at_once: int = 8) -> Each:
    """Run `body` for every item of the channel `over`, at most `at_once` at a time.

    The body reads the item by its type and ends in one value; the tuple of these, in the order of
    the items, is legal only where a fusion or a collector follows.
    """
    return Each(expression(body), over, at_once)


def route(choices: Mapping[Any, object], *, by: object) -> Route:
    """Run one of `choices`. `by` returns a `Literal[...]`, an enum or a bool, so that it can be checked."""
    return Route(
        tuple((label, SKIP if body is None else expression(body)) for label, body in choices.items()),
        _function_node(by),
    )


def repeat(body: object, *, until: object, at_most: int) -> Repeat:
    """Run `body` until `until` returns True, at most `at_most` times."""
    return Repeat(expression(body), _function_node(until), at_most)


def expression(value: object) -> Expression:
    """`value` as an expression; what is none becomes `Broken`."""
    if isinstance(value, Expression):
        return value
    if isinstance(value, type):
        name = value.__name__
        return Broken(name, f"{name} is a class, not a node", f"write {name}(…)")
    if callable(value):
        name = getattr(value, "__name__", repr(value))
        return Broken(name, f"{name} is a plain function, not a node", "decorate it with @node")
    return Broken(
        repr(value)[:60], f"a {type(value).__name__} is not a node", "compose nodes and workflows only"
    )


def _function_node(value: object) -> Expression:
    """Selectors and conditions are small functions: they may be given undecorated."""
    from orchestrator.graph.node import FunctionNode

    if isinstance(value, (Expression, type)) or not callable(value):
        return expression(value)
    return FunctionNode.of(value)


def _parts(value: Expression) -> tuple[Expression, ...]:
    return value.parts if isinstance(value, Sequence) else (value,)


def _branches(value: Expression) -> tuple[Expression, ...]:
    return value.branches if isinstance(value, Parallel) else (value,)
