"""A Qdrant server or cluster as vector store: points of a collection, changed in place."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """Import a name of `__init__.pyi` when it is first used: the client takes most of a second."""
    from orchestrator.lazy_names import load

    return load(__name__, name)
