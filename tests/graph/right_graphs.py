"""Graphs that must pass: every shape that the documentation offers, and the types and settings in them."""

from __future__ import annotations

from tests.graph.corpus import (
    right_branches,
    right_compositions,
    right_edges,
    right_nodes,
    right_shapes,
    right_types,
)
from tests.graph.corpus.case import joined

KINDS = (right_types, right_nodes, right_compositions, right_branches, right_edges, right_shapes)

RIGHT = joined(kind.RIGHT for kind in KINDS)
