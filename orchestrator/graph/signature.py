"""What a node reads, needs and writes, taken from the annotations of its function and nothing else."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from orchestrator.graph.channel import Channel, channel_of, type_name, without_none
from orchestrator.graph.context import Run


@dataclass(frozen=True, slots=True)
class Read:
    """A parameter that is filled from the state; an optional one is None where nothing was written."""

    parameter: str
    channel: Channel
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Need:
    """A parameter that is filled with a port."""

    parameter: str
    port: Any


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a signature that no graph can use, and what to write instead."""

    problem: str
    fix: str


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


def is_port(tp: Any) -> bool:
    """Whether a type is a Protocol, and so injected rather than read from the state."""
    return isinstance(tp, type) and bool(getattr(tp, "_is_protocol", False))


@lru_cache(maxsize=4096)
def signature_of(function: Callable[..., Any], *, method: bool = False) -> Signature:
    """The signature of a node's function; `method` skips `self` and allows no settings."""
    problems: list[Problem] = []
    hints = _hints(function, problems)
    reads: list[Read] = []
    needs: list[Need] = []
    settings: list[inspect.Parameter] = []
    context = None
    parameters = list(inspect.signature(function).parameters.values())[1 if method else 0 :]
    for parameter in parameters:
        hint = hints.get(parameter.name, Any)
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and not method:
            settings.append(parameter.replace(annotation=hint))
        elif parameter.kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD:
            problems.append(
                Problem(
                    f"parameter {parameter.name!r} is {parameter.kind.description}",
                    "name each input as an annotated positional parameter"
                    + (", and make settings fields of the class" if method else ""),
                )
            )
        elif hint is Run:
            context = parameter.name
        elif is_port(hint):
            needs.append(Need(parameter.name, hint))
        else:
            reads.append(_read(parameter.name, hint, problems))
    writes = _writes(hints, problems)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        problems.append(Problem("it is a generator", "return one value; stream text with run.emit(…)"))
    return Signature(
        reads=tuple(reads),
        needs=tuple(needs),
        context=context,
        settings=tuple(settings),
        writes=writes,
        returns=hints.get("return"),
        asynchronous=inspect.iscoroutinefunction(function),
        problems=tuple(problems),
    )


def _hints(function: Callable[..., Any], problems: list[Problem]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError) as error:
        problems.append(
            Problem(
                f"its annotations cannot be resolved ({error})",
                "import the types it names at the top of its module, not under TYPE_CHECKING",
            )
        )
        return dict.fromkeys(function.__annotations__, Any)


def _read(parameter: str, hint: Any, problems: list[Problem]) -> Read:
    inner, optional = without_none(hint)
    channel = channel_of(inner)
    bare, optional_inside = without_none(channel.type)
    channel = Channel(bare, channel.name)
    if channel.type is Any or channel.type is inspect.Parameter.empty:
        problems.append(
            Problem(
                f"parameter {parameter!r} has no type",
                "annotate it with the type it reads, such as Hits, or with a port",
            )
        )
    elif typing.get_origin(channel.type) in (typing.Union, types.UnionType):
        problems.append(
            Problem(
                f"parameter {parameter!r} reads a union, {type_name(channel.type)}",
                "read one type, or `X | None` for an optional one",
            )
        )
    return Read(parameter, channel, optional or optional_inside)


def _writes(hints: dict[str, Any], problems: list[Problem]) -> tuple[Channel, ...]:
    if "return" not in hints or hints["return"] is Any:
        problems.append(
            Problem("it has no return annotation", "annotate what it returns, or `-> None` for an effect")
        )
        return ()
    returned = hints["return"]
    if returned is type(None):
        return ()
    arguments = typing.get_args(returned)
    several = typing.get_origin(returned) is tuple and Ellipsis not in arguments
    channels = tuple(channel_of(item) for item in (arguments if several else (returned,)))
    if len(set(channels)) < len(channels):
        problems.append(
            Problem(
                f"it returns {type_name(returned)}, which writes one channel twice",
                'name one of them: Annotated[X, "name"]',
            )
        )
    problems.extend(
        Problem(
            f"it returns a union, {type_name(channel.type)}",
            "return one type always; an empty value says that there is nothing",
        )
        for channel in channels
        if typing.get_origin(channel.type) in (typing.Union, types.UnionType)
    )
    return channels
