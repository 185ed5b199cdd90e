"""Which types a channel may have, in words: what is wrong with an annotation, and what to write instead."""

from __future__ import annotations

import typing
from typing import Any

from orchestrator.graph.channel import channel_of, is_union, type_name, unaliased
from orchestrator.graph.names import a_kind_of, name_problem
from orchestrator.graph.problem import Problem, judged
from orchestrator.graph.run_context import Run
from orchestrator.graph.type_parts import class_of, is_port
from orchestrator.graph.value_types import Fault, Unfit, survey

_ONE_TYPE = "name one type: a frozen dataclass, a frozen model, or a plain type such as str"
_UNCHANGING = "use tuple for list, frozenset for set, and a frozen dataclass or a tuple of pairs for dict"
#: What is said of a type, behind its name, and what to do about it. `{name}` is the class's own,
#: `{held}` what its brackets take, `{kind}` the kind of a value, `{reason}` what Python said.
_WORDS: dict[Unfit, tuple[str, str]] = {
    Unfit.ANYTHING: ("may be anything, and so cannot be checked", _ONE_TYPE),
    Unfit.VARIABLE: (
        "is a type variable, which stands for no type here",
        "name the type that it stands for",
    ),
    Unfit.CODE: ("is code, which cannot be written down", "make it a setting, or a node of its own"),
    Unfit.FORM: ("is not a type of values", _ONE_TYPE),
    Unfit.VALUE: ("is {kind}, and no type", _ONE_TYPE),
    Unfit.UNSAID: ("does not say what it holds", "write {name}[{held}]"),
    Unfit.CHANGES: ("can be changed by whoever reads it", _UNCHANGING),
    Unfit.MAY_CHANGE: ("may be a list or dict, which can be changed by whoever reads it", _UNCHANGING),
    Unfit.OPEN_DATACLASS: (
        "is a dataclass that can be changed by whoever reads it",
        "declare {name} with @dataclass(frozen=True)",
    ),
    Unfit.OPEN_MODEL: (
        "is a model that can be changed by whoever reads it",
        "declare {name} frozen: model_config = ConfigDict(frozen=True)",
    ),
    Unfit.USED_UP: (
        "is used up by its first reader",
        "return the value itself, or a tuple of the values",
    ),
    Unfit.PORT: (
        "is a port, which nodes are given",
        "ask for it as a parameter of the node that uses it",
    ),
    Unfit.RUN: (
        "is the run, which nodes are given",
        "ask for it as a parameter of the node that uses it",
    ),
    Unfit.UNWRITABLE: (
        "cannot be serialised",
        "make it a frozen dataclass or a frozen pydantic model of plain values",
    ),
    Unfit.UNRESOLVED: (
        "cannot be resolved{reason}",
        "import the type at the top of its module",
    ),
    Unfit.TWO_OF_A_NAME: (
        "has the name of another class beside it, and so would be read back as that",
        "give one of the two classes another name",
    ),
}


@judged
def annotation_problem(annotation: Any) -> Problem | None:
    """Why something cannot stand where the type of a channel must, such as in `outputs`."""
    if isinstance(annotation, str):
        return Problem(
            f"{annotation!r} is a text, and no type", "write the type itself, imported and without quotes"
        )
    marks = marks_problem(annotation)
    if marks is not None:
        return marks
    tp = channel_of(annotation).type
    if tp is None or tp is type(None):
        return Problem("None is no type of a value", _ONE_TYPE)
    if is_union(tp):
        return Problem(f"{type_name(tp)} is a union", "name one type; a channel holds one")
    if is_port(tp):
        return Problem(
            f"{type_name(tp)} is a port, which nodes are given",
            "leave it out here; pass it in ports={…} of the run",
        )
    if tp is Run:
        return Problem("Run is given to every node that asks for it", "leave it out here")
    return flow_problem(tp)


@judged
def marks_problem(annotation: Any) -> Problem | None:
    """What is wrong with the name in `Annotated[X, "name"]`."""
    annotation = unaliased(annotation)
    if typing.get_origin(annotation) is not typing.Annotated:
        return None
    tp, *marks = typing.get_args(annotation)
    names = [mark for mark in marks if isinstance(mark, str)]
    fix = f'name the channel: Annotated[{type_name(tp)}, "first"], or write {type_name(tp)} alone'
    for name in names:
        wrong = name_problem("channel", name)
        if wrong is not None:
            return Problem(f"{type_name(annotation)} {wrong.problem}", fix)
    if len(names) > 1:
        return Problem(f"{type_name(annotation)} has {len(names)} names", fix)
    # What pydantic reads of an annotation, such as a Field, is not ours to judge.
    odd: list[Any] = [
        mark for mark in marks if mark is None or isinstance(mark, (int, float, bytes, tuple, list, type))
    ]
    if odd and not names:
        return Problem(f"{type_name(annotation)} names its channel by {odd[0]!r}, which is no text", fix)
    return None


def _is_set(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, frozenset)


def _worded(fault: Fault) -> Problem:
    kind = class_of(fault.type)
    said, fix = _WORDS[fault.why]
    if fault.why is Unfit.UNSAID and kind not in (tuple, frozenset):
        fix = "derive {name} from {base}[{held}]"
    name = type_name(fault.type)
    words = {
        "name": type_name(kind),
        "base": "frozenset" if _is_set(kind) else "tuple",
        "held": "X" if _is_set(kind) else "X, ...",
        "kind": a_kind_of(type(kind).__name__),
        "reason": f" ({fault.reason})" if fault.reason else "",
    }
    return Problem(
        f"{fault.owner}: {name} {said.format(**words)}" if fault.owner else f"{name} {said.format(**words)}",
        fix.format(**words),
    )


@judged
def flow_problem(tp: Any) -> Problem | None:
    """Why values of a type cannot flow from node to node; None if they can."""
    fault = survey(tp).fault
    return None if fault is None else _worded(fault)
