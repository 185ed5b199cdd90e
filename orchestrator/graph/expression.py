"""Expressions: what nodes are composed into. Values with structural `==` and `hash`.

Nothing here raises: what cannot be composed becomes a `Broken` expression, so that checking a
workflow lists all of its faults at once.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, ParamSpec, Protocol, TypeVar, cast

from orchestrator.graph.names import a_kind_of, written
from orchestrator.graph.policy import Policy
from orchestrator.graph.problem import raised
from orchestrator.graph.signature import Signature

P = ParamSpec("P")
R = TypeVar("R")


def composing(function: Callable[P, R]) -> Callable[P, R]:
    """Let a call with arguments that are missing or unknown give a `Broken` expression, as all else does."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            signature.bind(*args, **kwargs)
        except TypeError as error:
            bare = [each.replace(annotation=each.empty) for each in signature.parameters.values()]
            shown = signature.replace(
                parameters=[each for each in bare if each.name != "self"], return_annotation=signature.empty
            )
            what = f"calls {function.__name__}(…) wrongly: {error}"
            return cast("R", Broken(function.__name__, what, f"write {function.__name__}{shown}"))
        try:
            return function(*args, **kwargs)
        except Exception as error:
            return cast("R", unseen(function.__name__, error))

    return checked


class Expression:
    """Anything that composes: a node, a composition of nodes, a workflow.

    What only a node can be told, or another operator, gives a `Broken` expression.
    """

    __slots__ = ()

    def named(self, name: str) -> Expression:
        """A name can be given to a node only."""
        return self._no_node("named")

    def reading(self, **channels: str) -> Expression:
        """Channels can be given to a node only."""
        return self._no_node("reading")

    def writing(self, channel: str) -> Expression:
        """A channel can be given to a node only."""
        return self._no_node("writing")

    def within(
        self, *, timeout: float | None = None, attempts: int | None = None, cache: float | None = None
    ) -> Expression:
        """A policy can be given to a node only."""
        return self._no_node("within")

    def _no_node(self, method: str) -> Expression:
        kind = type(self).__name__.lower()
        return Broken(
            str(getattr(self, "name", None) or kind),
            f"is a {kind}, and only a node can be told .{method}(…)",
            f"give .{method}(…) to a node inside of it",
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Only a node is called, to be given settings."""
        kind = type(self).__name__.lower()
        return Broken(
            kind, f"is a {kind}, and is called like a node", "call a node inside of it, or drop the ()"
        )

    def __getitem__(self, place: object) -> Broken:
        """Nodes and compositions have no parts that could be taken out."""
        kind = type(self).__name__.lower()
        return Broken(
            kind, f"is a {kind}, and is asked for a part by […]", "drop the […], or compose the part itself"
        )

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
    """Something that is no expression; checking reports it. Whatever it is told, it stays broken."""

    what: str
    problem: str
    fix: str

    def __call__(self, *args: Any, **kwargs: Any) -> Broken:
        return self

    def _no_node(self, method: str) -> Expression:
        return self


class Callee(Protocol):
    """What a step runs: a node, as its contract (`orchestrator.graph.node`) has it."""

    @property
    def signature(self) -> Signature: ...

    @property
    def title(self) -> str: ...

    @property
    def function(self) -> Callable[..., Any]: ...


@dataclass(frozen=True, slots=True)
class Step(Expression):
    """A node at one place in a graph: its name there, its channels, its policy."""

    node: Callee
    #: Empty where it was given none, so that it is called as its node is.
    name: str = ""
    reads: tuple[tuple[str, str], ...] = ()
    writes: str | None = None
    policy: Policy = field(default_factory=Policy)

    def __call__(self, *args: Any, **kwargs: Any) -> Broken:
        return Broken(
            self.node.title,
            "is given settings behind its place in the graph",
            f"give them first: {self.node.title}(…).within(…)",
        )

    @composing
    def named(self, name: str) -> Step:
        """The same step under another name in traces and messages."""
        if isinstance(name, str) and not name:  # pyright: ignore[reportUnnecessaryIsInstance]
            fix = "give the node a name of letters, digits, '_', '-', '.' and blanks"
            return cast("Step", Broken(self.node.title, "has the node name '': it is empty", fix))
        return replace(self, name=name)

    @composing
    def reading(self, **channels: str) -> Step:
        """Read parameters from named channels: `.reading(hits="first")`."""
        return replace(self, reads=tuple(sorted({**dict(self.reads), **channels}.items())))

    @composing
    def writing(self, channel: str) -> Step:
        """Write to a named channel of its type: `.writing("first")`."""
        return replace(self, writes=channel)

    @composing
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


@dataclass(frozen=True)
class Nested(Expression):
    """A named composition that sees its inputs only and shows its outputs only: a workflow in another."""

    name: str
    body: Expression
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]


def unseen(name: str, error: Exception) -> Broken:
    """What stands for a value whose own code raised."""
    found = raised(error)
    return Broken(name, found.problem, found.fix)


def expression(value: object) -> Expression:
    """`value` as an expression; what is none becomes `Broken`."""
    try:
        return _expression(value)
    except Exception as error:
        return unseen(a_kind_of(type(value).__name__), error)


def _expression(value: object) -> Expression:
    if isinstance(value, Expression):
        isinstance(value, Sequence)  # all that walks through compositions asks this, and so may raise nothing
        return value
    if isinstance(value, type):
        name = value.__name__
        fix = f"compose a node that returns {name}, or derive {name} from Node and write {name}(…)"
        if issubclass(value, Expression):
            fix = f"write {name}(…)"
        return Broken(name, f"is the class {name}, and no node", fix)
    if inspect.isfunction(value) or inspect.ismethod(value):
        name = value.__name__.replace("<lambda>", "lambda")
        return Broken(name, f"is the plain function {name}, and no node", "decorate it with @node")
    kind = "None" if value is None else a_kind_of(type(value).__name__)
    shown = written(value)
    try:
        called = getattr(value, "__name__", None)
    except Exception:
        called = None
    name = str(called or (kind if " at 0x" in shown else shown[:60]))
    if callable(value):
        fix = "call it in a function with annotations of its own, and decorate that with @node"
        return Broken(name, f"is {kind}, and no node", fix)
    return Broken(name, f"is {kind}, and no node", "compose nodes and workflows only")


def _parts(value: Expression) -> tuple[Expression, ...]:
    return value.parts if isinstance(value, Sequence) else (value,)


def _branches(value: Expression) -> tuple[Expression, ...]:
    return value.branches if isinstance(value, Parallel) else (value,)


#: Python's operators that compose nothing, by their methods; `==` compares, `>>` and `|` compose.
_MEANINGLESS = {
    "+": "add radd pos", "-": "sub rsub neg", "*": "mul rmul", "/": "truediv rtruediv",
    "//": "floordiv rfloordiv", "%": "mod rmod", "**": "pow rpow", "@": "matmul rmatmul",
    "&": "and rand", "^": "xor rxor", "~": "invert", "<<": "lshift rlshift",
    "<": "lt", "<=": "le", ">": "gt", ">=": "ge",
}  # fmt: skip


def _refuse(operator: str) -> Callable[..., Broken]:
    def composes_nothing(self: Expression, *others: object) -> Broken:
        return Broken(
            operator,
            f"composes nothing: nodes are not joined by {operator}",
            "write a >> b for one after the other, a | b for side by side",
        )

    return composes_nothing


# Else Python would walk through a node by asking it for its parts, one after the other, without an end.
setattr(Expression, "__iter__", None)  # noqa: B010

for _operator, _methods in _MEANINGLESS.items():
    for _method in _methods.split():
        setattr(Expression, f"__{_method}__", _refuse(_operator))
