"""Versions that an experiment was run with, for reproduction."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from orchestrator.errors import ModelError
from orchestrator.graph.channel import type_name
from orchestrator.ports import LanguageModel, Operation, resolved_name, scores_texts
from orchestrator.version import __version__

#: Distributions that rankings or scores depend on, where they are installed.
DISTRIBUTIONS = (
    "langgraph",
    "numpy",
    "qdrant-edge-py",
    "qdrant-client",
    "wordllama",
    "torch",
    "ir-measures",
    "pytrec-eval-terrier",
    "pyndeval",
)


def versions(ports: Mapping[Any, Any]) -> dict[str, str]:
    """Versions of the library, of what it stands on, and names of what the ports are."""
    found = {"orchestrator": __version__, "python": platform.python_version()}
    for name in DISTRIBUTIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {**found, **dict(name.split("=", 1) for name in port_names(ports))}


def port_names(ports: Mapping[Any, Any]) -> list[str]:
    """The model name or content version of each port, as `Port=name`."""
    named: list[str] = []
    for port, provided in ports.items():
        # An embedder or model has a name, a store a version.
        name = getattr(provided, "name", None) or getattr(provided, "version", None)
        if isinstance(name, str) and name:
            named.append(f"{type_name(port)}={name}")
    return sorted(named)


async def answering_models(ports: Mapping[Any, Any]) -> list[str]:
    """Who answers for each port now: the model with its options, as its server tells it, and the servers.

    Two models of one name are told apart by it. A model whose server says nothing counts by its name.
    """
    found = port_names(ports)
    for port, provided in ports.items():
        if not hasattr(provided, "resolved_name"):
            continue
        operations: list[Operation] = ["generate"] if port is LanguageModel else ["embed"]
        if port is LanguageModel and scores_texts(provided):
            operations.append("score")
        names = [await _answering(provided, operation) for operation in operations]
        found.append(f"{type_name(port)}: {names} at {getattr(provided, 'addresses', ())}")
    return sorted(found)


async def _answering(model: Any, operation: Operation) -> str:
    try:
        return await resolved_name(model, operation)
    except ModelError:
        return model.name
