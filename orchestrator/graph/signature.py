"""The signature of a node: what it reads, needs and writes, from its function's annotations alone."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from orchestrator.graph.channel import Channel, channel_of, is_union, type_name, unaliased, without_none
from orchestrator.graph.channel_type import marks_problem
from orchestrator.graph.names import a_kind_of
from orchestrator.graph.problem import Problem, raised
from orchestrator.graph.run_context import Run
from orchestrator.graph.type_parts import is_port

__all__ = ["Need", "Problem", "Read", "Signature", "is_port", "signature_of"]


@dataclass(frozen=True, slots=True)
class Read:
    """A parameter that is filled from the state; an optional one is None where nothing was written."""

    parameter: str
    channel: Channel
    optional: bool = False
    #: Whether the parameter has a default, which a read never takes.
    defaulted: bool = False


@dataclass(frozen=True, slots=True)
class Need:
    """A parameter that is filled with a port; an optional one is None where nothing provides it."""

    parameter: str
    port: Any
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """The contract of one node, as its annotations state it."""

    reads: tuple[Read, ...] = ()
    needs: tuple[Need, ...] = ()
    context: str | None = None
    settings: tuple[inspect.Parameter, ...] = ()
    writes: tuple[Channel, ...] = ()
    returns: Any = None
    asynchronous: bool = True
    problems: tuple[Problem, ...] = ()


class _Unresolved:
    """Stands for an annotation that names nothing; it has been reported."""


@lru_cache(maxsize=4096)
def signature_of(function: Callable[..., Any], *, method: bool = False) -> Signature:
    """The signature of a node's function; `method` skips `self` and allows no settings."""
    try:
        # What a decorator says it wraps need be no function, or go around; typing would follow it for ever.
        inspect.unwrap(function)
        inspect.signature(function)
    except (TypeError, ValueError) as error:
        fix = "decorate with functools.wraps(function), and set no __wrapped__ or __signature__ by hand"
        reason = str(error).splitlines()[0][:80].rstrip(". ")
        return Signature(problems=(Problem(f"has no signature that can be read ({reason})", fix),))
    except Exception as error:
        return Signature(problems=(raised(error),))
    try:
        return _Reader(function, method).signature()
    except Exception as error:
        return Signature(problems=(raised(error),))


