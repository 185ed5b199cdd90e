"""Checks of a single node: signature, settings, bindings, policy, ports."""

from __future__ import annotations

import enum
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from orchestrator.graph.channel import Channel, type_name
from orchestrator.graph.channel_type import annotation_problem, flow_problem
from orchestrator.graph.expression import Nested, Step
from orchestrator.graph.names import name_problem
from orchestrator.graph.plan.fault import Fault
from orchestrator.graph.plan.plan import Plan, Slot, calls
from orchestrator.graph.plan.resolve import declared_channels, labels_of
from orchestrator.graph.plan.settings import setting_faults
from orchestrator.graph.policy import Policy
from orchestrator.graph.signature import Signature

#: The longest time that can be waited for or kept, in seconds: a century.
LONGEST = 3.2e9


def node_faults(path: str, step: Step, signature: Signature) -> Iterator[Fault]:
    """Faults of a node's signature, settings, bindings and policy."""
    for problem in signature.problems:
        yield Fault(path, problem.problem, problem.fix)
    if not callable(step.node.function):
        yield Fault(path, "has a function that cannot be called", "define async def __call__(self, …) alone")
    parameters = {read.parameter for read in signature.reads}
    for parameter, name in step.reads:
        wrong = name_problem("channel", name)
        if parameter not in parameters:
            known = ", ".join(sorted(parameters)) or "none"
            yield Fault(
                path, f"has no parameter {parameter!r} to rebind", f"rebind one of its reads: {known}"
            )
        elif wrong is not None:
            yield Fault(path, f"reads {parameter!r} where .reading() {wrong.problem}", wrong.fix)
    written = None if step.writes is None else name_problem("channel", step.writes)
    if written is not None:
        yield Fault(path, f"writes where .writing() {written.problem}", written.fix)
    elif step.writes is not None and len(signature.writes) != 1:
        yield Fault(
            path,
            f"writes {_listed(signature.writes)}, so that .writing() renames none of them",
            'drop .writing(…), and name them in its return annotation: Annotated[X, "name"]',
        )
    yield from setting_faults(path, step.node)
    yield from _policy_faults(path, step.policy)
    if step.policy.cache is None:
        return
    # Most workflows keep nothing, and need not read the library's code.
    from orchestrator.graph.plan.fingerprint import node_identity

    unknown = node_identity(step.node).unknown
    if unknown:
        yield Fault(
            path,
            f"is kept by .within(cache=…), but uses {' and '.join(unknown)}, whose value cannot be known",
            "drop cache=, or let the node ask for it as a port",
        )


def _listed(channels: tuple[Channel, ...]) -> str:
    return " and ".join(str(channel) for channel in channels) or "nothing"


def _policy_faults(path: str, policy: Policy) -> Iterator[Fault]:
    if not is_count(policy.attempts):
        yield Fault(
            path,
            f"has attempts={policy.attempts!r}, which is no number of attempts",
            "give it a whole number of 1 or more: .within(attempts=3)",
        )
    seconds: tuple[tuple[str, Any], ...] = (("timeout", policy.timeout), ("cache", policy.cache))
    for name, given in seconds:
        if given is not None and not _is_seconds(given):
            yield Fault(
                path,
                f"has {name}={given!r}, which is no number of seconds above 0",
                f"give it a positive number of seconds: .within({name}=5), or leave it out",
            )


def is_count(value: Any) -> bool:
    """Whether a value is a whole number of at least one."""
    return (type(value) is int or isinstance(value, enum.IntEnum)) and 1 <= value <= sys.maxsize


def _is_seconds(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 < value <= LONGEST


def label_faults(path: str, returns: Any, labels: list[Any]) -> Iterator[Fault]:
    """Hold what a selector can return against the choices that there are."""
    possible = labels_of(returns)
    if not labels:
        yield Fault(path, "routes to nothing", "give route({…}, by=…) a choice for each label")
        return
    if possible is None:
        names = ", ".join(label_name(label) for label in labels)
        yield Fault(
            path,
            f"returns {type_name(returns)}, so that its targets cannot be checked",
            f"annotate it -> Literal[{names}], an enum or bool",
        )
        return
    if len(set(possible)) < len(possible):
        yield Fault(
            path,
            f"returns {type_name(returns)}, of which two labels are equal to Python",
            "give the choices labels that differ, such as words",
        )
        return
    for label in possible:
        if label not in labels:
            name = label_name(label)
            yield Fault(path, f"may return {name}, which is no target", f"give it a choice: {{{name}: …}}")
    for label in labels:
        if label not in possible:
            yield Fault(
                path,
                f"never returns {label_name(label)}: that choice is unreachable",
                "add it to the selector's return annotation, or drop the choice",
            )


def label_name(label: Any) -> str:
    """A label as a user writes it."""
    return f"{type(label).__name__}.{label.name}" if isinstance(label, enum.Enum) else repr(label)


def declaration_faults(path: str, workflow: Nested) -> Iterator[Fault]:
    """Faults of a workflow's name, inputs and outputs."""
    unnamed = name_problem("workflow", workflow.name)
    if unnamed is not None:
        yield Fault(path, unnamed.problem, unnamed.fix)
    for name, types in (("inputs", workflow.inputs), ("outputs", workflow.outputs)):
        given: Any = types
        if not isinstance(given, tuple):
            shown = repr(given) if isinstance(given, str) else type_name(given)
            fix = f"write {name}=({shown},)" if annotation_problem(given) is None else f"write {name}=(Hits,)"
            yield Fault(path, f"has {name}={shown}, which is no tuple of types", fix)
            continue
        for tp in types:
            wrong = annotation_problem(tp)
            if wrong is not None:
                yield Fault(path, f"has among its {name} what is no channel: {wrong.problem}", wrong.fix)
    inputs = declared_channels(workflow.inputs)
    for channel in dict.fromkeys(channel for channel in inputs if inputs.count(channel) > 1):
        yield Fault(
            path,
            f"has {channel} twice among its inputs",
            f'name it once, or give the second a name: Annotated[{type_name(channel.type)}, "second"]',
        )


def value_faults(slots: Iterable[Slot], made: Mapping[str, str]) -> Iterator[Fault]:
    """Channels whose values could not be kept in a checkpoint, or could change under a reader.

    `made` says who wrote a slot first.
    """
    seen: set[Any] = set()
    for slot in slots:
        path = made.get(slot.key)
        if path and slot.channel.type not in seen:
            seen.add(slot.channel.type)
            problem = flow_problem(slot.channel.type)
            if problem is not None:
                yield Fault(path, f"has a value that cannot flow: {problem.problem}", problem.fix)


def port_faults(plan: Plan, ports: Mapping[Any, object]) -> Iterator[Fault]:
    """Ports that nodes need and nothing provides."""
    for call in calls(plan.body):
        for need in call.node.signature.needs:
            if need.port not in ports and not need.optional:
                there = ", ".join(sorted(type_name(port) for port in ports)) or "none"
                yield Fault(
                    call.path,
                    f"needs the port {type_name(need.port)}, which no connector provides",
                    f"give one in ports={{{type_name(need.port)}: …}} (there is: {there}), "
                    f"or annotate it {type_name(need.port)} | None",
                )
