"""Qdrant Edge, the Qdrant engine in process: immutable shards, and searches over them."""

from __future__ import annotations

from connectors.qdrant_edge.shards import EdgeShardWriter
from connectors.qdrant_edge.store import EdgeVectorStore

__all__ = ["EdgeShardWriter", "EdgeVectorStore"]
