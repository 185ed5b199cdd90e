"""PostgreSQL with the extension pgvector as vector store: rows of a table, changed in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connectors.pgvector.database import VectorDatabase
    from connectors.pgvector.store import PgVectorStore
    from connectors.pgvector.writer import PgIndexWriter

__all__ = ["PgIndexWriter", "PgVectorStore", "VectorDatabase"]

_HOMES = {"PgIndexWriter": "writer", "PgVectorStore": "store", "VectorDatabase": "database"}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: the driver takes a tenth of a second."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'connectors.pgvector' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"connectors.pgvector.{home}"), name)
