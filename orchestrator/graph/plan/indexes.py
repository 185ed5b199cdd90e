"""Which index a node searches, and whether there is one of that name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from orchestrator.errors import IndexMismatch, SettingsError
from orchestrator.graph.node import FunctionNode
from orchestrator.graph.plan.fault import Fault
from orchestrator.graph.plan.plan import Plan, calls

if TYPE_CHECKING:
    from orchestrator.ports import IndexedPorts

#: The most indexes that a fault names.
_SHOWN = 5


def index_of(node: Any) -> str:
    """The index whose ports a node is given: that of its setting `index`; "" for the run's own."""
    if isinstance(node, FunctionNode):
        defaults = {setting.name: setting.default for setting in node.signature.settings}
        name: Any = {**defaults, **dict(node.settings)}.get("index")
    else:
        name = getattr(node, "index", "")
    return name if isinstance(name, str) and node.signature.needs else ""


def named_indexes(plan: Plan) -> tuple[str, ...]:
    """The indexes that the nodes of a plan name, each once."""
    return tuple(dict.fromkeys(name for call in calls(plan.body) if (name := index_of(call.node))))


def index_faults(plan: Plan, ports: Mapping[Any, object]) -> Iterator[Fault]:
    """Indexes that nodes name and that do not exist."""
    from orchestrator.ports import IndexedPorts

    for call in calls(plan.body):
        name = index_of(call.node)
        if not name:
            continue
        if not isinstance(ports, IndexedPorts):
            yield Fault(
                call.path,
                f"names the index {name!r}, but these ports belong to one index",
                "give it the ports of an application: ports=application.ports()",
            )
            continue
        try:
            ports.of(name)
        except IndexMismatch:
            how = f"make it: orchestrator index add PATH --index {name}, or name one that there is"
            yield _missing(call.path, name, "which does not exist", how, ports)
        except SettingsError:
            yield _missing(call.path, name, "which no index can be called", "name one that there is", ports)


def _missing(path: str, name: str, problem: str, fix: str, ports: IndexedPorts) -> Fault:
    known = list(ports.indexes())
    there = ", ".join((get_close_matches(name, known) or known)[:_SHOWN]) or "none"
    return Fault(path, f"names the index {name!r}, {problem}", f"{fix}: {there}")
