"""Reranking: one node, a strategy a file."""

from __future__ import annotations

from orchestrator.nodes.rerank.node import Rerank

__all__ = ["Rerank"]
