"""Qdrant Edge, the Qdrant engine in process: immutable shards, and searches over them."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """Import a name of `__init__.pyi` when it is first used: the engine takes a tenth of a second."""
    from orchestrator.lazy_names import load

    return load(__name__, name)
