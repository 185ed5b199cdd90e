"""Qdrant Edge, the Qdrant engine in process: immutable shards, and searches over them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connectors.qdrant_edge.shards import EdgeShardWriter
    from connectors.qdrant_edge.store import EdgeVectorStore

__all__ = ["EdgeShardWriter", "EdgeVectorStore"]

_HOMES = {"EdgeShardWriter": "shards", "EdgeVectorStore": "store"}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: the engine takes a tenth of a second."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'connectors.qdrant_edge' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"connectors.qdrant_edge.{home}"), name)
