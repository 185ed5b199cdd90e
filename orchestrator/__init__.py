"""Compose retrieval, reasoning and recommendation as one typed graph; check it; run it three ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.application.application import Application
    from orchestrator.budget import Budget
    from orchestrator.graph.algebra import SKIP, each, fuse, repeat, route
    from orchestrator.graph.context import Run
    from orchestrator.graph.node import Node, node
    from orchestrator.graph.run.events import Event, Finished, NodeFinished, NodeStarted, Restarted, Text
    from orchestrator.graph.run.result import RunResult
    from orchestrator.graph.workflow import Workflow, workflow
    from orchestrator.types import ANONYMOUS, Answer, Context, Hits, Principal, Queries, Question

__version__ = "0.1.0"

_HOMES = {
    "Application": "orchestrator.application.application",
    **dict.fromkeys(("SKIP", "each", "fuse", "repeat", "route"), "orchestrator.graph.algebra"),
    "Budget": "orchestrator.budget",
    "Run": "orchestrator.graph.context",
    **dict.fromkeys(
        ("Event", "Finished", "NodeFinished", "NodeStarted", "Restarted", "Text"),
        "orchestrator.graph.run.events",
    ),
    **dict.fromkeys(("Node", "node"), "orchestrator.graph.node"),
    "RunResult": "orchestrator.graph.run.result",
    **dict.fromkeys(("Workflow", "workflow"), "orchestrator.graph.workflow"),
    **dict.fromkeys(
        ("ANONYMOUS", "Answer", "Context", "Hits", "Principal", "Queries", "Question"), "orchestrator.types"
    ),
}

__all__ = [
    "ANONYMOUS",
    "SKIP",
    "Answer",
    "Application",
    "Budget",
    "Context",
    "Event",
    "Finished",
    "Hits",
    "Node",
    "NodeFinished",
    "NodeStarted",
    "Principal",
    "Queries",
    "Question",
    "Restarted",
    "Run",
    "RunResult",
    "Text",
    "Workflow",
    "each",
    "fuse",
    "node",
    "repeat",
    "route",
    "workflow",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that importing the package costs nothing."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'orchestrator' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value
