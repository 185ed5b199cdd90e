"""What can be wrong with one node, wherever it stands in a graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.graph.channel import type_name
from orchestrator.graph.expression import Step
from orchestrator.graph.node import FunctionNode
from orchestrator.graph.plan.fault import Fault
from orchestrator.graph.plan.plan import Plan, calls
from orchestrator.graph.plan.resolve import labels_of
from orchestrator.graph.policy import Policy
from orchestrator.graph.serialise import why_not_serialisable
from orchestrator.graph.signature import Signature


def node_faults(path: str, step: Step, signature: Signature) -> Iterator[Fault]:
    """Faults of a node's signature, settings, bindings and policy."""
    for problem in signature.problems:
        yield Fault(path, problem.problem, problem.fix)
    parameters = {read.parameter for read in signature.reads}
    for parameter, _ in step.reads:
        if parameter not in parameters:
            known = ", ".join(sorted(parameters)) or "none"
            yield Fault(path, f"has no parameter {parameter!r} to rebind", f"its reads are: {known}")
    if step.writes is not None and len(signature.writes) != 1:
        yield Fault(
            path,
            f"writes {len(signature.writes)} channels, so that none can be renamed by .writing()",
            'name them in its return annotation: Annotated[X, "name"]',
        )
    if isinstance(step.node, FunctionNode) and step.node.missing:
        names = ", ".join(step.node.missing)
        yield Fault(path, f"lacks the setting {names}", f"call it: {step.node.title}({names}=…)")
    yield from _policy_faults(path, step.policy)
    try:
        hash(step)
    except TypeError:
        yield Fault(
            path,
            "has a setting that cannot be hashed, so that it cannot be compared or cached",
            "use immutable settings: a tuple instead of a list, a frozenset instead of a set",
        )


def _policy_faults(path: str, policy: Policy) -> Iterator[Fault]:
    if policy.attempts < 1:
        yield Fault(path, f"is tried {policy.attempts} times", "give it at least one attempt")
    for name, seconds in (("timeout", policy.timeout), ("cache", policy.cache)):
        if seconds is not None and seconds <= 0:
            yield Fault(path, f"has a {name} of {seconds} s", "give it a positive number of seconds")


def label_faults(path: str, returns: Any, labels: list[Any]) -> Iterator[Fault]:
    """Hold what a selector can return against the choices that there are."""
    possible = labels_of(returns)
    if not labels:
        yield Fault(path, "routes to nothing", "give route({...}) at least one choice")
    if possible is None:
        names = ", ".join(repr(label) for label in labels)
        yield Fault(
            path,
            f"returns {type_name(returns)}, so that its targets cannot be checked",
            f"annotate it -> Literal[{names}], an enum or bool",
        )
        return
    for label in possible:
        if label not in labels:
            known = ", ".join(repr(known) for known in labels)
            yield Fault(path, f"may return {label!r}, which is no target", f"add it to the choices ({known})")
    for label in labels:
        if label not in possible:
            yield Fault(
                path,
                f"never returns {label!r}: that choice is unreachable",
                "add it to the selector's return annotation, or drop the choice",
            )


def value_faults(plan: Plan) -> Iterator[Fault]:
    """Channels whose values could not be kept in a checkpoint, or could change under a reader."""
    writers = {slot.key: call.path for call in calls(plan.body) for slot in call.writes}
    seen: set[Any] = set()
    for slot in plan.slots:
        if slot.channel.type in seen or isinstance(slot.channel.type, str):
            continue
        seen.add(slot.channel.type)
        reason = why_not_serialisable(slot.channel.type)
        if reason is not None:
            yield Fault(writers.get(slot.key, "input"), f"{slot.channel} {reason[0]}", reason[1])


def port_faults(plan: Plan, ports: Mapping[Any, object]) -> Iterator[Fault]:
    """Ports that nodes need and nothing provides."""
    for call in calls(plan.body):
        for need in call.node.signature.needs:
            if need.port not in ports:
                there = ", ".join(sorted(type_name(port) for port in ports)) or "none"
                yield Fault(
                    call.path,
                    f"needs the port {type_name(need.port)}, which no connector provides",
                    f"give one in ports={{{type_name(need.port)}: …}} (there is: {there})",
                )
