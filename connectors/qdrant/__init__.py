"""A Qdrant server or cluster as vector store: points of a collection, changed in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connectors.qdrant.rows import QdrantRows
    from connectors.qdrant.server import QdrantServer
    from connectors.qdrant.store import QdrantVectorStore

__all__ = ["QdrantRows", "QdrantServer", "QdrantVectorStore"]

_HOMES = {"QdrantRows": "rows", "QdrantServer": "server", "QdrantVectorStore": "store"}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: the client takes most of a second."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'connectors.qdrant' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"connectors.qdrant.{home}"), name)