class _Reader:
    """Reads one signature, parameter by parameter, collecting what no graph can use."""

    def __init__(self, function: Callable[..., Any], method: bool) -> None:
        self.function, self.method = function, method
        self.problems: list[Problem] = []
        self.reads: list[Read] = []
        self.needs: list[Need] = []
        self.settings: list[inspect.Parameter] = []
        self.contexts: list[str] = []

    def problem(self, problem: str, fix: str) -> None:
        self.problems.append(Problem(problem, fix))

    def signature(self) -> Signature:
        hints = {name: unaliased(hint) for name, hint in self.hints().items()}
        parameters = list(inspect.signature(self.function).parameters.values())
        for parameter in parameters[1 if self.method else 0 :]:
            self.parameter(parameter, hints.get(parameter.name, inspect.Parameter.empty))
        if len(self.contexts) > 1:
            self.problem(
                f"asks for Run {len(self.contexts)} times, as {' and '.join(self.contexts)}",
                "ask for it once",
            )
        writes = self.writes(hints)
        if inspect.isgeneratorfunction(self.function) or inspect.isasyncgenfunction(self.function):
            self.problem("is a generator", "return one value; stream text with run.emit(…)")
        return Signature(
            reads=tuple(self.reads),
            needs=tuple(self.needs),
            context=self.contexts[0] if self.contexts else None,
            settings=tuple(self.settings),
            writes=writes,
            returns=hints.get("return"),
            asynchronous=inspect.iscoroutinefunction(self.function),
            problems=tuple(self.problems),
        )

    def hints(self) -> dict[str, Any]:
        try:
            hints = typing.get_type_hints(self.function, include_extras=True)
        except Exception:
            hints = dict(inspect.unwrap(self.function).__annotations__)
        else:
            if not any(_is_unusable(hint) for hint in hints.values()):
                return hints
        return {name: self.hint(name, annotation) for name, annotation in hints.items()}

    def hint(self, name: str, annotation: Any) -> Any:
        """One annotation by itself, so that one that cannot be resolved hides no other."""
        where = "what it returns" if name == "return" else f"{name!r}"

        def holder() -> None: ...

        holder.__annotations__ = {name: annotation}
        scope = getattr(inspect.unwrap(self.function), "__globals__", {})
        try:
            found = typing.get_type_hints(holder, globalns=scope, include_extras=True)[name]
            if _is_unusable(found):
                raise TypeError(found)
        except Exception as error:
            self.unresolved(where, annotation, error)
            return _Unresolved
        return found

    def unresolved(self, where: str, annotation: Any, error: Exception) -> None:
        fix = "write one type, such as Hits or tuple[Hits, ...]"
        told = repr(annotation) if isinstance(annotation, str) else type_name(annotation)
        if isinstance(error, NameError):
            reason = str(error)
            fix = "import what it names at the top of its module, not under TYPE_CHECKING"
        elif isinstance(annotation, str):
            reason = "no type"
        else:
            told, reason = type_name(annotation), f"{a_kind_of(type(annotation).__name__)}, and no type"
            if isinstance(annotation, (list, tuple)):
                items = ", ".join(type_name(item) for item in cast("list[Any]", annotation))
                fix = (
                    f"write tuple[{items}]" if isinstance(annotation, tuple) else f"write tuple[{items}, ...]"
                )
        self.problem(f"has annotations that cannot be resolved: {where} is {told} ({reason})", fix)

    def parameter(self, parameter: inspect.Parameter, hint: Any) -> None:
        name = parameter.name
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and not self.method:
            self.setting(parameter, hint)
        elif parameter.kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD:
            self.problem(
                f"takes {name!r} as a parameter that is {parameter.kind.description}",
                "name each input as an annotated positional parameter"
                + (", and make settings fields of the class" if self.method else ""),
            )
        elif hint is _Unresolved:
            return
        elif without_none(hint)[0] is Run:
            self.contexts.append(name)
        elif is_port(without_none(hint)[0]):
            self.needs.append(Need(name, *without_none(hint)))
        else:
            self.read(parameter, hint)

    def setting(self, parameter: inspect.Parameter, hint: Any) -> None:
        inner = without_none(hint)[0]
        if is_port(inner) or inner is Run:
            self.problem(
                f"takes {type_name(inner)} as the setting {parameter.name!r}, but it is given by the run",
                f"put {parameter.name!r} before the *",
            )
        elif hint is inspect.Parameter.empty:
            self.problem(
                f"has the setting {parameter.name!r}, which has no type", "annotate it, such as k: int = 3"
            )
            self.settings.append(parameter)
        elif hint is not _Unresolved:
            self.settings.append(parameter.replace(annotation=hint))

    def read(self, parameter: inspect.Parameter, hint: Any) -> None:
        name = parameter.name
        if hint is Any or hint is inspect.Parameter.empty:
            self.problem(
                f"has the parameter {name!r}, which has no type",
                f"annotate {name!r} with the type it reads, such as Hits, or with a port",
            )
            return
        inner, optional = without_none(hint)
        wrong = marks_problem(inner)
        if wrong is not None:
            self.problem(f"reads {name!r}, and {wrong.problem}", wrong.fix)
            return
        channel = channel_of(inner)
        bare, optional_inside = without_none(channel.type)
        if is_union(bare):
            self.problem(
                f"has the parameter {name!r}, which reads a union, {type_name(hint)}",
                "read one type, or `X | None` for an optional one",
            )
        elif bare is None or bare is type(None):
            self.problem(
                f"has the parameter {name!r}, which reads None", "annotate it with the type it reads"
            )
        else:
            optional = optional or optional_inside
            # None is what an optional read is without a value, whether or not it says so.
            said = inspect.Parameter.empty, None if optional else inspect.Parameter.empty
            defaulted = all(parameter.default is not default for default in said)
            self.reads.append(Read(name, Channel(bare, channel.name), optional, defaulted))

    def writes(self, hints: dict[str, Any]) -> tuple[Channel, ...]:
        returned = hints.get("return", inspect.Parameter.empty)
        if returned is _Unresolved:
            return ()
        if returned is inspect.Parameter.empty or returned is Any:
            self.problem(
                "has no return annotation that says what it writes",
                "annotate what it returns, or `-> None` for an effect",
            )
            return ()
        if returned is None or returned is type(None):
            return ()
        arguments = typing.get_args(returned)
        several = typing.get_origin(returned) is tuple and Ellipsis not in arguments
        written = [tp for tp in (arguments if several else (returned,)) if self.can_write(tp)]
        channels = tuple(channel_of(tp) for tp in written)
        if len(set(channels)) < len(channels):
            self.problem(
                f"returns {type_name(returned)}, which writes one channel twice",
                f'name one of them: Annotated[{type_name(channels[0].type)}, "second"]',
            )
        if several and not arguments:
            self.problem("returns an empty tuple", "annotate `-> None` for an effect")
        return channels

    def can_write(self, tp: Any) -> bool:
        """Whether one returned type can be a channel; what it holds is judged where it flows."""
        channel = channel_of(tp)
        if is_union(channel.type):
            self.problem(
                f"returns a union, {type_name(tp)}",
                "return one type always; an empty value says that there is nothing",
            )
            return False
        wrong = marks_problem(tp)
        if wrong is not None:
            self.problem(f"returns a value, and {wrong.problem}", wrong.fix)
            return False
        if channel.type is None or channel.type is type(None):
            self.problem("returns None in a tuple", "return values only; `-> None` alone is an effect")
            return False
        return True


def _is_unusable(hint: Any) -> bool:
    """Whether a hint is a display of types, such as `[Hits]`, or anything else that cannot be a key."""
    try:
        hash(hint)
    except TypeError:
        return True
    return isinstance(hint, tuple)
